#include "campaign/recording.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tape.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "campaign/path.h"
#include "probe/probe.h"
#include "workload/workload.h"

#define HELD      8192 /* events kept of a container that nobody has recognised yet */
#define TAPE_ROOM 8192
#define PATIENCE  (20 * NS_PER_S) /* after which a cgroup that nobody speaks for is nobody's */

/* A trace file of the present part. */
struct reel {
    char service[WORKLOAD_TEXT], replica[WORKLOAD_TEXT];
    struct tape *tape;
    struct reel *next;
};

/* A watched cgroup. */
struct place {
    uint64_t cgroup, appeared;
    uint32_t table; /* PROBE_NONE: it was there before us */
    bool known;     /* it is a replica: what follows is valid */
    char service[WORKLOAD_TEXT], replica[WORKLOAD_TEXT];
    struct reel *reel;          /* NULL: no call in this part */
    struct recorded_call *held; /* until it is known */
    size_t held_count;
    uint64_t marked; /* lost calls that the traces have marks for */
};

struct recording {
    struct recording_options options;
    struct cgroup_hierarchy hierarchy;
    struct probe *probe;
    struct workload_watch *workloads;
    struct place *places[PROBE_REPLICAS];
    bool fresh; /* a cgroup with running threads was added */
    struct reel *reels;
    char part[PATH_MAX]; /* "": none has begun */
    uint64_t lost_gone, lost_told;
    struct error err;
    bool failed; /* err says why */
};

/* ---- tapes ---- */

static int fail(struct recording *recording, const struct error *err)
{
    if (!recording->failed)
        recording->err = *err;
    recording->failed = true;
    return -1;
}

static struct tape *make_tape(const struct recording *recording, const struct place *place,
                              struct error *err)
{
    char path[PATH_MAX], service[WORKLOAD_TEXT], replica[WORKLOAD_TEXT];
    path_part(place->service, service, sizeof service);
    path_part(place->replica, replica, sizeof replica);
    if (snprintf(path, sizeof path, "%s/%s", recording->part, service) >= (int)sizeof path ||
        path_make(path, err) < 0)
        return NULL;
    size_t length = strlen(path);
    snprintf(path + length, sizeof path - length, "/%s.trace", replica);
    const struct tape_options options = {.path = path,
                                         .what = place->replica,
                                         .results = recording->options.results,
                                         .room = TAPE_ROOM};
    return tape_open(&options, err);
}

/* Two containers of one name, one after the other, share a reel. */
static struct reel *reel_of(struct recording *recording, const struct place *place)
{
    struct error err = {0};
    for (struct reel *reel = recording->reels; reel; reel = reel->next)
        if (strcmp(reel->service, place->service) == 0 &&
            strcmp(reel->replica, place->replica) == 0)
            return reel;
    struct tape *tape = make_tape(recording, place, &err);
    if (!tape) {
        fail(recording, &err);
        return NULL;
    }
    struct reel *reel = memory_must(calloc(1, sizeof *reel));
    snprintf(reel->service, sizeof reel->service, "%s", place->service);
    snprintf(reel->replica, sizeof reel->replica, "%s", place->replica);
    reel->tape = tape;
    reel->next = recording->reels;
    recording->reels = reel;
    return reel;
}

static void put(struct recording *recording, struct place *place, const struct recorded_call *event)
{
    if (recording->failed || !recording->part[0])
        return;
    if (!place->reel)
        place->reel = reel_of(recording, place);
    if (place->reel)
        tape_put(place->reel->tape, event);
    if (event->kind == CALL_LOST)
        place->marked += (uint64_t)event->value;
}

static void on_call(void *context, const struct recorded_call *event)
{
    struct recording *recording = context;
    struct place *place =
        event->replica < PROBE_REPLICAS ? recording->places[event->replica] : NULL;
    if (!place)
        return;
    if (place->known) {
        put(recording, place, event);
        return;
    }
    if (!place->held)
        place->held = memory_must(calloc(HELD, sizeof *place->held));
    if (place->held_count < HELD)
        place->held[place->held_count++] = *event;
}

/* ---- replicas ---- */

static uint64_t lost_of(const struct recording *recording, uint32_t index)
{
    return probe_replica(recording->probe, index)->counters.lost.calls;
}

static void leave(struct recording *recording, uint32_t index)
{
    struct place *place = recording->places[index];
    uint64_t lost = lost_of(recording, index);
    if (place->known) {
        recording->lost_gone += lost;
        if (place->reel && lost > place->marked) /* threads that made no more calls */
            tape_lose(place->reel->tape, lost - place->marked);
    }
    recording->places[index] = NULL;
    probe_replica_remove(recording->probe, index, place->cgroup);
    if (place->table != PROBE_NONE)
        probe_table_free(recording->probe, &place->table, 1);
    free(place->held);
    free(place);
}

static struct place *enter(struct recording *recording, uint32_t index, uint64_t cgroup,
                           uint32_t table)
{
    struct place *place = memory_must(calloc(1, sizeof *place));
    *place = (struct place){.cgroup = cgroup, .appeared = clock_monotonic(), .table = table};
    recording->places[index] = place;
    probe_replica_record(recording->probe, index, true);
    return place;
}

static bool belongs(const struct recording *recording, const struct workload *workload)
{
    return fnmatch(recording->options.containers, workload->name, 0) == 0;
}

/* It is a replica, and what it did until now is part of it. */
static void recognise(struct recording *recording, uint32_t index, const struct workload *workload)
{
    struct place *place = recording->places[index];
    const char *pattern = recording->options.containers;
    size_t prefix = strcspn(pattern, "*?[\\");
    place->known = true;
    snprintf(place->service, sizeof place->service, "%s", workload->service);
    snprintf(place->replica, sizeof place->replica, "%s",
             workload->name + (pattern[prefix] == '*' ? prefix : 0));
    probe_replica_set(recording->probe, index, 0, MODE_OFF);
    if (place->table != PROBE_NONE)
        probe_table_free(recording->probe, &place->table, 1);
    place->table = PROBE_NONE;
    for (size_t i = 0; i < place->held_count; i++)
        put(recording, place, &place->held[i]);
    free(take_pointer(place->held));
}

static void on_cgroup(void *context, const struct cgroup_event *event)
{
    struct recording *recording = context;
    struct error err = {0};
    struct workload workload;
    uint32_t index = event->head.replica;
    if (index >= PROBE_REPLICAS) /* no place was prepared: its engine will report it */
        return;
    if (event->head.kind == EVENT_CGROUP_GONE) {
        if (recording->places[index] && recording->places[index]->cgroup == event->cgroup)
            leave(recording, index);
        return;
    }
    enter(recording, index, event->cgroup, probe_replica(recording->probe, index)->table);
    switch (workload_identify(recording->workloads, event->path, event->cgroup, &workload)) {
    case WORKLOAD_KNOWN:
        if (belongs(recording, &workload))
            recognise(recording, index, &workload);
        else
            leave(recording, index);
        break;
    case WORKLOAD_NOBODY:
        leave(recording, index);
        break;
    case WORKLOAD_ASKED:
        break;
    }
    if (probe_prepare_newcomers(recording->probe, &err) < 0)
        fail(recording, &err);
}

static void on_started(struct recording *recording, const struct workload *workload)
{
    struct error err = {0};
    uint32_t index = 0;
    if (workload->cgroup == 0)
        return;
    while (index < PROBE_REPLICAS &&
           (!recording->places[index] || recording->places[index]->cgroup != workload->cgroup))
        index++;
    if (index < PROBE_REPLICAS) {
        if (belongs(recording, workload) && !recording->places[index]->known)
            recognise(recording, index, workload);
        else if (!belongs(recording, workload))
            leave(recording, index);
        return;
    }
    if (!belongs(recording, workload))
        return;
    if (probe_replica_add(recording->probe, workload->cgroup, ENTRY_CONTAINER, 0, MODE_OFF, &index,
                          &err) < 0) {
        fail(recording, &err);
        return;
    }
    enter(recording, index, workload->cgroup, PROBE_NONE);
    recognise(recording, index, workload);
    recording->fresh = true;
}

static void forget_nobodies(struct recording *recording)
{
    uint64_t now = clock_monotonic();
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct place *place = recording->places[i];
        if (place && !place->known && clock_passed(now, place->appeared) > PATIENCE)
            leave(recording, i);
    }
}

/* ---- the room's face ---- */

static int open_all(struct recording *recording, struct error *err)
{
    const char *roots[] = {recording->options.oci, NULL};
    struct workload_options workloads = {.oci_roots = roots[0][0] ? roots : NULL};
    if (cgroup_hierarchy_find(&workloads.hierarchy, err) < 0)
        return -1;
    const struct cgroup_hierarchy *hierarchy = &workloads.hierarchy;
    const struct probe_options options = {
        .controller = hierarchy->v2 ? NULL : hierarchy->controller,
        .hierarchy = hierarchy->id,
        .newcomers = true,
        .record = true,
        .results = recording->options.results,
    };
    const struct probe_hooks hooks = {.call = on_call, .cgroup = on_cgroup, .context = recording};
    recording->workloads = workload_watch_start(&workloads, err);
    if (!recording->workloads)
        return -1;
    recording->probe = probe_open(&options, &hooks, err);
    return recording->probe ? probe_prepare_newcomers(recording->probe, err) : -1;
}

struct recording *recording_open(const struct recording_options *options, struct error *err)
{
    struct recording *recording = memory_must(calloc(1, sizeof *recording));
    struct recording_counts counts;
    struct error ignored;
    recording->options = *options;
    if (open_all(recording, err) == 0)
        return recording;
    recording_close(recording, &counts, &ignored);
    return NULL;
}

int recording_step(struct recording *recording, struct error *err)
{
    struct workload_event event;
    while (workload_next(recording->workloads, &event))
        if (event.change == WORKLOAD_STARTED)
            on_started(recording, &event.workload);
    if (recording->fresh && probe_adopt(recording->probe, err) < 0)
        return fail(recording, err);
    recording->fresh = false;
    forget_nobodies(recording);
    if (probe_consume(recording->probe, err) < 0)
        return fail(recording, err);
    for (const struct reel *reel = recording->reels; reel; reel = reel->next)
        if (tape_failure(reel->tape))
            fail(recording, tape_failure(reel->tape));
    if (recording->failed)
        *err = recording->err;
    return recording->failed ? -1 : 0;
}

/* Closes the files of the part. */
static int end_part(struct recording *recording, struct recording_counts *counts, struct error *err)
{
    int done = 0;
    uint64_t lost = recording->lost_gone;
    *counts = (struct recording_counts){0};
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (recording->places[i]) {
            recording->places[i]->reel = NULL;
            lost += recording->places[i]->known ? lost_of(recording, i) : 0;
        }
    for (struct reel *reel; (reel = recording->reels);) {
        struct tape_counts tape;
        recording->reels = reel->next;
        if (tape_close(reel->tape, &tape, err) < 0)
            done = fail(recording, err);
        counts->calls += tape.calls;
        counts->replicas++;
        free(reel);
    }
    counts->lost = lost - recording->lost_told;
    recording->lost_told = lost;
    return done;
}

int recording_part(struct recording *recording, const char *name, struct recording_counts *counts,
                   struct error *err)
{
    *counts = (struct recording_counts){0};
    if (recording_step(recording, err) < 0 || end_part(recording, counts, err) < 0)
        return -1;
    snprintf(recording->part, sizeof recording->part, "%s/%s", recording->options.directory, name);
    return path_make(recording->part, err);
}

int recording_close(struct recording *recording, struct recording_counts *counts, struct error *err)
{
    int done = recording->probe ? recording_step(recording, err) : 0;
    for (uint32_t i = 0; recording->probe && i < PROBE_REPLICAS; i++)
        if (recording->places[i] && recording->places[i]->reel &&
            lost_of(recording, i) > recording->places[i]->marked)
            tape_lose(recording->places[i]->reel->tape,
                      lost_of(recording, i) - recording->places[i]->marked);
    if (end_part(recording, counts, err) < 0)
        done = -1;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (recording->places[i])
            leave(recording, i);
    probe_close(recording->probe);
    if (recording->workloads)
        workload_watch_stop(recording->workloads);
    free(recording);
    return done;
}
