/* Attacks that were found, over all splits. */
#ifndef SKINK_LAB_FOUND_H
#define SKINK_LAB_FOUND_H

#include "lab/trial.h"

struct found {
    size_t attacks, found;
    double calls, seconds; /* to the first alarm, of the middle one; NaN where it is not known */
};

/*
 * What the threshold `which` found. An attack with one trace counts in each split that judges it;
 * one with several traces counts once, found when any of them alarms, by the first that does. kind
 * NULL: attacks of all kinds.
 */
struct found found_sum(const struct corpus *corpus, const struct trial *trials, size_t count,
                       size_t which, const char *kind);

#endif
