/* Replicas: from the cgroup that appears to the replica that is learned from or judged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define SWEEP_EVERY   (10 * NS_PER_S)
#define IDLE_SERVICE  (30 * NS_PER_S)  /* a service without replicas leaves the memory after this */
#define START_STRETCH (10 * NS_PER_S)  /* a start is over when it has not grown in one of these */
#define START_LONGEST (120 * NS_PER_S) /* or when it is this old */
#define PATIENCE      (60 * NS_PER_S)  /* then a cgroup that nobody speaks for is nobody's */

/* ---- services ---- */

struct service *replicas_service(struct agent *agent, const char *name, const char *version)
{
    struct error err;
    struct service_room room = agent_room(agent);
    for (struct service *service = agent->services; service; service = service->next)
        if (strcmp(service->name, name) == 0 && strcmp(service->version, version) == 0)
            return service;
    struct service *service = service_open(&room, name, version, &err);
    if (!service) {
        log_warn("service %s is not watched: %s", name, err.text);
        return NULL;
    }
    service->next = agent->services;
    agent->services = service;
    return service;
}

static void forget_idle_services(struct agent *agent, uint64_t now)
{
    struct service_room room = agent_room(agent);
    for (struct service **link = &agent->services; *link;) {
        struct service *service = *link;
        if (service->replicas == 0 && clock_passed(now, service->idle_since) > IDLE_SERVICE) {
            *link = service->next;
            siblings_end(agent, service);
            service_close(&room, service);
        } else {
            link = &service->next;
        }
    }
}

/* ---- watched cgroups ---- */

static struct watched *new_watched(struct agent *agent, uint32_t index, uint64_t cgroup,
                                   const char *path)
{
    struct watched *watched = memory_must(calloc(1, sizeof *watched));
    watched->index = index;
    watched->generation = probe_replica(agent->probe, index)->generation;
    watched->cgroup = cgroup;
    watched->newcomer_table = PROBE_NONE;
    watched->appeared = clock_monotonic();
    snprintf(watched->path, sizeof watched->path, "%s", path);
    agent->watched[index] = watched;
    return watched;
}

/* Reports of a newcomer's own table may still be in the ring: it is freed a tick later. */
static void retire_table(struct agent *agent, struct watched *watched)
{
    if (watched->newcomer_table != PROBE_NONE && agent->retired_count < PROBE_TABLES)
        agent->retired[agent->retired_count++] = watched->newcomer_table;
    watched->newcomer_table = PROBE_NONE;
}

static void leave_service(struct watched *watched)
{
    if (watched->service && --watched->service->replicas == 0)
        watched->service->idle_since = clock_monotonic();
    watched->service = NULL;
}

static struct tally count(struct agent *agent, struct watched *watched)
{
    return tally_take(&watched->counted, &probe_replica(agent->probe, watched->index)->counters);
}

/* Of a replica that is judged, or of which the start alone is learned. */
static void watch_losses(struct agent *agent, struct watched *watched)
{
    struct service *service = watched->service;
    struct tally more = count(agent, watched);
    if (watched->learns_start) {
        profile_facts(service->profile)->lost += more.lost;
        return;
    }
    uint64_t lost = more.lost + more.processes;
    lost += service->accesses.mode == MODE_DETECT ? more.paths : 0;
    if (lost > 0)
        alerts_loss(agent, watched, lost);
}

static void drop(struct agent *agent, struct watched *watched)
{
    if (watched->service) {
        siblings_leave(agent, watched);
        alerts_close(agent, watched);
        struct tally more = count(agent, watched); /* its last calls count for the training */
        if (watched->service->mode == MODE_LEARN) {
            profile_facts(watched->service->profile)->calls += more.calls;
            profile_facts(watched->service->profile)->lost += more.lost;
        }
    }
    leave_service(watched);
    agent->watched[watched->index] = NULL;
    probe_replica_remove(agent->probe, watched->index, watched->cgroup);
    retire_table(agent, watched);
    free(watched->held);
    free(watched->held_accesses);
    free(watched->last_words);
    free(watched);
}

/* It has ended: what it lost in its last moments is told with it. */
static void end(struct agent *agent, struct watched *watched)
{
    if (watched->service && watched->service->mode == MODE_DETECT)
        watch_losses(agent, watched);
    drop(agent, watched);
}

static struct watched *by_cgroup(struct agent *agent, uint64_t cgroup)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->cgroup == cgroup)
            return agent->watched[i];
    return NULL;
}

/* ---- learning and judging ---- */

static void judge(struct agent *agent, struct watched *watched, const struct report *report)
{
    struct service *service = watched->service;
    struct service_room room = agent_room(agent);
    uint16_t codes[PATTERN_MAX];
    bool in_table = report->table == service->table;
    bool learned = report->flags & (REPORT_LEARNED | REPORT_UNPLACED);
    probe_report_codes(agent->probe, report, codes);
    if (service->mode == MODE_OFF)
        return;
    if (report->flags & REPORT_APART) {
        siblings_report(agent, watched, report);
        return;
    }
    if ((learned && in_table) || service->mode == MODE_LEARN || watched->learns_start) {
        watched->start_grown += service_learn(&room, service, report->pattern, codes, in_table);
        return;
    }
    /* Compared with a newcomer's own empty table, or learned since it was reported: only what the
     * profile lacks as well is new. */
    if (profile_has(service->profile, report->pattern, codes))
        return;
    if (in_table)
        alerts_report(agent, watched, report);
    else
        alerts_early_report(agent, watched, report);
}

void replicas_report(struct agent *agent, const struct report *report)
{
    uint32_t index = report->head.replica;
    struct watched *watched = index < PROBE_REPLICAS ? agent->watched[index] : NULL;
    if (!watched || watched->generation != report->head.generation ||
        report->pattern >= PATTERN_KINDS)
        return;
    if (watched->service) {
        judge(agent, watched, report);
    } else if (watched->held_count < HELD) {
        if (!watched->held)
            watched->held = memory_must(reallocarray(NULL, HELD, sizeof *watched->held));
        watched->held[watched->held_count++] = *report;
    } else {
        probe_replica_lost(agent->probe, index);
    }
}

/* How the probe is to treat this replica. */
static enum replica_mode mode_of(const struct watched *watched)
{
    enum replica_mode mode = watched->service->mode;
    return mode == MODE_DETECT && watched->learns_start ? MODE_LEARN : mode;
}

static void apply_mode(struct agent *agent, const struct watched *watched)
{
    probe_replica_set(agent->probe, watched->index, watched->service->table, mode_of(watched));
}

void replicas_apply(struct agent *agent, const struct service *service)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            apply_mode(agent, agent->watched[i]);
}

/* ---- recognition ---- */

/* The replica gets its service; what it showed until now is learned or judged. */
static void recognise(struct agent *agent, struct watched *watched, const struct workload *workload)
{
    const char *version = workload->version[0] ? workload->version : "-";
    struct service *service = replicas_service(agent, workload->service, version);
    if (!service || watched->service == service) {
        if (service)
            watched->workload = *workload;
        return;
    }
    siblings_leave(agent, watched);
    alerts_close(agent, watched);
    leave_service(watched);
    watched->workload = *workload;
    watched->service = service;
    service->replicas++;
    service->idle_since = 0;
    struct profile_facts *facts = profile_facts(service->profile);
    /* A profile that saw no start must not take the first one it sees for an attack. */
    bool starting = watched->newcomer_table != PROBE_NONE;
    bool judges = service->mode == MODE_DETECT || service->accesses.mode == MODE_DETECT;
    watched->learns_start = starting && facts->starts == 0 && judges;
    watched->starting = starting;
    watched->start_since = clock_monotonic();
    watched->start_grown = 0;
    if (starting && service->mode == MODE_LEARN && !watched->learns_start) {
        facts->starts++;
        service->dirty = true;
    }
    apply_mode(agent, watched);
    retire_table(agent, watched);
    for (size_t i = 0; i < watched->held_count; i++)
        judge(agent, watched, &watched->held[i]);
    free(watched->held);
    watched->held = NULL;
    watched->held_count = 0;
    accesses_recognised(agent, watched);
    namesakes_warn(agent, watched);
    log_info("watching %s (%s) as a replica of %s, version %s: %s", workload->name,
             workload_engine_name(workload->engine), service->name, service->version,
             mode_of(watched) == MODE_LEARN ? "learning" : "detecting");
}

/* A cgroup that the kernel has given a place and a table of its own. */
static struct watched *new_newcomer(struct agent *agent, uint32_t index, uint64_t cgroup,
                                    const char *path)
{
    struct watched *watched = new_watched(agent, index, cgroup, path);
    watched->newcomer_table = probe_replica(agent->probe, index)->table;
    return watched;
}

/* An engine may tell of a container before the kernel's own word of its cgroup has been read. */
static struct watched *unheard_newcomer(struct agent *agent, const struct workload *workload)
{
    uint32_t index = probe_replica_of(agent->probe, workload->cgroup);
    if (index >= PROBE_REPLICAS || agent->watched[index])
        return NULL;
    return new_newcomer(agent, index, workload->cgroup, workload->cgroup_path);
}

int replicas_watch(struct agent *agent, const struct workload *workload, enum replica_entry entry,
                   struct error *err)
{
    uint32_t index;
    const char *version = workload->version[0] ? workload->version : "-";
    struct service *service = replicas_service(agent, workload->service, version);
    if (!service)
        return error_set(err, EXIT_MACHINE, 0, "%s: cannot be watched", workload->name);
    if (probe_replica_add(agent->probe, workload->cgroup, entry, service->table, service->mode,
                          &index, err) < 0)
        return -1;
    recognise(agent, new_watched(agent, index, workload->cgroup, workload->cgroup_path), workload);
    if (agent->flows)
        flows_adopt(agent->flows);
    return probe_adopt(agent->probe, err);
}

void replicas_workload(struct agent *agent, const struct workload *workload)
{
    struct error err;
    if (workload->cgroup == 0)
        return;
    struct watched *watched = by_cgroup(agent, workload->cgroup);
    if (!watched)
        watched = unheard_newcomer(agent, workload);
    enum replica_entry entry = workload->engine == ENGINE_SYSTEMD  ? ENTRY_EXEC
                               : workload->engine == ENGINE_CGROUP ? ENTRY_JOIN
                                                                   : ENTRY_CONTAINER;
    if (watched)
        recognise(agent, watched, workload);
    else if (replicas_watch(agent, workload, entry, &err) < 0)
        log_warn("%s", err.text);
}

void replicas_restored(struct agent *agent, struct watched *watched)
{
    struct error err;
    watched->starting = watched->learns_start = false;
    apply_mode(agent, watched);
    if (probe_replica_restored(agent->probe, watched->index, &err) < 0)
        log_warn("%s", err.text);
    if (agent->flows)
        flows_adopt(agent->flows);
    log_info("%s was restored: watched from where it was in its work", watched->workload.name);
}

/* Nobody's cgroup; but its threads may be those of a container further up, who follows them now. */
static void drop_nobody(struct agent *agent, struct watched *watched)
{
    struct error err;
    bool inside = false;
    for (uint32_t i = 0; i < PROBE_REPLICAS && !inside; i++) {
        const struct watched *other = agent->watched[i];
        size_t length = other ? strlen(other->path) : 0;
        inside = other && other != watched && strncmp(watched->path, other->path, length) == 0 &&
                 watched->path[length] == '/';
    }
    drop(agent, watched);
    if (inside && probe_adopt(agent->probe, &err) < 0)
        log_warn("%s", err.text);
}

/* Asks whose the cgroup is. The answer may come later, as a workload that has started; hopeful:
 * there is still time for that. */
static void identify(struct agent *agent, struct watched *watched, bool hopeful)
{
    struct workload workload;
    enum workload_answer answer = WORKLOAD_NOBODY;
    if (agent->command && strcmp(watched->path + 1, agent->command_cgroup) == 0) {
        workload = agent->command_workload;
        answer = WORKLOAD_KNOWN;
    } else if (agent->workloads) {
        answer = workload_identify(agent->workloads, watched->path, watched->cgroup, &workload);
    }
    if (answer == WORKLOAD_KNOWN)
        recognise(agent, watched, &workload);
    else if (answer == WORKLOAD_NOBODY || !hopeful)
        drop_nobody(agent, watched);
}

void replicas_cgroup(struct agent *agent, const struct cgroup_event *event)
{
    struct error err;
    uint32_t index = event->head.replica;
    if (event->head.kind == EVENT_CGROUP_GONE) {
        struct watched *gone = index < PROBE_REPLICAS ? agent->watched[index] : NULL;
        if (gone && gone->generation == event->head.generation)
            end(agent, gone);
        return;
    }
    if (index >= PROBE_REPLICAS) /* no place was prepared: its engine will report it */
        return;
    /* Not if its engine was quicker, and it may have ended since. */
    if (!agent->watched[index] &&
        probe_replica(agent->probe, index)->generation == event->head.generation)
        identify(agent, new_newcomer(agent, index, event->cgroup, event->path), true);
    if (probe_prepare_newcomers(agent->probe, &err) < 0)
        log_warn("%s", err.text);
}

/* ---- time ---- */

/*
 * A start ends when the profile grows by it no faster than a learned one may, however long it
 * takes: what a busy service does rarely must not keep it from being judged.
 */
static void end_start(struct agent *agent, struct watched *watched, uint64_t now)
{
    if (!watched->starting || clock_passed(now, watched->start_since) < START_STRETCH)
        return;
    const struct growth_rule *rule = &watched->service->config.growth;
    double steady = rule->interval_ns ? rule->sigma * (double)START_STRETCH / (double)NS_PER_S : 0;
    bool grows = (double)watched->start_grown > steady;
    watched->start_since = now;
    watched->start_grown = 0;
    if (grows && clock_passed(now, watched->appeared) < START_LONGEST)
        return;
    watched->starting = false;
    if (!watched->learns_start)
        return;
    watched->learns_start = false;
    profile_facts(watched->service->profile)->starts++;
    watched->service->dirty = true;
    apply_mode(agent, watched);
    log_info("%s: the start of %s is learned", watched->service->name, watched->workload.name);
}

static void train(struct agent *agent, struct service *service, uint64_t dt)
{
    struct service_room room = agent_room(agent);
    struct profile_facts *facts = profile_facts(service->profile);
    uint64_t apart = siblings_tick(agent, service, clock_monotonic());
    uint64_t calls = 0;
    uint32_t frame_peak = 0;
    uint32_t epoch_peak = 0;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!watched || watched->service != service)
            continue;
        const struct replica_counters *now = &probe_replica(agent->probe, i)->counters;
        struct tally more = count(agent, watched);
        calls += more.calls;
        facts->lost += more.lost;
        service->loss |= more.lost > 0;
        frame_peak = now->frame_peak > frame_peak ? now->frame_peak : frame_peak;
        epoch_peak = now->epoch_peak > epoch_peak ? now->epoch_peak : epoch_peak;
    }
    enum training training =
        service_train(&room, service, dt, calls, apart, frame_peak, epoch_peak);
    if (training == TRAINING_GOES_ON)
        return;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            probe_replica_reset_peaks(agent->probe, i);
    if (training == TRAINING_DONE) {
        char state[256];
        siblings_end(agent, service);
        replicas_apply(agent, service);
        log_info("%s, version %s: learned (%s)", service->name, service->version,
                 profile_state(service->profile, state, sizeof state));
    }
}

/* The event of a cgroup's end may have been lost with a full ring: look whether it is there. And
 * one that might have been a container may have turned out to be none. */
static void sweep(struct agent *agent, uint64_t now)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!watched)
            continue;
        if (replicas_has_gone(agent, i))
            end(agent, watched);
        else if (!watched->service)
            identify(agent, watched, clock_passed(now, watched->appeared) < PATIENCE);
    }
    process_forget(agent->processes, now);
}

void replicas_tick(struct agent *agent, uint64_t now, uint64_t dt)
{
    struct error err;
    struct service_room room = agent_room(agent);
    probe_table_free(agent->probe, agent->retired, agent->retired_count);
    agent->retired_count = 0;
    if (agent->joined && probe_adopt(agent->probe, &err) < 0)
        log_warn("%s", err.text);
    agent->joined = false;
    for (struct service *service = agent->services; service; service = service->next) {
        if (service->mode == MODE_LEARN && service->replicas > 0)
            train(agent, service, dt);
        service_save(&room, service, false);
    }
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!watched || !watched->service)
            continue;
        watched->ended = replicas_has_ended(agent, watched);
        end_start(agent, watched, now);
        if (watched->service->mode == MODE_DETECT)
            watch_losses(agent, watched);
    }
    if (clock_passed(now, agent->swept) > SWEEP_EVERY) {
        agent->swept = now;
        sweep(agent, now);
        forget_idle_services(agent, now);
    }
}

void replicas_configure(struct agent *agent)
{
    struct service_room room = agent_room(agent);
    for (struct service *service = agent->services; service; service = service->next) {
        service_configure(&room, service);
        if (service->mode != MODE_LEARN)
            siblings_end(agent, service);
        replicas_apply(agent, service);
    }
}

void replicas_close(struct agent *agent)
{
    struct service_room room = agent_room(agent);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i])
            drop(agent, agent->watched[i]);
    while (agent->services) {
        struct service *service = agent->services;
        agent->services = service->next;
        siblings_end(agent, service);
        service_close(&room, service);
    }
}
