/*
 * The choice among measures, pure. The value of a measure is what it spares, less what it costs:
 *
 *     b * H * eff  -  cost  -  (1 - b) * collateral
 *
 * b: belief that there is an intruder; H: harm; eff: how often the measure has worked (the mean of
 * a Beta posterior). Doing nothing has the value 0.
 *
 * The value is linear in b with the slope H * eff + collateral: the more is believed, the stronger
 * is what is chosen (among what is allowed at all), never the weaker.
 */
#ifndef SKINK_RESPOND_CHOICE_H
#define SKINK_RESPOND_CHOICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "respond/measure.h"

/* What cannot be undone needs no person from this belief on, if so many kinds of detectors say so.
 */
#define CHOICE_SURE   0.9
#define CHOICE_QUORUM 2

/* Outcomes of a measure: the Beta prior, and what was seen since. */
struct choice_effect {
    double worked, failed;
};

struct choice_option {
    const struct measure *measure;
    struct choice_effect effect;
    const char *impossible; /* why it cannot be done here; NULL: it can */
};

struct choice_case {
    double belief, harm, criticality; /* 0 to 1 */
    uint32_t serving;                 /* replicas of the service that serve, this one included */
    uint32_t minimum;                 /* that must go on serving */
    bool out;                         /* this one does not serve already */
    bool approved;                    /* by a person */
    bool spent;                       /* the hour's budget for measures that restart */
    unsigned able, say; /* kinds of detectors that can judge it, that call it foreign */
};

/* What a measure is worth in a case. */
struct choice_value {
    double eff, spares, cost, collateral, value;
    const char *refused; /* why it is not to be chosen; NULL: it may be */
};

/* Its mean. */
double choice_eff(const struct choice_effect *effect);

/* The outcome of a measure is in: the next choice knows it. */
void choice_learn(struct choice_effect *effect, bool worked);

struct choice_value choice_value(const struct choice_case *given,
                                 const struct choice_option *option);

/*
 * The options of a stage that may be chosen and are worth more than nothing, best first, into
 * order[count]; how many. values[count] gets every option's, those of other stages, too.
 */
size_t choice_rank(const struct choice_case *given, const struct choice_option *options,
                   size_t count, enum measure_stage stage, struct choice_value *values,
                   size_t *order);

/* The options of a stage with their values, winners first: an array. New reference. */
json_t *choice_json(const struct choice_option *options, const struct choice_value *values,
                    size_t count, enum measure_stage stage);

#endif
