#include "lab/judge.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

uint64_t judge_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

struct judging {
    const struct method *method;
    struct scorer *scorer;
    const double *thresholds;
    size_t threshold_count;
    struct verdict *verdict;
    uint32_t trace;
    bool attack;                     /* the trace holds an attack … */
    bool attacked;                   /* … which has begun */
    uint64_t start;                  /* when it begins; 0: with the trace */
    uint64_t now;                    /* of the call that is looked at; 0: no times */
    bool alarmed[METHOD_THRESHOLDS]; /* the call before was, while there was no attack */

    uint64_t phase_calls, phase_since; /* since the trace began, or the attack in it */

    /* the sample that is being made */
    double sum, largest;
    uint64_t scored, sample_calls, sample_since;
};

static double seconds_since(const struct judging *judging, uint64_t then)
{
    return judging->now && then ? (double)clock_passed(judging->now, then) / (double)NS_PER_S : NAN;
}

/* Something scored so much now. runs: what alarms right after another alarm is no new one. */
static void raise_alarms(struct judging *judging, double score, bool runs)
{
    for (size_t i = 0; i < judging->threshold_count; i++) {
        struct outcome *outcome = &judging->verdict->outcomes[i];
        bool alarm = score > judging->thresholds[i], goes_on = runs && judging->alarmed[i];
        judging->alarmed[i] = alarm && !judging->attacked;
        if (!alarm || (judging->attacked && outcome->found))
            continue;
        if (!judging->attacked) {
            outcome->false_alarms += !goes_on;
            continue;
        }
        outcome->found = true;
        outcome->calls = (double)judging->phase_calls;
        outcome->seconds = seconds_since(judging, judging->phase_since);
    }
}

static void end_sample(struct judging *judging)
{
    struct verdict *verdict = judging->verdict;
    size_t count = verdict->count;
    if (!judging->sample_calls)
        return;
    double score = judging->method->largest ? judging->largest
                   : judging->scored        ? judging->sum / (double)judging->scored
                                            : 0;
    if ((count & (count - 1)) == 0) /* full at each power of two */
        verdict->samples = memory_must(
            reallocarray(verdict->samples, count ? 2 * count : 1, sizeof *verdict->samples));
    verdict->samples[verdict->count++] =
        (struct sample){.score = score, .trace = judging->trace, .attack = judging->attacked};
    if (!judging->method->largest)
        raise_alarms(judging, score, false);
    judging->sum = judging->largest = 0;
    judging->scored = judging->sample_calls = 0;
}

static void end_phase(struct judging *judging)
{
    end_sample(judging);
    if (!judging->attacked) {
        judging->verdict->normal_calls += judging->phase_calls;
        if (judging->phase_since)
            judging->verdict->normal_ns += clock_passed(judging->now, judging->phase_since);
    }
    judging->phase_calls = judging->phase_since = 0;
}

static bool sample_is_full(const struct judging *judging)
{
    const struct method *method = judging->method;
    return (method->epoch_calls && judging->sample_calls >= method->epoch_calls) ||
           (method->epoch_ns && judging->sample_calls &&
            clock_passed(judging->now, judging->sample_since) >= method->epoch_ns);
}

static void look_at(struct judging *judging, const struct call *call, float score)
{
    if (judging->attack && !judging->attacked && call->time >= judging->start) {
        end_phase(judging);
        judging->attacked = true;
    }
    judging->now = call->time;
    if (sample_is_full(judging))
        end_sample(judging);
    if (judging->phase_calls++ == 0)
        judging->phase_since = call->time;
    if (judging->sample_calls++ == 0)
        judging->sample_since = call->time;
    if (score < 0) /* SCORE_NONE */
        return;
    judging->scored++;
    judging->sum += score;
    judging->largest = score > judging->largest ? score : judging->largest;
    if (judging->method->largest)
        raise_alarms(judging, score, true);
}

static void judge_calls(void *context, const struct call *calls, size_t count)
{
    struct judging *judging = context;
    float scores[CORPUS_BLOCK];
    uint64_t before = judge_clock();
    scorer_judge(judging->scorer, calls, count, scores);
    judging->verdict->ns += judge_clock() - before;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].kind != CALL_ENTER)
            continue;
        judging->verdict->calls++;
        look_at(judging, &calls[i], scores[i]);
    }
}

/* When the attack in a trace begins; 0 where that is not known. */
static uint64_t attack_start(const struct corpus_trace *trace)
{
    const struct dataset_trace *about = trace->about;
    if (!about->start_known || !trace->first)
        return 0;
    return about->start_relative ? trace->first + about->start : about->start;
}

int judge_trace(const struct bench *bench, struct scorer *scorer, size_t trace,
                const double *thresholds, size_t count, struct verdict *verdict, struct error *err)
{
    const struct corpus_trace *judged = &bench->corpus->traces[trace];
    *verdict = (struct verdict){0};
    struct judging judging = {.method = bench->method,
                              .scorer = scorer,
                              .thresholds = thresholds,
                              .threshold_count = count,
                              .verdict = verdict,
                              .trace = (uint32_t)trace,
                              .attack = judged->about->label == LABEL_ATTACK,
                              .start = attack_start(judged)};
    scorer_restart(scorer);
    int failed = corpus_visit(bench->corpus, trace, judge_calls, &judging, err);
    end_phase(&judging);
    return failed;
}
