#include "lab/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "lab/judge.h"
#include "lab/parallel.h"

#define HOLD_OUT 5 /* of so many traces to learn one is held out, where no others choose */

static void free_detector(struct detector **detector)
{
    if (*detector)
        detector_free(*detector);
}

static void free_scorer(struct scorer **scorer)
{
    scorer_free(*scorer);
}

static void free_traces(struct traces *traces)
{
    free(traces->index);
}

#define autotraces   __attribute__((cleanup(free_traces)))
#define autodetector __attribute__((cleanup(free_detector)))
#define autoscorer   __attribute__((cleanup(free_scorer)))

/* ---- learning ---- */

struct learning {
    struct detector *detector;
    struct scorer *scorer;
    uint64_t all;        /* calls to learn */
    struct trial *trial; /* NULL: nobody wants to know */
};

static void note_growth(struct trial *trial, const struct detector *detector, uint64_t all)
{
    uint64_t calls = trial->learned_calls;
    if (calls * CURVE_POINTS >= all * trial->curve_count && trial->curve_count <= CURVE_POINTS)
        trial->curve[trial->curve_count++] =
            (struct curve_point){calls, detector_patterns(detector)};
}

static void learn_calls(void *context, const struct call *calls, size_t count)
{
    struct learning *learning = context;
    struct trial *trial = learning->trial;
    uint64_t before = judge_clock();
    scorer_learn(learning->scorer, calls, count);
    if (!trial)
        return;
    trial->learn_ns += judge_clock() - before;
    for (size_t i = 0; i < count; i++)
        trial->learned_calls += calls[i].kind == CALL_ENTER;
    note_growth(trial, learning->detector, learning->all);
}

/* A detector that has learned the traces; NULL on error. */
static struct detector *learn(const struct bench *bench, const struct candidate *candidate,
                              const struct traces *traces, struct trial *trial, struct error *err)
{
    autodetector struct detector *detector = detector_new(candidate->specification, err);
    if (!detector)
        return NULL;
    autoscorer struct scorer *scorer = scorer_new(detector, bench->method->scope, 1);
    struct learning learning = {.detector = detector, .scorer = scorer, .trial = trial};
    for (size_t i = 0; i < traces->count; i++)
        learning.all += bench->corpus->traces[traces->index[i]].count;
    for (size_t i = 0; i < traces->count; i++) {
        if (corpus_visit(bench->corpus, traces->index[i], learn_calls, &learning, err) < 0)
            return NULL;
        scorer_restart(scorer);
    }
    uint64_t before = judge_clock();
    detector_settle(detector);
    if (trial)
        trial->learn_ns += judge_clock() - before;
    return take_pointer(detector);
}

/* ---- judging ---- */

struct judged {
    const struct bench *bench;
    const struct candidate *candidate;
    struct detector *detector;
    const struct traces *traces;
    const double *thresholds;
    size_t threshold_count;
    struct verdict *verdicts; /* of each trace */
};

static int judge_one(void *context, size_t index, struct error *err)
{
    struct judged *judged = context;
    autoscorer struct scorer *scorer =
        scorer_new(judged->detector, judged->bench->method->scope, judged->candidate->smooth);
    return judge_trace(judged->bench, scorer, judged->traces->index[index], judged->thresholds,
                       judged->threshold_count, &judged->verdicts[index], err);
}

static void judged_clear(struct judged *judged)
{
    for (size_t i = 0; judged->verdicts && i < judged->traces->count; i++)
        free(judged->verdicts[i].samples);
    free(judged->verdicts);
}

#define autojudged __attribute__((cleanup(judged_clear)))

static int judge_all(struct judged *judged, struct error *err)
{
    judged->verdicts = memory_must(calloc(judged->traces->count + 1, sizeof *judged->verdicts));
    return parallel_each(judged->traces->count, judged->bench->threads, judge_one, judged, err);
}

/* All samples in the order of the traces; to be freed. */
static struct sample *gather_samples(const struct judged *judged, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < judged->traces->count; i++)
        *count += judged->verdicts[i].count;
    struct sample *samples = memory_must(calloc(*count + 1, sizeof *samples)), *next = samples;
    for (size_t i = 0; i < judged->traces->count; i++) {
        const struct verdict *verdict = &judged->verdicts[i];
        if (verdict->count)
            memcpy(next, verdict->samples, verdict->count * sizeof *next);
        next += verdict->count;
    }
    return samples;
}

/* ---- the chosen threshold: normal data alone ---- */

/* Every fifth trace to learn, the last one where there are fewer; the others in `rest`. */
static void hold_out(const struct traces *learned, struct traces *held, struct traces *rest)
{
    held->index = memory_must(calloc(learned->count + 1, sizeof *held->index));
    rest->index = memory_must(calloc(learned->count + 1, sizeof *rest->index));
    for (size_t i = 0; i < learned->count; i++) {
        bool out = learned->count < HOLD_OUT ? i + 1 == learned->count && i > 0
                                             : i % HOLD_OUT == HOLD_OUT - 1;
        struct traces *to = out ? held : rest;
        to->index[to->count++] = learned->index[i];
    }
}

static int choose_by(const struct bench *bench, const struct candidate *candidate,
                     struct detector *detector, const struct traces *traces, double *threshold,
                     struct error *err)
{
    autojudged struct judged judged = {
        .bench = bench, .candidate = candidate, .detector = detector, .traces = traces};
    if (judge_all(&judged, err) < 0)
        return -1;
    size_t count;
    autofree struct sample *samples = gather_samples(&judged, &count);
    struct roc roc;
    roc_make(&roc, samples, count);
    *threshold = count ? roc_threshold(&roc, bench->method->rate) : NAN;
    roc_clear(&roc);
    return 0;
}

static int choose_threshold(const struct bench *bench, const struct candidate *candidate,
                            struct detector *detector, const struct split *split, double *threshold,
                            struct error *err)
{
    *threshold = NAN;
    if (split->choose.count)
        return choose_by(bench, candidate, detector, &split->choose, threshold, err);
    autotraces struct traces held = {0}, rest = {0};
    hold_out(&split->learn, &held, &rest);
    if (!held.count)
        return 0;
    autodetector struct detector *second = learn(bench, candidate, &rest, NULL, err);
    return second ? choose_by(bench, candidate, second, &held, threshold, err) : -1;
}

/* ---- the sum of it ---- */

static void alarms_clear(struct alarms *alarms)
{
    free(alarms->finds);
}

static void sum_alarms(const struct judged *judged, size_t which, struct alarms *alarms)
{
    size_t count = judged->traces->count;
    *alarms = (struct alarms){.threshold = judged->thresholds[which]};
    alarms->finds = memory_must(calloc(count + 1, sizeof *alarms->finds));
    for (size_t i = 0; i < count; i++) {
        const struct outcome *outcome = &judged->verdicts[i].outcomes[which];
        alarms->false_alarms += outcome->false_alarms;
        if (outcome->found)
            alarms->finds[alarms->found++] =
                (struct find){(uint32_t)judged->traces->index[i], outcome->calls, outcome->seconds};
    }
}

static void sum_up(const struct judged *judged, struct trial *trial)
{
    trial->samples = gather_samples(judged, &trial->sample_count);
    trial->alarm_count = judged->threshold_count;
    trial->attacks = memory_must(calloc(judged->traces->count + 1, sizeof *trial->attacks));
    for (size_t i = 0; i < trial->alarm_count; i++)
        sum_alarms(judged, i, &trial->alarms[i]);
    for (size_t i = 0; i < judged->traces->count; i++) {
        const struct verdict *verdict = &judged->verdicts[i];
        const struct corpus_trace *trace = &judged->bench->corpus->traces[judged->traces->index[i]];
        if (trace->about->label == LABEL_ATTACK)
            trial->attacks[trial->attack_count++] = (uint32_t)judged->traces->index[i];
        trial->normal_calls += verdict->normal_calls;
        trial->normal_ns += verdict->normal_ns;
        trial->judged_calls += verdict->calls;
        trial->judge_ns += verdict->ns;
    }
}

int trial_run(const struct bench *bench, const struct candidate *candidate,
              const struct split *split, struct trial *trial, struct error *err)
{
    const struct method *method = bench->method;
    double thresholds[METHOD_THRESHOLDS];
    struct trial made = {0};
    autodetector struct detector *detector = learn(bench, candidate, &split->learn, &made, err);
    if (!detector || choose_threshold(bench, candidate, detector, split, thresholds, err) < 0)
        return -1;
    memcpy(thresholds + 1, method->given, method->given_count * sizeof *thresholds);
    autojudged struct judged judged = {.bench = bench,
                                       .candidate = candidate,
                                       .detector = detector,
                                       .traces = &split->judge,
                                       .thresholds = thresholds,
                                       .threshold_count = 1 + method->given_count};
    if (judge_all(&judged, err) < 0)
        return -1;
    *trial = made;
    trial->service = split->service;
    trial->name = memory_must(strdup(detector_name(detector)));
    trial->memory = detector_memory(detector);
    sum_up(&judged, trial);
    return 0;
}

void trial_clear(struct trial *trial)
{
    for (size_t i = 0; i < trial->alarm_count; i++)
        alarms_clear(&trial->alarms[i]);
    free(trial->attacks);
    free(trial->samples);
    free(trial->name);
    *trial = (struct trial){0};
}
