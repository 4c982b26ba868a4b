/* What is done in which order, drawn from the campaign's seed: the same on every machine. */
#ifndef SKINK_CAMPAIGN_SCHEDULE_H
#define SKINK_CAMPAIGN_SCHEDULE_H

#include <jansson.h>
#include <stdio.h>

#include "campaign/campaign.h"

#define SCHEDULE_ID 96

/* One playing of a step. */
struct scheduled {
    const struct campaign_step *step;
    char id[SCHEDULE_ID]; /* "03-ssrf": a name that a folder may have */
    uint64_t after;       /* ns since the end of the one before; 0: see at */
    uint64_t at;          /* ns since the first could begin; 0: see after */
};

struct schedule {
    struct scheduled *steps;
    size_t count;
};

void schedule_make(const struct campaign *campaign, struct schedule *schedule);
void schedule_clear(struct schedule *schedule);

/* For people, and for campaign.json. */
void schedule_print(const struct campaign *campaign, const struct schedule *schedule, FILE *out);
json_t *schedule_json(const struct schedule *schedule);

/* "attack", "change", "benign"; and "ssrf", "scale", "deploy", "break", "benign". */
const char *step_kind(const struct campaign_step *step);
const char *step_name(const struct campaign_step *step);

#endif
