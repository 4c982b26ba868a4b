/*
 * The daemon's side of the sealed log (seal/seal.h): a thread of its own writes it, so that a slow
 * or full disk never holds up detection.
 */
#ifndef SKINK_AGENT_SEALED_H
#define SKINK_AGENT_SEALED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sealed;

struct sealed_health {
    uint64_t next;              /* number of the next entry */
    uint64_t failures;          /* entries that could not be written at once */
    uint64_t dropped;           /* entries that came faster than they could be written */
    uint64_t tampered;          /* times that another's hand was noticed */
    bool kept;                  /* an operator has the first key */
    char error[ERROR_TEXT];     /* why the last entry could not be written, "" when it could */
    char tampering[ERROR_TEXT]; /* what was noticed last */
};

/* Opens, or tries again later: sealed_health says. */
struct sealed *sealed_start(const char *state_directory, struct error *err);

/* kind: "alert", "incident", "plan", "measure", "start", … in small letters. Borrows body, an
 * object. Never blocks. sealed may be NULL. */
void sealed_write(struct sealed *sealed, const char *kind, const json_t *body);

/* Looks after the files, and writes a checkpoint when nothing else was written for a minute. keep:
 * full files that may stay, 0: all. */
void sealed_look(struct sealed *sealed, uint32_t keep);

void sealed_health(struct sealed *sealed, struct sealed_health *health);

/* Writes what is waiting (at most 2 s), then ends. NULL is allowed. */
void sealed_stop(struct sealed *sealed);

#endif
