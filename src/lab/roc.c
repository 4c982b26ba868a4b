#include "lab/roc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int by_score(const void *a, const void *b)
{
    double one = ((const struct sample *)a)->score, two = ((const struct sample *)b)->score;
    return (one < two) - (one > two);
}

void roc_make(struct roc *roc, const struct sample *samples, size_t count)
{
    *roc = (struct roc){.count = count};
    roc->samples = memory_must(calloc(count + 1, sizeof *samples));
    for (size_t i = 0; i < count; i++) {
        roc->samples[i] = samples[i];
        roc->attacks += samples[i].attack;
        roc->normals += !samples[i].attack;
    }
    qsort(roc->samples, count, sizeof *roc->samples, by_score);
}

void roc_clear(struct roc *roc)
{
    free(roc->samples);
    *roc = (struct roc){0};
}

double roc_area(const struct roc *roc, const uint32_t *weights)
{
    double area = 0;
    uint64_t attacks = 0, normals = 0;
    for (size_t i = 0, next = 0; i < roc->count; i = next) { /* a group of equal scores */
        uint64_t tied[2] = {0};
        for (; next < roc->count && roc->samples[next].score == roc->samples[i].score; next++)
            tied[roc->samples[next].attack] += weights ? weights[roc->samples[next].trace] : 1;
        area += (double)tied[false] * ((double)attacks + (double)tied[true] / 2);
        attacks += tied[true];
        normals += tied[false];
    }
    return attacks && normals ? area / (double)attacks / (double)normals : NAN;
}

/* How many false alarms a share of the normal samples allows. */
static uint64_t allowance(const struct roc *roc, double fpr)
{
    return (uint64_t)(fpr * (double)roc->normals + 1e-9);
}

/* The index of the normal sample of rank `rank`, 0 being the strangest. */
static size_t normal_at(const struct roc *roc, uint64_t rank)
{
    size_t i = 0;
    for (; i < roc->count; i++)
        if (!roc->samples[i].attack && rank-- == 0)
            break;
    return i;
}

double roc_threshold(const struct roc *roc, double fpr)
{
    size_t at = normal_at(roc, allowance(roc, fpr));
    return at < roc->count ? roc->samples[at].score : -INFINITY;
}

double roc_tpr(const struct roc *roc, double fpr)
{
    double threshold = roc_threshold(roc, fpr);
    uint64_t found = 0;
    for (size_t i = 0; i < roc->count && roc->samples[i].score > threshold; i++)
        found += roc->samples[i].attack;
    return roc->attacks && roc->normals ? (double)found / (double)roc->attacks : NAN;
}

double roc_fpr(const struct roc *roc, double tpr)
{
    uint64_t wanted = (uint64_t)ceil(tpr * (double)roc->attacks - 1e-9), counts[2] = {0};
    size_t i = 0;
    while (i < roc->count && counts[true] < wanted)
        counts[roc->samples[i++].attack]++;
    /* All of the same score alarm together. */
    for (; i > 0 && i < roc->count && roc->samples[i].score == roc->samples[i - 1].score; i++)
        counts[roc->samples[i].attack]++;
    return roc->attacks && roc->normals ? (double)counts[false] / (double)roc->normals : NAN;
}
