/* An alert as docs/alerts.md describes it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/alert_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "trace/call_json.h"

static json_t *time_json(uint64_t monotonic)
{
    char text[CLOCK_TEXT];
    return json_string(clock_format(clock_wall(monotonic), text));
}

static const char *kind_name(enum pattern_kind kind)
{
    return kind == PATTERN_WINDOW ? "window" : "bag";
}

static uint32_t length_of(const struct alert *alert, enum pattern_kind kind)
{
    const struct profile_facts *facts = profile_facts(alert->subject.service->profile);
    return kind == PATTERN_WINDOW ? facts->window : facts->bag;
}

static json_t *command_json(const char *command)
{
    return text_json(command, strnlen(command, PROBE_COMMAND));
}

static json_t *unknown_json(const struct alert *alert, const struct unknown *unknown)
{
    struct novelty_count count = {.count = 1};
    probe_novelty(alert->subject.probe, alert->subject.replica, unknown->kind, unknown->fingerprint,
                  &count);
    json_t *json =
        json_pack("{s:s,s:o,s:I,s:I,s:o,s:o,s:I,s:I}", "kind", kind_name(unknown->kind), "calls",
                  call_names_json(unknown->codes, length_of(alert, unknown->kind)), "pid",
                  (json_int_t)unknown->pid, "tid", (json_int_t)unknown->tid, "command",
                  command_json(unknown->command), "time", time_json(unknown->time), "count",
                  (json_int_t)count.count, "score", (json_int_t)unknown->score);
    json_object_set_new(json, "old_version",
                        unknown->old_version[0] ? json_string(unknown->old_version) : json_null());
    json_object_set_new(json, "known_before",
                        unknown->known_before
                            ? call_names_json(unknown->before, length_of(alert, PATTERN_WINDOW))
                            : json_null());
    return json;
}

/* The call that completed the first unknown pattern, or that was the first fact. */
static json_t *first_json(const struct alert *alert)
{
    char name[CALL_NAME];
    const struct report *first = &alert->first_report;
    const struct fact *fact = &alert->fact[0];
    bool by_fact = alert->fact_count > 0 && fact_is_access(fact) &&
                   (!alert->has_first || fact->time < first->head.time);
    if (!by_fact && !alert->has_first)
        return json_null();
    uint32_t code = by_fact ? fact->code : first->history[(first->position - 1) % HISTORY];
    return json_pack("{s:s,s:o,s:I,s:I,s:o}", "call",
                     call_name((uint16_t)(code % CALL_CODES), name), "time",
                     time_json(by_fact ? fact->time : first->head.time), "pid",
                     (json_int_t)(by_fact ? fact->pid : first->head.pid), "tid",
                     (json_int_t)(by_fact ? fact->tid : first->head.tid), "command",
                     command_json(by_fact ? fact->command : first->head.command));
}

static const char *detector_name(const struct alert *alert)
{
    if (alert->siblings.replicas)
        return "siblings";
    switch (alert->cause) {
    case ALERT_LOSS:
        return "loss";
    case ALERT_FACTS:
        return fact_detector(alert->fact[0].kind);
    default:
        return alert->kind == PATTERN_WINDOW ? "stide" : "bosc";
    }
}

/* What the first unknown pattern of a window, a bag or a burst has to say. */
static void describe_patterns(const struct alert *alert, FILE *out)
{
    const struct service *service = alert->subject.service;
    const struct detect_rule *rule = &service->rule;
    const struct report *first = &alert->first_report;
    char name[CALL_NAME] = "?";
    char command[PROBE_COMMAND] = "?";
    if (alert->has_first) {
        call_name(first->history[(first->position - 1) % HISTORY] % CALL_CODES, name);
        memccpy(command, first->head.command, '\0', sizeof command - 1);
    }
    if (alert_all_old(alert)) {
        fprintf(out,
                "shows old behaviour again: %" PRIu64
                " patterns of version %s that version %s had not shown; first by %s[%" PRIu32 "]",
                alert->old, alert->unknown[0].old_version, service->version, command,
                first->head.pid);
        return;
    }
    if (alert->siblings.replicas)
        fprintf(out,
                "does what none of its %" PRIu32 " siblings does: %" PRIu32
                " patterns in %d s (threshold %" PRIu32 ")",
                alert->siblings.replicas, alert->score, SIBLINGS_STRETCH, alert->threshold);
    else
        fprintf(out,
                "left its profile: %" PRIu32 " of the last %" PRIu32
                " %s unknown (threshold %" PRIu32 ")",
                alert->score, alert->kind == PATTERN_WINDOW ? rule->frame : rule->epoch,
                alert->kind == PATTERN_WINDOW ? "windows" : "calls' bags", alert->threshold);
    fprintf(out, "; first unknown call %s by %s[%" PRIu32 "]", name, command, first->head.pid);
}

static void describe_facts(const struct alert *alert, FILE *out)
{
    char text[FACT_TEXT];
    const struct fact *fact = &alert->fact[0];
    if (alert->fact_count == 0)
        return;
    fprintf(out, "%s%s", alert->cause == ALERT_FACTS ? "" : "; it ", fact_text(fact, text));
    if (fact->kind != FACT_VOTE)
        fprintf(out, ", which %s, by %s[%" PRIu32 "]",
                fact->old ? "only earlier versions did" : "the service never did", fact->command,
                fact->pid);
    if (alert->facts > 1)
        fprintf(out, ", and %" PRIu64 " such things more", alert->facts - 1);
}

static json_t *message_json(const struct alert *alert)
{
    autofree char *text = NULL;
    size_t size;
    FILE *out = memory_must(open_memstream(&text, &size));
    fprintf(out, "%s: replica %s ", alert->subject.service->name, alert->subject.workload->name);
    if (alert->cause == ALERT_LOSS)
        fprintf(out, "could not be watched whole: %" PRIu64 " things of it were lost", alert->lost);
    if (alert->cause == ALERT_PATTERNS)
        describe_patterns(alert, out);
    describe_facts(alert, out);
    fclose(out);
    return text_json(memory_must(text), size);
}

/* What the score is a part of. */
static json_t *of_json(const struct alert *alert)
{
    const struct detect_rule *rule = &alert->subject.service->rule;
    if (alert->cause == ALERT_FACTS)
        return json_null();
    if (alert->siblings.replicas)
        return json_integer((json_int_t)alert->siblings.calls);
    return json_integer(alert->kind == PATTERN_WINDOW ? rule->frame : rule->epoch);
}

static json_t *facts_json(const struct alert *alert)
{
    json_t *facts = json_array();
    for (size_t i = 0; i < alert->fact_count; i++) {
        const struct fact *fact = &alert->fact[i];
        struct novelty_count count = {.count = 1};
        if (fact_is_access(fact))
            probe_novelty(alert->subject.probe, alert->subject.replica, TABLE_ACCESSES,
                          fact->fingerprint, &count);
        json_array_append_new(facts, fact_json(fact, count.count));
    }
    return facts;
}

static json_t *siblings_json(const struct alert *alert)
{
    const struct alert_siblings *found = &alert->siblings;
    if (!found->replicas)
        return json_null();
    return json_pack("{s:I,s:I,s:I,s:I,s:f}", "replicas", (json_int_t)found->replicas, "calls",
                     (json_int_t)found->others.calls, "bursts", (json_int_t)found->others.bursts,
                     "patterns", (json_int_t)found->others.patterns, "chance", found->chance);
}

static json_t *replica_json(const struct workload *workload)
{
    return json_pack("{s:s,s:s,s:s,s:I}", "id", workload->id, "name", workload->name, "engine",
                     workload_engine_name(workload->engine), "pid", (json_int_t)workload->pid);
}

/* What an alert found: patterns, processes. */
static void add_evidence(struct alert *alert, json_t *json)
{
    json_t *unknown = json_array();
    json_t *others = json_array();
    alert_rename_trees(alert);
    for (size_t i = 0; i < alert->unknown_count; i++)
        json_array_append_new(unknown, unknown_json(alert, &alert->unknown[i]));
    for (size_t i = 1; i < alert->trees; i++)
        json_array_append(others, alert->tree[i]);
    json_object_set_new(json, "first_unknown", first_json(alert));
    json_object_set_new(json, "process_tree",
                        alert->trees ? json_incref(alert->tree[0]) : json_array());
    json_object_set_new(json, "other_trees", others);
    json_object_set_new(json, "unknown", unknown);
    json_object_set_new(json, "facts", facts_json(alert));
    json_object_set_new(json, "new_facts", json_integer((json_int_t)alert->facts));
    json_object_set_new(json, "novelties", json_integer((json_int_t)alert->novelties));
    json_object_set_new(json, "old_novelties", json_integer((json_int_t)alert->old));
    json_object_set_new(json, "old_behaviour", json_boolean(alert_all_old(alert)));
    json_object_set_new(json, "mismatches", json_integer((json_int_t)alert->mismatches));
    json_object_set_new(json, "lost", json_integer((json_int_t)alert->lost));
}

json_t *alert_json(struct alert *alert, enum alert_state state)
{
    static const char *const STATES[] = {"open", "growing", "closed"};
    const struct service *service = alert->subject.service;
    char profile[256];
    uint64_t now = clock_monotonic();
    if (!alert->told)
        alert->latency_ms = (double)(now - alert->first) / (double)NS_PER_MS;
    alert->told = true;
    alert->changed = false;
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:o,s:s}", "type", "alert", "id", alert->id, "state",
        STATES[state], "time", time_json(now), "first_seen", time_json(alert->first), "last_seen",
        time_json(alert->last), "service", service->name, "version", service->version, "replica",
        replica_json(alert->subject.workload), "detector", detector_name(alert));
    json_object_set_new(json, "score", json_integer(alert->score));
    json_object_set_new(json, "threshold", json_integer(alert->threshold));
    json_object_set_new(json, "of", of_json(alert));
    json_object_set_new(json, "siblings", siblings_json(alert));
    json_object_set_new(json, "profile",
                        json_string(profile_state(service->profile, profile, sizeof profile)));
    add_evidence(alert, json);
    json_object_set_new(json, "on_behalf_of",
                        alert_behalf(alert) ? json_string(alert_behalf(alert)) : json_null());
    json_object_set_new(json, "latency_ms", json_real(alert->latency_ms));
    json_object_set_new(json, "message", message_json(alert));
    return json;
}
