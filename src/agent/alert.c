#include "agent/alert_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "trace/call.h"
#include "trace/call_json.h"

static uint64_t mismatches_now(const struct alert *alert)
{
    const struct replica *replica = probe_replica(alert->subject.probe, alert->subject.replica);
    return replica->counters.mismatches[PATTERN_WINDOW] + replica->counters.mismatches[PATTERN_BAG];
}

static void take_crossing(struct alert *alert, const struct report *crossing)
{
    const struct detect_rule *rule = &alert->subject.service->rule;
    alert->cause = ALERT_PATTERNS;
    alert->kind = crossing->pattern;
    alert->score = crossing->score;
    alert->threshold =
        crossing->pattern == PATTERN_WINDOW ? rule->frame_threshold : rule->epoch_threshold;
}

struct alert *alert_new(const struct alert_subject *subject, const struct report *crossing)
{
    struct alert *alert = memory_must(calloc(1, sizeof *alert));
    alert->subject = *subject;
    alert->opened = clock_monotonic();
    alert->first = alert->last = crossing ? crossing->head.time : alert->opened;
    alert->mismatches_before = mismatches_now(alert);
    const struct profile_facts *facts = profile_facts(subject->service->profile);
    alert->foreign = foreign_new(facts->window, facts->bag);
    snprintf(alert->id, sizeof alert->id, "%" PRIx64 "-%" PRIu32, clock_realtime() / 1000,
             subject->replica);
    if (crossing)
        take_crossing(alert, crossing);
    return alert;
}

void alert_free(struct alert *alert)
{
    if (!alert)
        return;
    for (size_t i = 0; i < alert->trees; i++)
        json_decref(alert->tree[i]);
    foreign_free(alert->foreign);
    free(alert->earlier);
    free(alert);
}

/* The latest of the thread's earlier windows that the profile knows. */
static void find_known_before(const struct alert *alert, const struct report *report,
                              struct unknown *unknown)
{
    uint32_t length = profile_facts(alert->subject.service->profile)->window;
    uint64_t kept = report->position < HISTORY ? report->position : HISTORY;
    for (uint64_t back = 1; back + length <= kept && !unknown->known_before; back++) {
        for (uint32_t i = 0; i < length; i++)
            unknown->before[i] =
                report->history[(report->position - back - length + i) % HISTORY] % CALL_CODES;
        unknown->known_before =
            profile_has(alert->subject.service->profile, PATTERN_WINDOW, unknown->before);
    }
}

static void spell(struct alert *alert, const struct report *report, const uint16_t *codes)
{
    if (alert->unknown_count == ALERT_UNKNOWN)
        return;
    struct unknown *unknown = &alert->unknown[alert->unknown_count++];
    *unknown = (struct unknown){.kind = report->pattern,
                                .fingerprint = report->fingerprint,
                                .time = report->head.time,
                                .pid = report->head.pid,
                                .tid = report->head.tid,
                                .score = report->score};
    memcpy(unknown->command, report->head.command, sizeof unknown->command);
    unknown->command[sizeof unknown->command - 1] = '\0';
    memcpy(unknown->codes, codes, sizeof unknown->codes);
    find_known_before(alert, report, unknown);
    const char *version =
        profile_shown_in(alert->subject.service->profile, unknown->kind, unknown->codes);
    if (version)
        snprintf(unknown->old_version, sizeof unknown->old_version, "%s", version);
}

/* Has an earlier version of the service shown the pattern? */
static bool is_old(const struct alert *alert, enum pattern_kind kind, const uint16_t *codes)
{
    return profile_look(alert->subject.service->profile, kind, codes) == PATTERN_ASIDE;
}

static void name_tree(struct alert *alert, uint32_t pid, const char command[PROBE_COMMAND])
{
    for (size_t i = 0; i < alert->trees; i++)
        if (alert->tree_pid[i] == pid)
            return;
    if (alert->trees == ALERT_TREES)
        return;
    char name[PROBE_COMMAND];
    snprintf(name, sizeof name, "%.*s", PROBE_COMMAND - 1, command);
    alert->tree_pid[alert->trees] = pid;
    alert->tree[alert->trees++] =
        process_tree(alert->subject.processes, pid, alert->subject.replica, name);
}

void alert_rename_trees(struct alert *alert)
{
    struct process_table *processes = alert->subject.processes;
    for (size_t i = 0; i < alert->trees; i++)
        if (process_known(processes, alert->tree_pid[i], alert->subject.replica)) {
            json_decref(alert->tree[i]);
            alert->tree[i] =
                process_tree(processes, alert->tree_pid[i], alert->subject.replica, "");
        }
}

static void widen(struct alert *alert, uint64_t time)
{
    if (time < alert->first)
        alert->first = time;
    if (time > alert->last)
        alert->last = time;
}

bool alert_note(struct alert *alert, const struct report *report)
{
    bool worse = alert->cause != ALERT_PATTERNS && report->flags & REPORT_CROSSED;
    alert->changed = true;
    if (worse)
        take_crossing(alert, report);
    widen(alert, report->head.time);
    if (!alert->siblings.replicas && report->pattern == alert->kind && report->score > alert->score)
        alert->score = report->score;
    if (!(report->flags & REPORT_NEW))
        return worse;
    if (!alert->has_first || report->head.time < alert->first_report.head.time) {
        alert->first_report = *report;
        alert->has_first = true;
    }
    uint16_t codes[PATTERN_MAX] = {0};
    probe_report_codes(alert->subject.probe, report, codes);
    foreign_add_pattern(alert->foreign, report->pattern, codes);
    bool old = is_old(alert, report->pattern, codes);
    worse |= alert_all_old(alert) && !old;
    alert->novelties++;
    alert->old += old;
    name_tree(alert, report->head.pid, report->head.command);
    spell(alert, report, codes);
    return worse;
}

uint32_t alert_threshold(const struct service_config *config, enum fact_kind kind)
{
    if (kind == FACT_VOTE)
        return 1; /* who has a front wants to know what it finds */
    return kind == FACT_FLOW ? config->flow_threshold : config->file_threshold;
}

bool alert_note_fact(struct alert *alert, const struct fact *fact)
{
    bool worse = alert->cause == ALERT_LOSS || !(alert->fact_kinds & 1u << fact->kind);
    if (alert->cause == ALERT_LOSS) {
        alert->cause = ALERT_FACTS;
        alert->threshold = alert_threshold(&alert->subject.service->config, fact->kind);
    }
    worse |= alert_all_old(alert) && !fact->old;
    alert->fact_kinds |= 1u << fact->kind;
    alert->old_facts += fact->old;
    alert->facts++;
    if (alert->cause == ALERT_FACTS)
        alert->score = (uint32_t)alert->facts;
    if (fact_is_access(fact))
        foreign_add_access(alert->foreign, fact->access, fact->path);
    else if (fact->kind == FACT_FLOW)
        foreign_add_peer(alert->foreign, fact->flow);
    if (alert->fact_count < ALERT_FACTS_TOLD)
        alert->fact[alert->fact_count++] = *fact;
    widen(alert, fact->time);
    name_tree(alert, fact->pid, fact->command);
    alert->changed = true;
    return worse;
}

unsigned alert_voices(const struct alert *alert)
{
    const unsigned accesses = 1u << FACT_FILE | 1u << FACT_EXEC;
    unsigned voices = 0;
    if (alert_all_old(alert))
        return 0;
    if (alert->cause == ALERT_PATTERNS)
        voices |= 1u << VOICE_CALLS;
    if (alert->fact_kinds & accesses)
        voices |= 1u << VOICE_ACCESSES;
    if (alert->fact_kinds & ~accesses)
        voices |= 1u << VOICE_PEERS;
    return voices;
}

void alert_note_siblings(struct alert *alert, const struct alert_siblings *found)
{
    alert->cause = ALERT_PATTERNS;
    alert->siblings = *found;
    alert->score = (uint32_t)found->patterns;
    alert->threshold = (uint32_t)found->threshold;
    alert->mismatches_before -= found->patterns; /* they were met before the alert was made */
}

void alert_note_loss(struct alert *alert, uint64_t lost)
{
    alert->lost += lost;
    alert->changed = true;
    alert->last = clock_monotonic();
}

bool alert_refresh(struct alert *alert)
{
    uint64_t mismatches = mismatches_now(alert) - alert->mismatches_before;
    uint64_t last =
        probe_replica(alert->subject.probe, alert->subject.replica)->counters.last_mismatch;
    if (mismatches != alert->mismatches) {
        alert->mismatches = mismatches;
        alert->changed = true;
    }
    if (last > alert->last)
        alert->last = last;
    return alert->changed;
}

const char *alert_id(const struct alert *alert)
{
    return alert->id;
}

void alert_note_earlier(struct alert *alert, const struct report *report, uint64_t since)
{
    alert->earlier =
        memory_must(reallocarray(alert->earlier, alert->earlier_count + 1, sizeof *alert->earlier));
    alert->earlier[alert->earlier_count++] = *report;
    alert->earlier_since = since;
}

/* Those that were shown again are told from the others while the probe remembers them. */
static void take_earlier(struct alert *alert)
{
    size_t kept = 0;
    for (size_t i = 0; i < alert->earlier_count; i++) {
        const struct report *report = &alert->earlier[i];
        struct novelty_count count = {0};
        uint16_t codes[PATTERN_MAX] = {0};
        probe_novelty(alert->subject.probe, alert->subject.replica, report->pattern,
                      report->fingerprint, &count);
        if (count.last < alert->earlier_since) {
            alert->earlier[kept++] = *report;
            continue;
        }
        probe_report_codes(alert->subject.probe, report, codes);
        foreign_add_pattern(alert->foreign, report->pattern, codes);
    }
    alert->earlier_count = kept;
}

const struct foreign *alert_foreign(struct alert *alert)
{
    take_earlier(alert);
    return alert->foreign;
}

struct foreign *alert_take_foreign(struct alert *alert)
{
    take_earlier(alert);
    struct foreign *foreign = alert->foreign;
    alert->foreign = NULL;
    return foreign;
}

uint64_t alert_first(const struct alert *alert)
{
    return alert->first;
}

uint64_t alert_last(const struct alert *alert)
{
    return alert->last;
}

/* ---- on whose behalf ---- */

size_t alert_processes(const struct alert *alert, uint32_t *pid, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < alert->trees && !alert->behalf_settled; i++) {
        for (size_t level = json_array_size(alert->tree[i]); level-- > 0 && count + 1 < max;)
            pid[count++] = (uint32_t)json_integer_value(
                json_object_get(json_array_get(alert->tree[i], level), "pid"));
        if (count < max)
            pid[count++] = 0;
    }
    return count;
}

void alert_note_behalf(struct alert *alert, const char *service)
{
    alert->behalf_settled = true;
    alert->changed |= *service != '\0';
    snprintf(alert->behalf, sizeof alert->behalf, "%s", service);
}

const char *alert_behalf(const struct alert *alert)
{
    return alert->behalf[0] ? alert->behalf : NULL;
}
