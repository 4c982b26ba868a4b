/*
 * The calls of every replica of a system while it runs, in parts: one trace file for each replica
 * and part, new replicas from their first call.
 */
#ifndef SKINK_CAMPAIGN_RECORDING_H
#define SKINK_CAMPAIGN_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct recording_options {
    const char *directory;  /* of the parts, which is there */
    const char *containers; /* whose names fit this pattern of fnmatch(3) are recorded */
    const char *oci;        /* state directory of runc or crun; "": those that are usual */
    bool results;           /* what the calls return, too */
};

struct recording_counts {
    uint64_t calls, lost;
    size_t replicas;
};

/* How often recording_step should be called; the kernel keeps what comes between. */
#define RECORDING_MS 5

struct recording;

/* Starts recording; what comes before the first part is not kept. NULL on error. */
struct recording *recording_open(const struct recording_options *options, struct error *err);

/* Takes what the kernel has. 0 or -1: writing failed, the recording is over. */
int recording_step(struct recording *recording, struct error *err);

/* Ends the part, which came to *counts (a recording's first call of this ends none), and begins the
 * one of this name. 0 or -1. */
int recording_part(struct recording *recording, const char *name, struct recording_counts *counts,
                   struct error *err);

/* Ends the last part. 0 or -1; frees the recording in any case. */
int recording_close(struct recording *recording, struct recording_counts *counts,
                    struct error *err);

#endif
