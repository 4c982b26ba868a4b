/* The figures of a detector, from its trials on all splits, as JSON (docs/eval.md). */
#ifndef SKINK_LAB_FIGURES_H
#define SKINK_LAB_FIGURES_H

#include <jansson.h>

#include "lab/trial.h"

struct bootstrap {
    unsigned rounds;
    uint64_t seed;
};

/* What does not exist (no threshold, no times) is null. */
json_t *figures_json(const struct corpus *corpus, const struct method *method,
                     const struct bootstrap *bootstrap, const struct candidate *candidate,
                     const struct trial *trials, size_t count);

/* The middle of the values, which are sorted; NaN of none and where one is NaN. */
double figures_median(double *values, size_t count);

#endif
