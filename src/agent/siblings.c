/*
 * Siblings in the daemon: while a service is learned, what one of its replicas is the first to show
 * waits (REPORT_APART) until a sibling shows it too, or until its stretch of time is over. Then it
 * is learned, or, when none of the siblings does anything like it, held back and told as an alert.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "detect/siblings.h"

#define STRETCH   (SIBLINGS_STRETCH * NS_PER_S)
#define LATEST    (4 * STRETCH) /* then a burst is looked at even if the siblings had little to do */
#define BURST_MAX 4096          /* patterns kept of a burst */
#define HELD_MAX  16384         /* patterns held back of a service */

/* A pattern that is held back: whose it is, and the one sibling that has shown it since. */
struct held {
    enum pattern_kind kind;
    uint64_t fingerprint;
    uint64_t owner, sibling; /* place and generation; sibling 0: none yet */
};

struct siblings {
    struct siblings_record shown; /* by all replicas while they were compared */
    struct held *held;
    size_t held_count, held_room;
    uint32_t compared; /* replicas */
};

struct sibling {
    bool compared;
    uint64_t compared_since, calls_then; /* CLOCK_MONOTONIC; the calls made until then */
    struct siblings_record shown;
    uint64_t calls_counted;
    struct report *burst; /* BURST_MAX */
    size_t count;
    uint64_t since; /* CLOCK_MONOTONIC, when the burst began; with the calls made until then: */
    uint64_t calls_before, others_before;
};

static uint64_t calls_of(const struct agent *agent, const struct watched *watched)
{
    return probe_replica(agent->probe, watched->index)->counters.calls;
}

/* Tells replicas apart, also those that had the same place one after the other. Never 0. */
static uint64_t name_of(const struct watched *watched)
{
    return ((uint64_t)watched->generation << 32 | watched->index) + 1;
}

static struct siblings_record others_of(const struct watched *watched)
{
    struct siblings_record others = watched->service->siblings->shown;
    const struct siblings_record *own = &watched->sibling->shown;
    others.calls -= own->calls;
    others.bursts -= own->bursts;
    others.patterns -= own->patterns;
    return others;
}

static uint32_t foreign(const struct service *service)
{
    const struct profile_facts *facts = profile_facts(service->profile);
    return facts->window + facts->bag;
}

/* By this version of the service or an earlier one. */
static bool is_known(const struct agent *agent, const struct service *service,
                     const struct report *report)
{
    uint16_t codes[PATTERN_MAX];
    probe_report_codes(agent->probe, report, codes);
    return profile_look(service->profile, report->pattern, codes) != PATTERN_NEW;
}

static void learn(struct agent *agent, struct service *service, const struct report *report)
{
    struct service_room room = agent_room(agent);
    uint16_t codes[PATTERN_MAX];
    probe_report_codes(agent->probe, report, codes);
    service_learn(&room, service, report->pattern, codes, false);
    probe_apart_forget(agent->probe, service->table, report->pattern, report->fingerprint);
}

/* ---- what is held back ---- */

static struct held *find_held(const struct siblings *siblings, const struct report *report)
{
    for (struct held *held = siblings->held; held < siblings->held + siblings->held_count; held++)
        if (held->fingerprint == report->fingerprint && held->kind == report->pattern)
            return held;
    return NULL;
}

static void hold(struct agent *agent, const struct watched *watched, const struct report *report)
{
    const struct service *service = watched->service;
    struct siblings *siblings = service->siblings;
    if (siblings->held_count == HELD_MAX) { /* not learned all the same: told anew each time */
        probe_apart_forget(agent->probe, service->table, report->pattern, report->fingerprint);
        return;
    }
    if (siblings->held_count == siblings->held_room) {
        siblings->held_room = siblings->held_room ? 2 * siblings->held_room : 256;
        siblings->held =
            memory_must(reallocarray(siblings->held, siblings->held_room, sizeof *siblings->held));
    }
    siblings->held[siblings->held_count++] = (struct held){
        .kind = report->pattern, .fingerprint = report->fingerprint, .owner = name_of(watched)};
}

/* A replica shows what is held back. What two siblings have shown as well is the service's. */
static void show_held(struct agent *agent, const struct watched *watched, struct held *held,
                      const struct report *report)
{
    struct siblings *siblings = watched->service->siblings;
    uint64_t name = name_of(watched);
    if (name == held->owner || name == held->sibling)
        return;
    if (!held->sibling) {
        held->sibling = name;
        return;
    }
    learn(agent, watched->service, report);
    *held = siblings->held[--siblings->held_count];
}

/* ---- bursts ---- */

static void begin_burst(const struct agent *agent, const struct watched *watched)
{
    struct sibling *sibling = watched->sibling;
    if (!sibling->burst)
        sibling->burst = memory_must(reallocarray(NULL, BURST_MAX, sizeof *sibling->burst));
    sibling->since = clock_monotonic();
    sibling->calls_before = calls_of(agent, watched);
    sibling->others_before = others_of(watched).calls;
}

/* Siblings have shown these since. */
static void drop_known(const struct agent *agent, const struct watched *watched)
{
    struct sibling *sibling = watched->sibling;
    size_t kept = 0;
    for (size_t i = 0; i < sibling->count; i++)
        if (!is_known(agent, watched->service, &sibling->burst[i]))
            sibling->burst[kept++] = sibling->burst[i];
    sibling->count = kept;
}

static void suspect(struct agent *agent, struct watched *watched,
                    const struct alert_siblings *found)
{
    const struct sibling *sibling = watched->sibling;
    for (size_t i = 0; i < sibling->count; i++)
        hold(agent, watched, &sibling->burst[i]);
    alerts_siblings(agent, watched, found, sibling->burst);
}

static void learn_burst(struct agent *agent, const struct watched *watched)
{
    struct sibling *sibling = watched->sibling;
    struct siblings_record *all = &watched->service->siblings->shown;
    for (size_t i = 0; i < sibling->count; i++)
        learn(agent, watched->service, &sibling->burst[i]);
    sibling->shown.bursts++;
    sibling->shown.patterns += sibling->count;
    all->bursts++;
    all->patterns += sibling->count;
}

/*
 * Calls that the replica's load makes of it in the stretch: as many as it has made in one until
 * now, or as its siblings make meanwhile. What it really made is no measure: an intruder's are
 * among them.
 */
static uint64_t calls_expected(const struct watched *watched)
{
    const struct sibling *sibling = watched->sibling;
    uint32_t replicas = watched->service->siblings->compared;
    uint64_t stretches = clock_passed(sibling->since, sibling->compared_since) / STRETCH;
    uint64_t usual = (sibling->calls_before - sibling->calls_then) / (stretches ? stretches : 1);
    uint64_t meanwhile =
        (others_of(watched).calls - sibling->others_before) / (replicas > 1 ? replicas - 1 : 1);
    return usual > meanwhile ? usual : meanwhile;
}

/* What remains of a burst is either suspicious or learned. */
static void look(struct agent *agent, struct watched *watched)
{
    struct sibling *sibling = watched->sibling;
    const struct service *service = watched->service;
    drop_known(agent, watched);
    if (sibling->count == 0)
        return;
    uint32_t replicas = service->siblings->compared;
    struct alert_siblings found = {.replicas = replicas > 1 ? replicas - 1 : 1,
                                   .others = others_of(watched),
                                   .calls = calls_expected(watched),
                                   .patterns = sibling->count};
    found.threshold =
        siblings_threshold(&found.others, foreign(service), found.calls, siblings_level(replicas));
    found.chance = siblings_chance(&found.others, foreign(service), found.calls, found.patterns);
    log_debug(
        "%s: %s alone shows %zu patterns in %llu calls (threshold %llu; siblings: %llu calls, "
        "%llu bursts, %llu patterns)",
        service->name, watched->workload.name, sibling->count, (unsigned long long)found.calls,
        (unsigned long long)found.threshold, (unsigned long long)found.others.calls,
        (unsigned long long)found.others.bursts, (unsigned long long)found.others.patterns);
    if (found.patterns >= found.threshold)
        suspect(agent, watched, &found);
    else
        learn_burst(agent, watched);
    sibling->count = 0;
}

void siblings_report(struct agent *agent, struct watched *watched, const struct report *report)
{
    struct service *service = watched->service;
    struct sibling *sibling = watched->sibling;
    if (!sibling || service->mode != MODE_LEARN || is_known(agent, service, report)) {
        learn(agent, service, report);
        return;
    }
    struct held *held = find_held(service->siblings, report);
    if (held) {
        show_held(agent, watched, held, report);
    } else if (report->flags & REPORT_AGAIN) {
        learn(agent, service, report);
    } else if (watched->alert) { /* one cause, one alert */
        hold(agent, watched, report);
        alerts_report(agent, watched, report);
    } else {
        if (sibling->count == BURST_MAX)
            look(agent, watched);
        if (sibling->count == 0)
            begin_burst(agent, watched);
        sibling->burst[sibling->count++] = *report;
    }
}

/* The stretch is over, and the siblings have had the opportunity to do the same. */
static bool is_due(const struct agent *agent, const struct watched *watched, uint64_t now)
{
    const struct sibling *sibling = watched->sibling;
    uint64_t age = clock_passed(now, sibling->since);
    uint64_t own = calls_of(agent, watched) - sibling->calls_before;
    uint64_t others = others_of(watched).calls - sibling->others_before;
    return sibling->count > 0 && age > STRETCH && (others >= own || age > LATEST);
}

/* ---- who is compared ---- */

static bool may_compare(const struct watched *watched, const struct service *service)
{
    return watched && watched->service == service && !watched->starting;
}

static void set_compared(struct agent *agent, struct watched *watched, bool on)
{
    if (!watched->sibling)
        watched->sibling = memory_must(calloc(1, sizeof *watched->sibling));
    struct sibling *sibling = watched->sibling;
    if (sibling->compared == on)
        return;
    if (!on)
        look(agent, watched);
    sibling->compared = on;
    sibling->compared_since = clock_monotonic();
    sibling->calls_counted = sibling->calls_then = calls_of(agent, watched);
    probe_replica_compare(agent->probe, watched->index, on);
}

static void count_calls(const struct agent *agent, const struct watched *watched)
{
    struct sibling *sibling = watched->sibling;
    uint64_t calls = calls_of(agent, watched);
    sibling->shown.calls += calls - sibling->calls_counted;
    watched->service->siblings->shown.calls += calls - sibling->calls_counted;
    sibling->calls_counted = calls;
}

uint64_t siblings_tick(struct agent *agent, struct service *service, uint64_t now)
{
    uint32_t able = 0;
    uint64_t apart = 0;
    if (!service->siblings)
        service->siblings = memory_must(calloc(1, sizeof *service->siblings));
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        able += may_compare(agent->watched[i], service);
    service->siblings->compared = service->config.siblings && able > 1 ? able : 0;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        if (!may_compare(agent->watched[i], service))
            continue;
        set_compared(agent, agent->watched[i], service->siblings->compared > 0);
        if (service->siblings->compared)
            count_calls(agent, agent->watched[i]);
    }
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!may_compare(watched, service))
            continue;
        if (is_due(agent, watched, now))
            look(agent, watched);
        drop_known(agent, watched);
        apart += watched->sibling->count;
    }
    return apart;
}

void siblings_leave(struct agent *agent, struct watched *watched)
{
    if (!watched->sibling)
        return;
    look(agent, watched);
    probe_replica_compare(agent->probe, watched->index, false);
    free(watched->sibling->burst);
    free(watched->sibling);
    watched->sibling = NULL;
}

void siblings_end(struct agent *agent, struct service *service)
{
    if (!service->siblings)
        return;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            siblings_leave(agent, agent->watched[i]);
    for (size_t i = 0; i < service->siblings->held_count; i++) {
        const struct held *held = &service->siblings->held[i];
        probe_apart_forget(agent->probe, service->table, held->kind, held->fingerprint);
    }
    free(service->siblings->held);
    free(service->siblings);
    service->siblings = NULL;
}

json_t *siblings_status(const struct service *service)
{
    static const struct siblings NOTHING_YET = {0};
    const struct siblings *siblings = service->siblings ? service->siblings : &NOTHING_YET;
    if (!service->config.siblings || service->mode != MODE_LEARN)
        return json_null();
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I}", "compared", (json_int_t)siblings->compared, "calls",
        (json_int_t)siblings->shown.calls, "bursts", (json_int_t)siblings->shown.bursts, "patterns",
        (json_int_t)siblings->shown.patterns, "held", (json_int_t)siblings->held_count);
}
