#include "detect/siblings.h"

#include <math.h>

#define DAY (24.0 * 3600) /* seconds */
/* What is believed of sizes before any burst was seen: as if there had been so many, each of two
 * calls out of place. */
#define BURSTS_BELIEVED 6

static double size_believed(uint32_t foreign)
{
    return 2.0 * foreign;
}

/*
 * Bursts at an unknown rate, a Poisson process over the calls: after K of them in C calls, with
 * every rate held equally likely before, the rate is distributed as Gamma(K + 1, C), and c more
 * calls stay without a burst with probability (C / (C + c))^(K+1).
 */
static double any_burst(const struct siblings_record *others, uint64_t calls)
{
    double before = (double)others->calls;
    double quiet = before / (before + (double)calls + 1);
    return 1 - pow(quiet, (double)others->bursts + 1);
}

/* Sizes that are exponential with an unknown mean: after K bursts of Y patterns in all, the next
 * one is distributed as Lomax(K, Y), its tail (1 + x / Y)^-K. */
static double shape(const struct siblings_record *others)
{
    return (double)others->bursts + BURSTS_BELIEVED;
}

static double scale(const struct siblings_record *others, uint32_t foreign)
{
    return (double)others->patterns + BURSTS_BELIEVED * size_believed(foreign);
}

double siblings_chance(const struct siblings_record *others, uint32_t foreign, uint64_t calls,
                       uint64_t patterns)
{
    double tail = pow(1 + (double)patterns / scale(others, foreign), -shape(others));
    return any_burst(others, calls) * tail;
}

uint64_t siblings_threshold(const struct siblings_record *others, uint32_t foreign, uint64_t calls,
                            double level)
{
    double least = size_believed(foreign);
    double needed =
        scale(others, foreign) * (pow(any_burst(others, calls) / level, 1 / shape(others)) - 1);
    return (uint64_t)ceil(fmax(needed, least));
}

double siblings_level(uint32_t replicas)
{
    return SIBLINGS_STRETCH / DAY / (replicas ? replicas : 1);
}
