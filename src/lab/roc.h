/*
 * How well scores tell attacks from what is normal, over all thresholds (Fawcett 2006, "An
 * introduction to ROC analysis"). An alarm is a score above the threshold.
 */
#ifndef SKINK_LAB_ROC_H
#define SKINK_LAB_ROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that was judged: a trace, or a part of one. */
struct sample {
    double score;
    uint32_t trace; /* its index in the corpus */
    bool attack;
};

/* Samples sorted by score, the strangest first. */
struct roc {
    struct sample *samples;
    size_t count;
    uint64_t attacks, normals;
};

/* Copies the samples; roc_clear frees them. */
void roc_make(struct roc *roc, const struct sample *samples, size_t count);
void roc_clear(struct roc *roc);

/*
 * The area under the curve: the probability that an attack scores above a normal sample, a tie
 * counting one half. weights: how often each trace counts, by its index; NULL: once. NaN when there
 * are no attacks or no normal samples.
 */
double roc_area(const struct roc *roc, const uint32_t *weights);

/* The largest share of attacks found at a share of false alarms of at most fpr. */
double roc_tpr(const struct roc *roc, double fpr);

/* The same as a threshold. */
double roc_threshold(const struct roc *roc, double fpr);

/* The smallest share of false alarms at which a share of at least tpr of the attacks is found. */
double roc_fpr(const struct roc *roc, double tpr);

/*
 * A 95 % interval of the mean area of several curves over the same traces: percentiles of a
 * bootstrap (Efron & Tibshirani 1993, chapter 13) that draws whole traces, attacks and normal ones
 * apart; the same attacks for all curves. traces: indices are below it.
 */
void roc_interval(const struct roc *rocs, size_t count, size_t traces, unsigned rounds,
                  uint64_t seed, double interval[2]);

#endif
