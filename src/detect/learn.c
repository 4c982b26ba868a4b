#include "detect/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "detect/replay.h"

#define BATCH 4096

/* The worst that one interval of the training would have raised. */
struct peak {
    uint32_t score[PATTERN_KINDS];
};

struct learner {
    struct profile *profile;
    struct replay *replay;
    bool stops;       /* when the profile is learned */
    bool begun;       /* this trace has shown a call */
    uint64_t started; /* its time */
    uint64_t before;  /* training time of the traces before this one */
    uint64_t elapsed; /* training time in all */
    uint64_t lost;    /* up to the last update of the curve */
    struct peak *row; /* of the last needed + 1 intervals, the running one included: a ring */
    uint32_t row_length;
    uint64_t interval; /* the running one */
};

static void note_peak(void *context, const struct novelty *novelty)
{
    struct learner *learner = context;
    uint32_t *score = &learner->row[learner->interval % learner->row_length].score[novelty->kind];
    *score = novelty->score > *score ? novelty->score : *score;
}

struct learner *learner_new(struct profile *profile)
{
    struct learner *learner = memory_must(calloc(1, sizeof *learner));
    struct profile_facts *facts = profile_facts(profile);
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    rule.frame = facts->frame;
    rule.epoch = facts->epoch;
    learner->profile = profile;
    learner->replay = replay_new(profile, true, &rule,
                                 &(struct replay_hooks){.novelty = note_peak, .context = learner});
    learner->row_length = profile_growth(profile)->rule.needed + 1;
    learner->row = memory_must(calloc(learner->row_length, sizeof *learner->row));
    facts->created = clock_realtime();
    return learner;
}

void learner_stop_when_learned(struct learner *learner)
{
    learner->stops = true;
}

static bool stopped(const struct learner *learner)
{
    return learner->stops && profile_growth(learner->profile)->learned;
}

static uint64_t interval_at(const struct learner *learner, uint64_t elapsed, uint64_t calls)
{
    const struct growth_rule *rule = &profile_growth(learner->profile)->rule;
    return rule->interval_ns ? elapsed / rule->interval_ns : calls / rule->interval_calls;
}

/* Tells the curve where the training stands; peaks outside the row of steady intervals go. */
static void update(struct learner *learner, uint64_t elapsed)
{
    const struct replay_result *result = replay_result(learner->replay);
    struct growth *growth = profile_growth(learner->profile);
    size_t points = growth->count;
    learner->elapsed = elapsed;
    growth_update(growth, elapsed, result->calls, profile_size(learner->profile),
                  result->lost > learner->lost);
    learner->lost = result->lost;
    if (growth->count == points)
        return;
    if (growth->in_a_row == 0)
        memset(learner->row, 0, learner->row_length * sizeof *learner->row);
    learner->interval++;
    learner->row[learner->interval % learner->row_length] = (struct peak){0};
}

/* Replays calls and updates the curve wherever an interval ends among them. */
static void learn_calls(struct learner *learner, const struct call *calls, size_t count)
{
    uint64_t number = replay_result(learner->replay)->calls;
    uint64_t running = interval_at(learner, learner->elapsed, number);
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t elapsed = learner->before + clock_passed(calls[i].time, learner->started);
        if (interval_at(learner, elapsed, number) > running) {
            replay_calls(learner->replay, calls + done, i - done);
            done = i;
            update(learner, elapsed);
            if (stopped(learner))
                return;
            running = interval_at(learner, elapsed, number);
        }
        learner->elapsed = elapsed > learner->elapsed ? elapsed : learner->elapsed;
        number += calls[i].kind == CALL_ENTER;
    }
    replay_calls(learner->replay, calls + done, count - done);
}

void learner_replica(struct learner *learner)
{
    replay_restart(learner->replay);
    learner->before = learner->elapsed;
    learner->begun = false;
}

void learner_calls(struct learner *learner, const struct call *calls, size_t count)
{
    if (!learner->begun && count > 0) {
        learner->begun = true;
        learner->started = calls[0].time;
        if (calls[0].kind == CALL_EXEC || calls[0].kind == CALL_FORK)
            profile_facts(learner->profile)->starts++;
    }
    if (!stopped(learner))
        learn_calls(learner, calls, count);
}

int learner_trace(struct learner *learner, struct trace_reader *reader, struct error *err)
{
    struct call calls[BATCH];
    int count = 0;
    bool timed = profile_growth(learner->profile)->rule.interval_ns > 0;
    learner_replica(learner);
    while (!stopped(learner) && (count = trace_read(reader, calls, BATCH, err)) > 0) {
        if (timed && !learner->begun && calls[0].time == 0)
            return error_set(err, EXIT_USAGE, 0,
                             "%s has no times (give --interval as a number of calls)",
                             trace_path(reader));
        learner_calls(learner, calls, (size_t)count);
    }
    return count < 0 ? -1 : 0;
}

void learner_finish(struct learner *learner)
{
    struct profile_facts *facts = profile_facts(learner->profile);
    const struct replay_result *result = replay_result(learner->replay);
    update(learner, learner->elapsed);
    facts->calls += result->calls;
    facts->lost += result->lost;
    facts->learn_ns += learner->elapsed;
    facts->updated = clock_realtime();
    for (uint32_t i = 0; i < learner->row_length; i++) {
        const uint32_t *score = learner->row[i].score;
        if (score[PATTERN_WINDOW] > facts->frame_peak)
            facts->frame_peak = score[PATTERN_WINDOW];
        if (score[PATTERN_BAG] > facts->epoch_peak)
            facts->epoch_peak = score[PATTERN_BAG];
    }
    replay_free(learner->replay);
    free(learner->row);
    free(learner);
}
