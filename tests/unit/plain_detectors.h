/*
 * What each kind of detector says by its definition: everything is counted anew for every call, in
 * the training itself. Slow and plain, for the tests to compare with.
 */
#ifndef SKINK_TESTS_PLAIN_DETECTORS_H
#define SKINK_TESTS_PLAIN_DETECTORS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detector.h"

#define PLAIN_TRACES 8
#define PLAIN_CALLS  400
/* Codes that are in the training are below this, or as close to the last one. */
#define PLAIN_ALPHABET 16

struct plain_trace {
    uint16_t codes[PLAIN_CALLS];
    size_t length;
};

struct plain_training {
    struct plain_trace traces[PLAIN_TRACES];
    size_t count;
};

/* The score of the last of `length` calls; p: the parameters, in the order of the kind's list. */
typedef double plain_score(const struct plain_training *training, const uint16_t *codes,
                           size_t length, const double *p);

/* Times that the n calls came one after the other in the training. */
static inline size_t plain_times(const struct plain_training *training, const uint16_t *gram,
                                 size_t n)
{
    size_t times = 0;
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = 0; i + n <= training->traces[t].length; i++)
            times += training->traces[t].codes[i] == *gram &&
                     memcmp(training->traces[t].codes + i, gram, n * sizeof *gram) == 0;
    return times;
}

/* Windows of n calls in the training. */
static inline size_t plain_windows(const struct plain_training *training, size_t n)
{
    size_t windows = 0;
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = 0; i + n <= training->traces[t].length; i++)
            windows++;
    return windows;
}

/* Is this the first window of its kind in the training? */
static inline bool plain_is_first(const struct plain_training *training, size_t trace, size_t at,
                                  size_t n)
{
    const uint16_t *window = training->traces[trace].codes + at;
    for (size_t t = 0; t <= trace; t++)
        for (size_t i = 0; (t < trace || i < at) && i + n <= training->traces[t].length; i++)
            if (memcmp(training->traces[t].codes + i, window, n * sizeof *window) == 0)
                return false;
    return true;
}

static inline size_t plain_distinct(const struct plain_training *training, size_t n)
{
    size_t distinct = 0;
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = 0; i + n <= training->traces[t].length; i++)
            distinct += plain_is_first(training, t, i, n);
    return distinct;
}

static inline double plain_stide(const struct plain_training *training, const uint16_t *codes,
                                 size_t length, const double *p)
{
    size_t n = (size_t)p[0];
    if (length < n)
        return SCORE_NONE;
    return plain_times(training, codes + length - n, n) == 0;
}

static inline double plain_tstide(const struct plain_training *training, const uint16_t *codes,
                                  size_t length, const double *p)
{
    size_t n = (size_t)p[0];
    if (length < n)
        return SCORE_NONE;
    double times = (double)plain_times(training, codes + length - n, n);
    double windows = (double)plain_windows(training, n);
    return times == 0 || times < p[1] * windows;
}

/* The calls as a bag knows them that keeps the `kept` most frequent ones (0: all); the others are
 * 0xffff. */
static inline void plain_others(const struct plain_training *training, size_t kept,
                                uint16_t as[1024])
{
    size_t times[1024];
    for (uint16_t code = 0; code < 1024; code++)
        times[code] = plain_times(training, &code, 1);
    for (uint16_t code = 0; code < 1024; code++) {
        size_t before = 0;
        for (uint16_t i = 0; i < 1024 && times[code]; i++)
            before += times[i] > times[code] || (i < code && times[i] == times[code]);
        as[code] = kept && (before >= kept || !times[code]) ? 0xffff : code;
    }
}

static inline bool plain_same_bag(const uint16_t *a, const uint16_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t in_a = 0, in_b = 0;
        for (size_t j = 0; j < n; j++) {
            in_a += a[j] == a[i];
            in_b += b[j] == a[i];
        }
        if (in_a != in_b)
            return false;
    }
    return true;
}

/* training and codes: others already replaced. */
static inline bool plain_bag_missing(const struct plain_training *training, const uint16_t *codes,
                                     size_t n)
{
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = 0; i + n <= training->traces[t].length; i++)
            if (plain_same_bag(training->traces[t].codes + i, codes, n))
                return false;
    return true;
}

static inline double plain_bosc(const struct plain_training *training, const uint16_t *codes,
                                size_t length, const double *p)
{
    size_t n = (size_t)p[0], epoch = (size_t)p[1], kept = (size_t)p[2];
    if (length < n)
        return SCORE_NONE;
    struct plain_training others = *training;
    uint16_t calls[PLAIN_CALLS], as[1024];
    plain_others(training, kept, as);
    for (size_t i = 0; i < length; i++)
        calls[i] = as[codes[i]];
    for (size_t t = 0; t < others.count; t++)
        for (size_t i = 0; i < others.traces[t].length; i++)
            others.traces[t].codes[i] = as[others.traces[t].codes[i]];
    double mismatches = 0;
    size_t begin = epoch ? (length - 1) / epoch * epoch : length - 1;
    for (size_t end = begin + 1; end <= length; end++)
        mismatches += end >= n && plain_bag_missing(&others, calls + end - n, n);
    return mismatches;
}

static inline bool plain_pair_known(const struct plain_training *training, uint16_t call,
                                    uint16_t earlier, size_t distance)
{
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = distance; i < training->traces[t].length; i++)
            if (training->traces[t].codes[i] == call &&
                training->traces[t].codes[i - distance] == earlier)
                return true;
    return false;
}

static inline double plain_lookahead(const struct plain_training *training, const uint16_t *codes,
                                     size_t length, const double *p)
{
    size_t window = (size_t)p[0], missing = 0;
    if (length < 2)
        return SCORE_NONE;
    for (size_t d = 1; d < window && d < length; d++)
        missing += !plain_pair_known(training, codes[length - 1], codes[length - 1 - d], d);
    return (double)missing / (double)(window - 1);
}

static inline double plain_frequency(const struct plain_training *training, const uint16_t *codes,
                                     size_t length, const double *p)
{
    size_t n = (size_t)p[0];
    if (length < n)
        return SCORE_NONE;
    double times = (double)plain_times(training, codes + length - n, n);
    double windows = (double)plain_windows(training, n);
    double distinct = (double)plain_distinct(training, n);
    double possible = pow(362, (double)n);
    if (times > 0)
        return -log(times / (windows + distinct));
    return distinct > 0 ? -log(distinct / (windows + distinct) / (possible - distinct))
                        : log(possible);
}

/* p(x | s) of the last of `length` calls, s being all before it. */
static inline double plain_probability(const struct plain_training *training, const uint16_t *codes,
                                       size_t length, double weight)
{
    double shorter = 1.0 / 362, followed = 0, distinct = 0;
    uint16_t gram[PLAIN_CALLS];
    if (length > 1)
        shorter = plain_probability(training, codes + 1, length - 1, weight);
    memcpy(gram, codes, length * sizeof *codes);
    for (uint16_t x = 0; x < 1024; x++) {
        gram[length - 1] = x;
        if (x > PLAIN_ALPHABET && x < 1024 - PLAIN_ALPHABET)
            continue;
        double times = (double)plain_times(training, gram, length);
        followed += times;
        distinct += times > 0;
    }
    double times = (double)plain_times(training, codes, length);
    return followed > 0 ? (times + weight * distinct * shorter) / (followed + weight * distinct)
                        : shorter;
}

static inline double plain_markov(const struct plain_training *training, const uint16_t *codes,
                                  size_t length, const double *p)
{
    size_t order = (size_t)p[0] < length ? (size_t)p[0] : length;
    return -log(plain_probability(training, codes + length - order, order, p[1]));
}

static inline double plain_graph(const struct plain_training *training, const uint16_t *codes,
                                 size_t length, const double *p)
{
    (void)p;
    if (length < 2)
        return SCORE_NONE;
    double followed = 0;
    for (size_t t = 0; t < training->count; t++)
        for (size_t i = 0; i + 2 <= training->traces[t].length; i++)
            followed += training->traces[t].codes[i] == codes[length - 2];
    double times = (double)plain_times(training, codes + length - 2, 2);
    return followed > 0 ? 1 - times / followed : 1;
}

#endif
