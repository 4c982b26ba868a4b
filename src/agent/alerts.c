/* Alerts in the making: when one is opened, told, and closed. */
#include <stdlib.h>
#include <string.h>

#include "agent/behalf.h"
#include "agent/state.h"
#include "base/clock.h"
#include "base/memory.h"

#define FOREIGN_KEPT ((size_t)8 << 20) /* bytes, of all alerts that have closed */
#define TELL_EACH    (2 * NS_PER_S)    /* how often an alert that grows is told again */
/* As long as the most patient engine waits until it kills what it told to stop (Kubernetes). */
#define STOP_GRACE (30 * NS_PER_S)

/* ---- kept for `skink alerts` ---- */

struct kept_alert *alerts_find(struct agent *agent, const char *id)
{
    for (size_t i = 0; i < ALERTS_KEPT && i < agent->alerts_count; i++)
        if (strcmp(json_string_value(json_object_get(agent->alerts[i].told, "id")), id) == 0)
            return &agent->alerts[i];
    return NULL;
}

static void forget(struct kept_alert *kept)
{
    json_decref(kept->told);
    foreign_free(kept->foreign);
    *kept = (struct kept_alert){0};
}

static void keep(struct agent *agent, json_t *json)
{
    struct kept_alert *kept = alerts_find(agent, json_string_value(json_object_get(json, "id")));
    if (!kept) {
        kept = &agent->alerts[agent->alerts_count++ % ALERTS_KEPT];
        forget(kept);
    }
    json_decref(kept->told);
    kept->told = json_incref(json);
}

/* What an alert that ends has found foreign is kept with it, the oldest only as long as there is
 * room. */
static void keep_foreign(struct agent *agent, struct alert *alert)
{
    size_t bytes = 0;
    struct kept_alert *kept = alerts_find(agent, alert_id(alert));
    if (!kept)
        return;
    kept->foreign = alert_take_foreign(alert);
    for (uint64_t i = agent->alerts_count; i > 0 && agent->alerts_count - i < ALERTS_KEPT; i--) {
        struct kept_alert *each = &agent->alerts[(i - 1) % ALERTS_KEPT];
        bytes += each->foreign ? foreign_bytes(each->foreign) : 0;
        if (bytes > FOREIGN_KEPT) {
            foreign_free(each->foreign);
            each->foreign = NULL;
        }
    }
}

void alerts_forget(struct agent *agent)
{
    for (size_t i = 0; i < ALERTS_KEPT; i++)
        forget(&agent->alerts[i]);
}

/* ---- told ---- */

void alerts_publish(struct agent *agent, json_t *json)
{
    sink_alert(agent->sink, json);
    sealed_write(agent->sealed, "alert", json);
    if (agent->control)
        control_broadcast(agent->control, json);
    keep(agent, json);
}

/* Who acts does so before anything that takes time; what is only planned can wait for the alert. */
static void tell(struct agent *agent, struct watched *watched, enum alert_state state)
{
    struct alert *alert = watched->alert;
    json_t *json = alert_json(alert, state);
    uint64_t first = alert_first(alert);
    bool acts = watched->service->config.respond.policy == POLICY_ACT;
    struct behalf behalf = {.answer = -1};
    if (state != ALERT_CLOSED)
        behalf_ask(agent, watched, &behalf);
    if (state != ALERT_CLOSED && acts)
        response_alert(agent, watched, json);
    if (state == ALERT_OPEN)
        flows_look(agent);
    json_object_set_new(json, "flows",
                        flows_facts(agent, watched, first > CAUSE_CHAIN ? first - CAUSE_CHAIN : 0));
    alerts_publish(agent, json);
    behalf_learn(agent, watched, &behalf);
    incidents_follow(agent, watched, alert, json);
    if (state != ALERT_CLOSED && !acts)
        response_alert(agent, watched, json);
    json_decref(json);
}

static void end_alert(struct agent *agent, struct watched *watched)
{
    if (!watched->alert)
        return;
    alert_refresh(watched->alert);
    tell(agent, watched, ALERT_CLOSED);
    keep_foreign(agent, watched->alert);
    alert_free(watched->alert);
    watched->alert = NULL;
    watched->planned = watched->told_nothing = false;
    watched->service->open_alerts--;
}

static struct alert *open_alert(struct agent *agent, struct watched *watched,
                                const struct report *crossing)
{
    const struct alert_subject subject = {.service = watched->service,
                                          .workload = &watched->workload,
                                          .probe = agent->probe,
                                          .processes = agent->processes,
                                          .replica = watched->index};
    watched->alert = alert_new(&subject, crossing);
    watched->told = clock_monotonic();
    cause_begin(&watched->cause, alert_first(watched->alert));
    watched->service->alerts++;
    watched->service->open_alerts++;
    return watched->alert;
}

/* The index of the first of the recent novelties that has the same cause as what happens at `time`:
 * back along the chain as long as one follows closely on the other. */
static uint64_t chain_start(const struct watched *watched, uint64_t time)
{
    uint64_t oldest = watched->recent_count > RECENT ? watched->recent_count - RECENT : 0;
    uint64_t start = watched->recent_count;
    while (start > oldest) {
        uint64_t before = watched->recent[(start - 1) % RECENT].head.time;
        if (time > before && time - before > CAUSE_CHAIN)
            break;
        time = before;
        start--;
    }
    return start;
}

/* Facts of this kind within the last minute. */
static uint32_t recent_facts(const struct watched *watched, enum fact_kind kind, uint64_t now)
{
    uint32_t count = 0;
    for (uint64_t i = 0; i < watched->facts_count && i < FACTS; i++) {
        const struct fact *fact = &watched->facts[i];
        count += (fact->kind == FACT_FLOW) == (kind == FACT_FLOW) &&
                 clock_passed(now, fact->time) < CAUSE_QUIET;
    }
    return count;
}

/* What the replica did besides shortly before belongs to the alert, too. */
static void note_facts(struct watched *watched, uint64_t now)
{
    uint64_t oldest = watched->facts_count > FACTS ? watched->facts_count - FACTS : 0;
    for (uint64_t i = oldest; i < watched->facts_count; i++)
        if (clock_passed(now, watched->facts[i % FACTS].time) < CAUSE_QUIET)
            alert_note_fact(watched->alert, &watched->facts[i % FACTS]);
    watched->facts_count = 0;
    watched->facts_held_back = false;
}

/* True when the alert becomes a graver one by it. */
static bool take(struct agent *agent, struct watched *watched, const struct report *report)
{
    cause_take(&watched->cause, agent->processes, report);
    return alert_note(watched->alert, report);
}

static void note_recent(struct agent *agent, struct watched *watched, uint64_t time)
{
    uint64_t oldest = watched->recent_count > RECENT ? watched->recent_count - RECENT : 0;
    uint64_t start = chain_start(watched, time);
    for (uint64_t i = oldest; i < start; i++)
        alert_note_earlier(watched->alert, &watched->recent[i % RECENT],
                           clock_passed(time, CAUSE_CHAIN));
    for (uint64_t i = start; i < watched->recent_count; i++)
        take(agent, watched, &watched->recent[i % RECENT]);
    watched->recent_count = 0;
}

static void raise_facts(struct agent *agent, struct watched *watched, uint64_t time)
{
    open_alert(agent, watched, NULL);
    note_facts(watched, time);
    note_recent(agent, watched, time);
    alert_refresh(watched->alert);
    tell(agent, watched, ALERT_OPEN);
}

/* An alert that is open ends by this: it was about another cause, which may have shown all this. */
static void raise_alert(struct agent *agent, struct watched *watched, const struct report *crossing)
{
    struct report opening = *crossing;
    opening.flags |= watched->alert ? REPORT_NEW : 0;
    end_alert(agent, watched);
    open_alert(agent, watched, crossing);
    note_recent(agent, watched, crossing->head.time);
    note_facts(watched, crossing->head.time);
    take(agent, watched, &opening);
    alert_refresh(watched->alert);
    tell(agent, watched, ALERT_OPEN);
}

/* ---- the end of a replica ---- */

/* Was this after the order to stop, and may it be the end that was ordered? */
static bool is_ending(const struct agent *agent, const struct watched *watched, uint64_t time)
{
    uint64_t stopped = probe_replica(agent->probe, watched->index)->stopped;
    return stopped && time >= stopped && time - stopped < STOP_GRACE;
}

/*
 * How a service ends is seldom seen while it is learned, and what is stopped is gone in a moment:
 * it is listened to only when it lives on.
 */
static void hold_back(struct watched *watched, const struct report *crossing)
{
    if (watched->last_words)
        return;
    watched->last_words = memory_must(malloc(sizeof *crossing));
    *watched->last_words = *crossing;
}

static void raise_held_back(struct agent *agent, struct watched *watched, uint64_t now)
{
    if (is_ending(agent, watched, now))
        return;
    if (watched->last_words)
        raise_alert(agent, watched, watched->last_words);
    else if (watched->facts_held_back)
        raise_facts(agent, watched, now);
    free(watched->last_words);
    watched->last_words = NULL;
}

void alerts_fact(struct agent *agent, struct watched *watched, const struct fact *fact)
{
    uint32_t threshold = alert_threshold(&watched->service->config, fact->kind);
    if (watched->alert) {
        if (alert_note_fact(watched->alert, fact))
            tell(agent, watched, ALERT_GROWING);
        return;
    }
    watched->facts[watched->facts_count++ % FACTS] = *fact;
    if (!threshold || recent_facts(watched, fact->kind, fact->time) < threshold)
        return;
    if (is_ending(agent, watched, fact->time))
        watched->facts_held_back = true;
    else
        raise_facts(agent, watched, fact->time);
}

void alerts_report(struct agent *agent, struct watched *watched, const struct report *report)
{
    if (watched->alert && !cause_is_another(&watched->cause, agent->processes, report)) {
        if (take(agent, watched, report))
            tell(agent, watched, ALERT_GROWING);
    } else if (!(report->flags & REPORT_CROSSED)) {
        watched->recent[watched->recent_count++ % RECENT] = *report;
    } else if (is_ending(agent, watched, report->head.time)) {
        hold_back(watched, report);
    } else {
        raise_alert(agent, watched, report);
    }
}

/* As the probe would have scored it: the mismatches of its thread up to `length` calls back. Its
 * repetitions are not among them: a newcomer's table knew the pattern from the first time on. */
static uint32_t early_score(const struct watched *watched, const struct report *report,
                            uint32_t length)
{
    uint64_t oldest = watched->recent_count > RECENT ? watched->recent_count - RECENT : 0;
    uint32_t count = 1;
    for (uint64_t i = watched->recent_count; i > oldest; i--) {
        const struct report *before = &watched->recent[(i - 1) % RECENT];
        count += before->head.tid == report->head.tid && before->pattern == report->pattern &&
                 before->position < report->position &&
                 report->position - before->position < length;
    }
    return count;
}

void alerts_early_report(struct agent *agent, struct watched *watched, const struct report *report)
{
    const struct detect_rule *rule = &watched->service->rule;
    bool window = report->pattern == PATTERN_WINDOW;
    uint32_t threshold = window ? rule->frame_threshold : rule->epoch_threshold;
    struct report scored = *report;
    scored.score = early_score(watched, report, window ? rule->frame : rule->epoch);
    if (threshold && scored.score >= threshold)
        scored.flags |= REPORT_CROSSED;
    alerts_report(agent, watched, &scored);
}

void alerts_siblings(struct agent *agent, struct watched *watched,
                     const struct alert_siblings *found, const struct report *burst)
{
    struct alert *alert = watched->alert ? watched->alert : open_alert(agent, watched, NULL);
    alert_note_siblings(alert, found);
    for (uint64_t i = 0; i < found->patterns; i++)
        alert_note(alert, &burst[i]);
    alert_refresh(alert);
    tell(agent, watched, ALERT_OPEN);
}

void alerts_loss(struct agent *agent, struct watched *watched, uint64_t lost)
{
    bool fresh = !watched->alert;
    struct alert *alert = fresh ? open_alert(agent, watched, NULL) : watched->alert;
    alert_note_loss(alert, lost);
    if (fresh)
        tell(agent, watched, ALERT_OPEN);
}

void alerts_close(struct agent *agent, struct watched *watched)
{
    if (!watched->alert)
        return;
    end_alert(agent, watched);
    watched->cause = (struct alert_cause){0};
    /* The same thing tomorrow is news again. */
    probe_novelties_forget(agent->probe, watched->index);
}

void alerts_tick(struct agent *agent, uint64_t now)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (watched && !watched->alert)
            raise_held_back(agent, watched, now);
        if (!watched || !watched->alert)
            continue;
        bool grown = alert_refresh(watched->alert);
        uint64_t last = alert_last(watched->alert);
        if (clock_passed(now, last) > CAUSE_QUIET) {
            alerts_close(agent, watched);
        } else if (grown && clock_passed(now, watched->told) > TELL_EACH) {
            watched->told = now;
            tell(agent, watched, ALERT_GROWING);
        }
    }
}
