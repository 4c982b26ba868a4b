/* The truth: what was done when, a line of JSON for each step (docs/campaigns.md). */
#ifndef SKINK_CAMPAIGN_TRUTH_H
#define SKINK_CAMPAIGN_TRUTH_H

#include <jansson.h>
#include <stdint.h>

#include "campaign/timetable.h"

/* How a step went. */
struct outcome {
    const char *word;    /* "done", "failed", "interrupted" */
    char why[256];       /* "" when done */
    uint64_t begin, end; /* ns since 1970; of the program or the stretch */
};

/* What an ended load, or a running one, has counted. */
struct load_counts {
    uint64_t requests, failures;
};

/* A new line about a step; about a stretch of load. */
json_t *truth_step(const struct scheduled *scheduled, const struct outcome *outcome,
                   const char *output);
json_t *truth_stretch(const char *name, const struct outcome *outcome);

/* The last whole line of JSON in a text that a program printed, NULL when there is none. */
json_t *truth_last_object(const char *text);

/* Time as JSON; 0: null. */
json_t *truth_time(uint64_t ns);

#endif
