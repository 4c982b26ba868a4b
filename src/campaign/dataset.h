/* The data set of a campaign while it is made. Private to the room: shared by play.c, which says
 * what happens, and dataset.c, which writes it down. */
#ifndef SKINK_CAMPAIGN_DATASET_H
#define SKINK_CAMPAIGN_DATASET_H

#include <jansson.h>
#include <stdio.h>

#include "base/progress.h"
#include "campaign/child.h"
#include "campaign/play.h"
#include "campaign/recording.h"
#include "campaign/truth.h"

struct play {
    const struct campaign *campaign;
    const struct play_options *options;
    struct timetable timetable;
    struct progress progress;
    char label[64];
    uint64_t started; /* CLOCK_MONOTONIC */
    int signals;      /* descriptor */
    unsigned interrupts;

    struct child load;
    struct load_counts load_before; /* of loads that have ended */

    char *containers, *oci, *calls_directory;
    struct recording *recording;   /* NULL: none, or it failed */
    struct recording_counts calls; /* of all parts that are over */
    bool recorded;

    FILE *truth;
    json_t *line; /* of the part that has not ended */
    uint64_t part_from;
    struct load_counts part_load; /* when it began */
    size_t done, failed, interrupted;

    json_t *daemon; /* its status, NULL: there is none */
    bool learned;
    uint64_t begin; /* ns since 1970 */
    json_t *commit;
};

/* Makes the directory, starts load and recording. 0 or -1; play_release cleans up after both. */
int play_open(struct play *play, struct error *err);

/* Ends the part before, whose line is written, and begins the one of this name. */
void play_begin_part(struct play *play, const char *id);

/* The line of the present part, which it takes over, and how it went. */
void play_note(struct play *play, json_t *line, const struct outcome *outcome);

/* Asks the daemon, if there is one, whether it has learned the system. */
bool play_ask_daemon(struct play *play);

/* The recording cannot go on; the campaign does. */
void play_stop_recording(struct play *play, const struct error *why);

/* Ends the last part and writes what is left. 0 or -1. */
int play_close(struct play *play, struct error *err);

void play_release(struct play *play);

#endif
