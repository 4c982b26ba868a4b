/*
 * How a profile grows, and when it has stopped (Flora & Antunes, "Studying the applicability of
 * intrusion detection to multi-tenant container environments", EDCC 2019): training time is cut
 * into intervals; an interval is steady when the slope (S2-S1)/(t2-t1) of the profile's size is
 * between 0 and sigma; the profile is learned when `needed` intervals in a row were steady.
 */
#ifndef SKINK_PROFILE_GROWTH_H
#define SKINK_PROFILE_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A curve ends here; three years of intervals of 100 s. */
#define GROWTH_POINTS_MAX (1u << 20)

struct growth_rule {
    uint64_t interval_ns;    /* length of an interval; 0: counted in calls */
    uint64_t interval_calls; /* used when interval_ns is 0 */
    double sigma;            /* patterns a second (per 1000 calls when intervals count calls) */
    uint32_t needed;         /* steady intervals in a row that end the learning */
};

#define GROWTH_RULE_DEFAULT \
    ((struct growth_rule){.interval_ns = 100000000000ULL, .sigma = 0.15, .needed = 5})

/* The end of one interval. */
struct growth_point {
    uint64_t elapsed_ns; /* training time since its start */
    uint64_t calls;      /* calls seen since its start */
    uint64_t patterns;   /* size of the profile, windows and bags */
    bool steady;         /* of the interval that ends here */
};

struct growth {
    struct growth_rule rule;
    struct growth_point *points; /* owned; count entries, the first at elapsed 0; none before the
                                    first update */
    size_t count;
    uint32_t in_a_row; /* steady intervals up to the last point */
    bool learned;      /* in_a_row has reached rule.needed once; stays */
    size_t learned_at; /* index of the point that ended the learning */
    bool broken;       /* something was lost in the interval that runs now */
};

/* Fills a growth that owns nothing yet. */
void growth_start(struct growth *growth, const struct growth_rule *rule);
void growth_free(struct growth *growth);

/*
 * Tells the curve where the training stands; call it at least once an interval, as often as you
 * like (time and calls never fall). Returns true when this call ended the learning.
 *
 * Intervals end at whole multiples of their length and get the size known at the first update from
 * then on. Intervals that end between two updates are judged as one longer interval: nothing is
 * known about each of them, and a pause must not pass for a row of steady ones. An interval without
 * a single call says nothing about the service: it neither counts nor interrupts the row.
 * broken: something was lost since the last update; the interval cannot be steady.
 */
bool growth_update(struct growth *growth, uint64_t elapsed_ns, uint64_t calls, uint64_t patterns,
                   bool broken);

/* The slope of the interval that ends at point `index` (1 or more), in the unit of rule.sigma. */
double growth_slope(const struct growth *growth, size_t index);

/* Appends a point unjudged: for the reader of profile files. count < GROWTH_POINTS_MAX. */
void growth_append(struct growth *growth, const struct growth_point *point);

/* What an interval was, by the point where it ends. */
enum growth_mark {
    GROWTH_UNSTEADY, /* growing, idle, or something was lost in it */
    GROWTH_STEADY,
    GROWTH_ROW, /* one of the row of steady ones that ended the learning, but not its last */
    GROWTH_END, /* ended the learning */
};
enum growth_mark growth_mark(const struct growth *growth, size_t index);

/*
 * The curve as in the paper's figure 2: steady intervals blue, the four before the last green, the
 * one that ends the learning red; the others grey. A whole SVG document. Caller frees.
 */
char *growth_svg(const struct growth *growth, const char *title);

#endif
