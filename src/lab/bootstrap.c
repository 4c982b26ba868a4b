#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "lab/random.h"
#include "lab/roc.h"

/* The traces that samples were taken of: those with an attack in them, and the others. */
struct strata {
    uint32_t *traces[2]; /* [true]: with an attack */
    size_t count[2];
};

static struct strata strata_make(const struct roc *roc, size_t traces)
{
    autofree uint8_t *kinds = memory_must(calloc(traces + 1, 1)); /* 1: normal, 2: with an attack */
    struct strata strata = {0};
    for (size_t i = 0; i < roc->count; i++)
        kinds[roc->samples[i].trace] |= roc->samples[i].attack ? 2 : 1;
    for (int attack = 0; attack < 2; attack++) {
        strata.traces[attack] = memory_must(calloc(traces + 1, sizeof *strata.traces[attack]));
        for (uint32_t i = 0; i < traces; i++)
            if (kinds[i] && (kinds[i] >= 2) == attack)
                strata.traces[attack][strata.count[attack]++] = i;
    }
    return strata;
}

/* Draws as many traces of a stratum as it has, with replacement. */
static void draw(const struct strata *strata, bool attack, uint64_t *state, uint32_t *weights)
{
    const uint32_t *traces = strata->traces[attack];
    for (size_t i = 0; i < strata->count[attack]; i++)
        weights[traces[i]] = 0;
    for (size_t i = 0; i < strata->count[attack]; i++)
        weights[traces[random_below(state, strata->count[attack])]]++;
}

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

/* Do both curves judge the same attacks? Then these are drawn for all of them at once. */
static bool share_attacks(const struct strata *one, const struct strata *two)
{
    size_t count = one->count[true];
    if (count != two->count[true])
        return false;
    return count == 0 ||
           memcmp(one->traces[true], two->traces[true], count * sizeof *one->traces[true]) == 0;
}

void roc_interval(const struct roc *rocs, size_t count, size_t traces, unsigned rounds,
                  uint64_t seed, double interval[2])
{
    autofree uint32_t *weights = memory_must(calloc(traces + 1, sizeof *weights));
    autofree double *areas = memory_must(calloc(rounds + 1, sizeof *areas));
    autofree struct strata *strata = memory_must(calloc(count + 1, sizeof *strata));
    for (size_t i = 0; i < count; i++)
        strata[i] = strata_make(&rocs[i], traces);
    bool defined = true;
    for (unsigned round = 0; round < rounds && defined; round++) {
        for (size_t i = 0; i < count; i++) {
            if (i == 0 || !share_attacks(&strata[0], &strata[i]))
                draw(&strata[i], true, &seed, weights);
            draw(&strata[i], false, &seed, weights);
            areas[round] += roc_area(&rocs[i], weights) / (double)count;
        }
        defined = !isnan(areas[round]); /* comparing NaN would not sort */
    }
    for (size_t i = 0; i < count; i++) {
        free(strata[i].traces[false]);
        free(strata[i].traces[true]);
    }
    if (defined)
        qsort(areas, rounds, sizeof *areas, by_value);
    interval[0] = defined && rounds ? areas[(size_t)(0.025 * (rounds - 1))] : NAN;
    interval[1] = defined && rounds ? areas[(size_t)ceil(0.975 * (rounds - 1))] : NAN;
}
