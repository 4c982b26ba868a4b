#include "detect/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define BATCH  512 /* calls; small enough to stay in the processor's nearest cache */
#define RECENT 64  /* novelties remembered for the first crossing; a power of two */

struct inspector {
    struct inspection *inspection;
    bool all_novelties;
    struct novelty recent[RECENT]; /* a ring */
    size_t recent_count;           /* ever */
};

static void keep_novelty(struct inspection *inspection, const struct novelty *novelty)
{
    size_t count = inspection->novelty_count;
    if ((count & (count - 1)) == 0) /* full at each power of two */
        inspection->novelties = memory_must(reallocarray(
            inspection->novelties, count ? 2 * count : 1, sizeof *inspection->novelties));
    inspection->novelties[inspection->novelty_count++] = *novelty;
}

static void note_novelty(void *context, const struct novelty *novelty)
{
    struct inspector *inspector = context;
    if (!inspector->inspection->anomalous)
        inspector->recent[inspector->recent_count++ % RECENT] = *novelty;
    if (inspector->all_novelties)
        keep_novelty(inspector->inspection, novelty);
}

static bool explains(const struct novelty *novelty, const struct crossing *crossing)
{
    return novelty->kind == crossing->kind &&
           (novelty->kind == PATTERN_BAG || novelty->tid == crossing->tid);
}

static void note_crossing(void *context, const struct crossing *crossing)
{
    struct inspector *inspector = context;
    struct inspection *inspection = inspector->inspection;
    if (inspection->anomalous)
        return;
    inspection->anomalous = true;
    inspection->first = *crossing;

    size_t end = inspector->recent_count, begin = end > RECENT ? end - RECENT : 0, fitting = 0;
    for (size_t i = begin; i < end; i++)
        fitting += explains(&inspector->recent[i % RECENT], crossing);
    for (size_t i = begin; i < end; i++)
        if (explains(&inspector->recent[i % RECENT], crossing) && fitting-- <= INSPECTION_UNKNOWN)
            inspection->unknown[inspection->unknown_count++] = inspector->recent[i % RECENT];
}

/* The time of a call. Most traces are normal: reading one twice beats reading all times of all. */
static int look_up_time(const char *path, const struct trace_options *options, uint64_t call_index,
                        uint64_t *time, struct error *err)
{
    struct call calls[BATCH];
    struct trace_options quietly = *options;
    quietly.progress = NULL;
    struct trace_reader *reader = trace_open_as(path, TRACE_TIMES, &quietly, err);
    if (!reader)
        return -1;
    uint64_t index = 0;
    int count = 0;
    while (index <= call_index && (count = trace_read(reader, calls, BATCH, err)) > 0)
        for (int i = 0; i < count; i++)
            if (calls[i].kind == CALL_ENTER && index++ == call_index)
                *time = calls[i].time;
    trace_close(reader);
    return count < 0 ? -1 : 0;
}

static int replay_file(struct replay *replay, const char *path, unsigned columns,
                       const struct trace_options *options, struct trace_faults *faults,
                       struct error *err)
{
    struct call calls[BATCH];
    struct trace_reader *reader = trace_open_as(path, columns, options, err);
    if (!reader)
        return -1;
    int count;
    while ((count = trace_read(reader, calls, BATCH, err)) > 0)
        replay_calls(replay, calls, (size_t)count);
    *faults = *trace_faults(reader);
    trace_close(reader);
    return count;
}

int inspect_trace(struct profile *profile, const struct detect_rule *rule, const char *path,
                  const struct trace_options *options, bool all_novelties,
                  struct inspection *inspection, struct error *err)
{
    struct inspector inspector = {.inspection = inspection, .all_novelties = all_novelties};
    struct replay_hooks hooks = {note_novelty, note_crossing, &inspector};
    bool times = all_novelties || strcmp(path, "-") == 0;
    *inspection = (struct inspection){0};
    struct replay *replay = replay_new(profile, false, rule, &hooks);
    int failed = replay_file(replay, path, times ? TRACE_TIMES : TRACE_CALLS, options,
                             &inspection->faults, err);
    inspection->result = *replay_result(replay);
    replay_free(replay);
    if (!failed && inspection->anomalous && !times)
        failed =
            look_up_time(path, options, inspection->first.call_index, &inspection->first.time, err);
    if (failed)
        inspection_clear(inspection);
    return failed;
}

void inspection_clear(struct inspection *inspection)
{
    free(inspection->novelties);
    *inspection = (struct inspection){0};
}
