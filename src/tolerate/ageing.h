/*
 * Ageing: how a replica uses up what is limited, memory and descriptors above all, and how long it
 * lives by that. Times are seconds since its clean start.
 */
#ifndef SKINK_TOLERATE_AGEING_H
#define SKINK_TOLERATE_AGEING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tolerate/capacity.h"

#define SERIES_SAMPLES 64

/* What was used of something over a replica's whole life. {0} is an empty one. */
struct series {
    double time[SERIES_SAMPLES], used[SERIES_SAMPLES];
    double every; /* s between samples */
    size_t count;
};

/* Takes a sample when it is time for one: every 10 s at first; when the series is full, every other
 * sample goes and from then on half as many are taken. */
void series_note(struct series *series, double time, double used);

struct trend {
    double slope;    /* per s: the median over all pairs of samples (Theil 1950, Sen 1968) */
    double steepest; /* its upper 95 % confidence limit (Gilbert 1987, 16.5) */
    double level;    /* where the trend is at the last sample */
    double time;     /* of the last sample */
    double z;        /* of Mann-Kendall's test, with ties (Kendall 1975) */
};

/* Over the later half of the life: what a replica does when it starts is no ageing. */
struct trend series_trend(const struct series *whole);

/* Does it grow? One-sided at the 1 % level, from ten samples and ten minutes on. */
bool trend_grows(const struct trend *trend);

/* The age at which the limit is reached if the trend goes on; INFINITY: never. */
double trend_exhausted(const struct trend *trend, double slope, double limit);

/*
 * The lifetime by a trend: half of the replicas live until its slope, 95 % until its steepest one
 * would exhaust the limit; a Weibull distribution goes through both points. Its shape is 1 to 10.
 * Endless where nothing grows, and where the median is more than ten times as far off as the
 * replica has lived: so far no trend is followed.
 */
struct lifetime ageing_lifetime(const struct trend *trend, double limit);

/* ---- what is used ---- */

struct usage {
    double used, limit;
};

/* Memory of a cgroup, by the directory of its memory controller (v2 or v1): its working set, which
 * leaves out file pages not used lately. Without a limit of its own: the host's memory. */
bool usage_memory(const char *directory, struct usage *usage);

/* Open descriptors of the process that is nearest to its limit, of those in the cgroup. */
bool usage_descriptors(const char *directory, struct usage *usage);

#endif
