/* What is done in which order, drawn from the campaign's seed: the same on every machine. */
#ifndef SKINK_CAMPAIGN_TIMETABLE_H
#define SKINK_CAMPAIGN_TIMETABLE_H

#include <jansson.h>
#include <stdio.h>

#include "campaign/campaign.h"

#define SCHEDULED_ID 96

/* One playing of a step. */
struct scheduled {
    const struct campaign_step *step;
    char id[SCHEDULED_ID]; /* "03-ssrf": a name that a folder may have */
    uint64_t after;        /* ns since the end of the one before; 0: see at */
    uint64_t at;           /* ns since the first could begin; 0: see after */
};

struct timetable {
    struct scheduled *steps;
    size_t count;
};

void timetable_make(const struct campaign *campaign, struct timetable *timetable);
void timetable_clear(struct timetable *timetable);

/* For people, and for campaign.json. */
void timetable_print(const struct campaign *campaign, const struct timetable *timetable, FILE *out);
json_t *timetable_json(const struct timetable *timetable);

/* "attack", "change", "benign"; and "ssrf", "scale", "deploy", "break", "benign". */
const char *step_kind(const struct campaign_step *step);
const char *step_name(const struct campaign_step *step);

#endif
