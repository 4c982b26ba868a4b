#include "tolerate/ageing.h"

#include <math.h>
#include <stdlib.h>

#define EVERY      10.0  /* s, at first */
#define ENOUGH     10    /* samples of a trend */
#define ONE_IN_100 2.326 /* quantiles of the normal distribution, one-sided */
#define ONE_IN_20  1.645
#define YOUNGEST   600.0 /* s of life, before which nothing is told */
#define FARTHEST   10.0  /* lives so far that a trend is followed */
#define SHAPE_MAX  10.0

#define PAIRS (SERIES_SAMPLES * (SERIES_SAMPLES - 1) / 2)

static const struct lifetime ENDLESS = {.scale = INFINITY, .shape = 1};

/* ---- series ---- */

static void thin_out(struct series *series)
{
    for (size_t i = 0; i < SERIES_SAMPLES / 2; i++) {
        series->time[i] = series->time[2 * i];
        series->used[i] = series->used[2 * i];
    }
    series->count = SERIES_SAMPLES / 2;
    series->every *= 2;
}

void series_note(struct series *series, double time, double used)
{
    series->every = series->every > 0 ? series->every : EVERY;
    if (series->count > 0 && time < series->time[series->count - 1] + series->every)
        return;
    if (series->count == SERIES_SAMPLES)
        thin_out(series);
    series->time[series->count] = time;
    series->used[series->count++] = used;
}

/* ---- trends ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values; rank 0 is the least, between two ranks the line between them. */
static double at_rank(const double *sorted, size_t count, double rank)
{
    if (rank >= (double)(count - 1))
        return sorted[count - 1];
    size_t below = (size_t)rank;
    return sorted[below] + (rank - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* The variance of Mann-Kendall's S: n(n-1)(2n+5)/18, less for groups of equal values. */
static double variance(const struct series *series)
{
    double n = (double)series->count, sum = n * (n - 1) * (2 * n + 5);
    double sorted[SERIES_SAMPLES] = {0};
    for (size_t i = 0; i < series->count; i++)
        sorted[i] = series->used[i];
    qsort(sorted, series->count, sizeof *sorted, ascending);
    for (size_t i = 0, tied; i < series->count; i += tied) {
        tied = 1;
        while (i + tied < series->count && sorted[i + tied] <= sorted[i])
            tied++;
        double t = (double)tied;
        sum -= t * (t - 1) * (2 * t + 5);
    }
    return sum / 18;
}

/* The line with this slope that has as many samples above as below it, at the last sample. */
static double level_at_end(const struct series *series, double slope)
{
    double rest[SERIES_SAMPLES] = {0};
    size_t n = series->count;
    for (size_t i = 0; i < n; i++)
        rest[i] = series->used[i] + slope * (series->time[n - 1] - series->time[i]);
    qsort(rest, n, sizeof *rest, ascending);
    return at_rank(rest, n, (double)(n - 1) / 2);
}

/* The samples of the later half of the life. */
static struct series later_half(const struct series *series)
{
    struct series later = {.every = series->every};
    for (size_t i = 0; i < series->count; i++)
        if (series->time[i] >= series->time[series->count - 1] / 2) {
            later.time[later.count] = series->time[i];
            later.used[later.count++] = series->used[i];
        }
    return later;
}

struct trend series_trend(const struct series *whole)
{
    const struct series later = later_half(whole), *series = &later;
    struct trend trend = {0};
    double slopes[PAIRS], s = 0;
    size_t n = series->count, pairs = 0;
    if (n < ENOUGH)
        return trend;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            double rise = series->used[k] - series->used[i];
            slopes[pairs++] = rise / (series->time[k] - series->time[i]);
            s += (rise > 0) - (rise < 0);
        }
    qsort(slopes, pairs, sizeof *slopes, ascending);
    double deviation = sqrt(variance(series)), middle = (double)(pairs - 1) / 2;
    trend.slope = at_rank(slopes, pairs, middle);
    trend.steepest = at_rank(slopes, pairs, middle + ONE_IN_20 * deviation / 2);
    trend.level = level_at_end(series, trend.slope);
    trend.time = series->time[n - 1];
    if (deviation > 0 && s != 0)
        trend.z = (s - (s > 0 ? 1 : -1)) / deviation;
    return trend;
}

bool trend_grows(const struct trend *trend)
{
    return trend->time >= YOUNGEST && trend->slope > 0 && trend->z >= ONE_IN_100;
}

double trend_exhausted(const struct trend *trend, double slope, double limit)
{
    if (slope <= 0)
        return INFINITY;
    return trend->time + fmax(limit - trend->level, 0) / slope;
}

struct lifetime ageing_lifetime(const struct trend *trend, double limit)
{
    const double early = -log(0.95), half = -log(0.5); /* cumulative hazards */
    if (!trend_grows(trend))
        return ENDLESS;
    double median = trend_exhausted(trend, trend->slope, limit);
    double soon = trend_exhausted(trend, trend->steepest, limit);
    if (median > FARTHEST * trend->time)
        return ENDLESS;
    double shape = SHAPE_MAX;
    if (soon < median)
        shape = fmin(fmax(log(half / early) / log(median / soon), 1), SHAPE_MAX);
    return (struct lifetime){.scale = median / pow(half, 1 / shape), .shape = shape};
}
