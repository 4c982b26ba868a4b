/*
 * A program that runs beside: its output is read without ever waiting for it, its end is told by a
 * descriptor, and all that it has started ends with it.
 */
#ifndef SKINK_CAMPAIGN_CHILD_H
#define SKINK_CAMPAIGN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define CHILD_OUTPUT (256 * 1024) /* bytes kept of standard output; the first of more go */
#define CHILD_ERRORS 512          /* of standard error: the last */

struct child {
    pid_t pid; /* 0: none runs, nothing is held */
    int pidfd, output, errors;
    char *text; /* of standard output, with a NUL behind */
    size_t length;
    char said[CHILD_ERRORS + 1]; /* on standard error */
    size_t said_length;
    int status; /* as wait() gives it, once it has ended */
};

/* Starts a program of the PATH in a process group of its own. 0 or -1. */
int child_start(struct child *child, char *const *words, struct error *err);

/* Reads what there is. */
void child_read(struct child *child);

/* Has it ended? Then its output is whole, child->status says how, and its descriptors are closed.
 */
bool child_ended(struct child *child);

/* Ends it and its process group: SIGTERM, and SIGKILL when that does not help within the time. */
void child_end(struct child *child, unsigned patience_ms);

/* Did it end by itself with 0? */
bool child_succeeded(const struct child *child);

/* Why it did not: "exit code 1: …". Returns text. */
const char *child_why(const struct child *child, char *text, size_t size);

/* Frees the output; ends it before, if need be. */
void child_clear(struct child *child);

#endif
