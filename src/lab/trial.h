/* A trial: one detector learns and judges as one split of the traces says. */
#ifndef SKINK_LAB_TRIAL_H
#define SKINK_LAB_TRIAL_H

#include "detect/scorer.h"
#include "lab/protocol.h"
#include "lab/roc.h"

/* Thresholds of one evaluation: the one chosen on normal traces, and those that are given. */
#define METHOD_THRESHOLDS 33

/* How calls become scores of samples, and scores alarms. */
struct method {
    enum scope scope;
    bool largest; /* a sample's score is its calls' largest, and a call alarms; else their mean,
                     and the sample alarms */
    bool runs;    /* precision counts runs of false alarms and attacks found, not samples */
    double rate;  /* share of normal samples that the chosen threshold lets alarm */
    uint64_t epoch_calls, epoch_ns; /* a sample ends after so many calls, so much time; 0: never */
    double given[METHOD_THRESHOLDS - 1];
    size_t given_count;
};

struct candidate {
    const char *specification;
    uint32_t smooth;
};

/* An attack that was found in a trace, and how long its start was ago. */
struct find {
    uint32_t trace;        /* its index in the corpus */
    double calls, seconds; /* seconds are NaN without times */
};

/* What a threshold does on all that is judged. An alarm is a score above it. */
struct alarms {
    double threshold;      /* NaN: none could be chosen */
    uint64_t false_alarms; /* runs of calls, or samples, that alarm while there is no attack */
    struct find *finds;
    size_t found;
};

struct curve_point {
    uint64_t calls, patterns;
};

#define CURVE_POINTS 100

struct trial {
    char *name; /* of the detector, every parameter spelled out */
    struct sample *samples;
    size_t sample_count;
    struct alarms alarms[METHOD_THRESHOLDS]; /* [0]: the chosen one */
    size_t alarm_count;
    uint32_t *attacks; /* traces with one, as indices in the corpus */
    size_t attack_count;
    const char *service; /* the split's; borrowed */
    uint64_t normal_calls, normal_ns;
    struct curve_point curve[CURVE_POINTS + 1];
    size_t curve_count;
    uint64_t memory;                  /* bytes */
    uint64_t learned_calls, learn_ns; /* of processor time */
    uint64_t judged_calls, judge_ns;
};

/* What stays the same while trials run. */
struct bench {
    const struct corpus *corpus;
    const struct method *method;
    unsigned threads; /* for one trial */
};

/* Fills trial, which trial_clear empties, on success only; 0 or -1. */
int trial_run(const struct bench *bench, const struct candidate *candidate,
              const struct split *split, struct trial *trial, struct error *err);
void trial_clear(struct trial *trial);

#endif
