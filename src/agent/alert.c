#include "agent/alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "trace/call.h"
#include "trace/call_json.h"

/* One unknown pattern, spelled. */
struct unknown {
    enum pattern_kind kind;
    uint64_t fingerprint;
    uint64_t time;
    uint32_t pid, tid, score;
    char command[PROBE_COMMAND];
    uint16_t codes[PATTERN_MAX];
    char old_version[PROFILE_NAME]; /* that showed it; "": none ever did */
    bool known_before; /* the thread's last window that the profile knows is in `before` */
    uint16_t before[PATTERN_MAX];
};

struct alert {
    struct alert_subject subject;
    char id[40];
    bool loss;                      /* no pattern, but blindness */
    struct alert_siblings siblings; /* replicas > 0: they do not what this one does */
    enum pattern_kind kind;
    uint32_t score, threshold;
    uint64_t opened; /* CLOCK_MONOTONIC, when the alert was made */
    uint64_t first, last;
    struct report first_report;
    bool has_first;
    struct unknown unknown[ALERT_UNKNOWN];
    size_t unknown_count;
    uint32_t tree_pid[ALERT_TREES];
    json_t *tree[ALERT_TREES]; /* as it was when the process was last known: it may end any time */
    size_t trees;
    uint64_t old; /* of the novelties, laid aside: an earlier version showed them */
    uint64_t novelties, mismatches, mismatches_before, lost;
    double latency_ms;
    bool told, changed;
};

static uint64_t mismatches_now(const struct alert *alert)
{
    const struct replica *replica = probe_replica(alert->subject.probe, alert->subject.replica);
    return replica->counters.mismatches[PATTERN_WINDOW] + replica->counters.mismatches[PATTERN_BAG];
}

static void take_crossing(struct alert *alert, const struct report *crossing)
{
    const struct detect_rule *rule = &alert->subject.service->rule;
    alert->loss = false;
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
    snprintf(alert->id, sizeof alert->id, "%" PRIx64 "-%" PRIu32, clock_realtime() / 1000,
             subject->replica);
    alert->loss = true;
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

static void spell(struct alert *alert, const struct report *report)
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
    probe_report_codes(alert->subject.probe, report, unknown->codes);
    find_known_before(alert, report, unknown);
    const char *version =
        profile_shown_in(alert->subject.service->profile, unknown->kind, unknown->codes);
    if (version)
        snprintf(unknown->old_version, sizeof unknown->old_version, "%s", version);
}

/* Has an earlier version of the service shown what is reported? */
static bool is_old(const struct alert *alert, const struct report *report)
{
    uint16_t codes[PATTERN_MAX];
    probe_report_codes(alert->subject.probe, report, codes);
    return profile_look(alert->subject.service->profile, report->pattern, codes) == PATTERN_ASIDE;
}

/* Is all that was found old? */
static bool all_old(const struct alert *alert)
{
    return alert->old > 0 && alert->old == alert->novelties;
}

static void name_tree(struct alert *alert, const struct report *report)
{
    for (size_t i = 0; i < alert->trees; i++)
        if (alert->tree_pid[i] == report->head.pid)
            return;
    if (alert->trees == ALERT_TREES)
        return;
    char command[PROBE_COMMAND];
    snprintf(command, sizeof command, "%.*s", PROBE_COMMAND - 1, report->head.command);
    alert->tree_pid[alert->trees] = report->head.pid;
    alert->tree[alert->trees++] =
        process_tree(alert->subject.processes, report->head.pid, alert->subject.replica, command);
}

/* A process may have become another program since its tree was named: the shell, after the fork. */
static void rename_trees(struct alert *alert)
{
    struct process_table *processes = alert->subject.processes;
    for (size_t i = 0; i < alert->trees; i++)
        if (process_known(processes, alert->tree_pid[i], alert->subject.replica)) {
            json_decref(alert->tree[i]);
            alert->tree[i] =
                process_tree(processes, alert->tree_pid[i], alert->subject.replica, "");
        }
}

bool alert_note(struct alert *alert, const struct report *report)
{
    bool worse = alert->loss && report->flags & REPORT_CROSSED;
    alert->changed = true;
    if (worse)
        take_crossing(alert, report);
    if (report->head.time > alert->last)
        alert->last = report->head.time;
    if (!alert->siblings.replicas && report->pattern == alert->kind && report->score > alert->score)
        alert->score = report->score;
    if (!(report->flags & REPORT_NEW))
        return worse;
    if (!alert->has_first || report->head.time < alert->first) {
        alert->first = report->head.time;
        alert->first_report = *report;
        alert->has_first = true;
    }
    bool old = is_old(alert, report);
    worse |= all_old(alert) && !old;
    alert->novelties++;
    alert->old += old;
    name_tree(alert, report);
    spell(alert, report);
    return worse;
}

void alert_note_siblings(struct alert *alert, const struct alert_siblings *found)
{
    alert->loss = false;
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

uint64_t alert_first(const struct alert *alert)
{
    return alert->first;
}

uint64_t alert_last(const struct alert *alert)
{
    return alert->last;
}

/* ---- JSON ---- */

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

/* A command's name is the intruder's to choose: any bytes. */
static json_t *command_json(const char *command)
{
    json_t *json = json_stringn(command, strnlen(command, PROBE_COMMAND));
    return json ? json : json_string("?");
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

static json_t *first_json(const struct alert *alert)
{
    char name[CALL_NAME];
    const struct report *first = &alert->first_report;
    if (!alert->has_first)
        return json_null();
    uint16_t code = first->history[(first->position - 1) % HISTORY] % CALL_CODES;
    return json_pack("{s:s,s:o,s:I,s:I,s:o}", "call", call_name(code, name), "time",
                     time_json(first->head.time), "pid", (json_int_t)first->head.pid, "tid",
                     (json_int_t)first->head.tid, "command", command_json(first->head.command));
}

static const char *detector_name(const struct alert *alert)
{
    if (alert->siblings.replicas)
        return "siblings";
    return alert->loss ? "loss" : alert->kind == PATTERN_WINDOW ? "stide" : "bosc";
}

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    return json ? json : json_string("a replica left its profile");
}

static json_t *message_json(const struct alert *alert)
{
    const struct service *service = alert->subject.service;
    const struct detect_rule *rule = &service->rule;
    char text[1024];
    char name[CALL_NAME] = "?";
    char command[PROBE_COMMAND] = "?";
    const struct report *first = &alert->first_report;
    if (alert->loss) {
        snprintf(text, sizeof text,
                 "%s: replica %s could not be watched whole: %" PRIu64 " reports were lost",
                 service->name, alert->subject.workload->name, alert->lost);
        return json_string(text);
    }
    if (alert->has_first) {
        call_name(first->history[(first->position - 1) % HISTORY] % CALL_CODES, name);
        memccpy(command, first->head.command, '\0', sizeof command - 1);
    }
    if (alert->siblings.replicas) {
        snprintf(text, sizeof text,
                 "%s: replica %s does what none of its %" PRIu32 " siblings does: %" PRIu32
                 " patterns in %d s (threshold %" PRIu32 "); first unknown call %s by %s[%" PRIu32
                 "]",
                 service->name, alert->subject.workload->name, alert->siblings.replicas,
                 alert->score, SIBLINGS_STRETCH, alert->threshold, name, command, first->head.pid);
        return text_json(text);
    }
    if (all_old(alert)) {
        snprintf(text, sizeof text,
                 "%s: replica %s shows old behaviour again: %" PRIu64
                 " patterns of version %s that version %s had not shown; first by %s[%" PRIu32 "]",
                 service->name, alert->subject.workload->name, alert->old,
                 alert->unknown[0].old_version, service->version, command, first->head.pid);
        return text_json(text);
    }
    snprintf(text, sizeof text,
             "%s: replica %s left its profile: %" PRIu32 " of the last %" PRIu32
             " %s unknown (threshold %" PRIu32 "); first unknown call %s by %s[%" PRIu32 "]",
             service->name, alert->subject.workload->name, alert->score,
             alert->kind == PATTERN_WINDOW ? rule->frame : rule->epoch,
             alert->kind == PATTERN_WINDOW ? "windows" : "calls' bags", alert->threshold, name,
             command, first->head.pid);
    return text_json(text);
}

/* What the score is a part of. */
static json_int_t out_of(const struct alert *alert)
{
    const struct detect_rule *rule = &alert->subject.service->rule;
    if (alert->siblings.replicas)
        return (json_int_t)alert->siblings.calls;
    return alert->kind == PATTERN_WINDOW ? rule->frame : rule->epoch;
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
    rename_trees(alert);
    for (size_t i = 0; i < alert->unknown_count; i++)
        json_array_append_new(unknown, unknown_json(alert, &alert->unknown[i]));
    for (size_t i = 1; i < alert->trees; i++)
        json_array_append(others, alert->tree[i]);
    json_object_set_new(json, "first_unknown", first_json(alert));
    json_object_set_new(json, "process_tree",
                        alert->trees ? json_incref(alert->tree[0]) : json_array());
    json_object_set_new(json, "other_trees", others);
    json_object_set_new(json, "unknown", unknown);
    json_object_set_new(json, "novelties", json_integer((json_int_t)alert->novelties));
    json_object_set_new(json, "old_novelties", json_integer((json_int_t)alert->old));
    json_object_set_new(json, "old_behaviour", json_boolean(all_old(alert)));
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
    json_object_set_new(json, "of", json_integer(out_of(alert)));
    json_object_set_new(json, "siblings", siblings_json(alert));
    json_object_set_new(json, "profile",
                        json_string(profile_state(service->profile, profile, sizeof profile)));
    add_evidence(alert, json);
    json_object_set_new(json, "latency_ms", json_real(alert->latency_ms));
    json_object_set_new(json, "message", message_json(alert));
    return json;
}
