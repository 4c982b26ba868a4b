/* A trace file while it is recorded: calls wait in it for their results. */
#ifndef SKINK_AGENT_TAPE_H
#define SKINK_AGENT_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "probe/event.h"

struct tape_options {
    const char *path;
    const char *what; /* what is recorded, for the head of the trace */
    bool results;
    uint32_t room; /* calls that may wait for their results, a power of two */
};

struct tape_counts {
    uint64_t calls, threads;
    uint64_t lost;       /* calls that are missing, as the marks in the trace say */
    uint64_t unanswered; /* calls whose result had not come when they were written */
};

struct tape;

/* NULL on error. */
struct tape *tape_open(const struct tape_options *options, struct error *err);

/* Takes an event of the probe. What cannot be written is told by tape_close. */
void tape_put(struct tape *tape, const struct recorded_call *event);

/* Marks so many more lost calls, of no thread in particular. */
void tape_lose(struct tape *tape, uint64_t lost);

const struct tape_counts *tape_counts(const struct tape *tape);

/* Why writing failed, NULL when it did not. Nothing more is written then. */
const struct error *tape_failure(const struct tape *tape);

/* Writes what waits and ends the file; 0 or -1. Frees the tape in any case. counts: what it came to
 * in the end, or NULL. */
int tape_close(struct tape *tape, struct tape_counts *counts, struct error *err);

#endif
