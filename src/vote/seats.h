/*
 * Seats: which replica is asked in which place. While the front runs another replica may take a
 * seat, as when the one before it was replaced; the seats stay as many, and so does the pair.
 */
#ifndef SKINK_VOTE_SEATS_H
#define SKINK_VOTE_SEATS_H

#include <stdint.h>

#include "base/error.h"
#include "vote/ballot.h"

#define SEAT_TEXT 256

struct seat {
    char name[SEAT_TEXT];    /* of the replica, as the daemon calls it */
    char address[SEAT_TEXT]; /* "10.0.0.2:8080" */
};

/* Adds the seat that "NAME=HOST:PORT" describes to those that there are. -1: it is none, its name
 * is another's, or one too many (EXIT_USAGE). */
int seat_add(struct seat *seat, size_t *count, const char *text, struct error *err);

/* The seat of this name, else the one of this number, from 1 on; BALLOT_NOBODY: there is none. */
size_t seat_find(const struct seat *seat, size_t count, const char *text, size_t length);

/* Reads a file with a seat a line; blank lines and those with # are left out. -1: it cannot be read
 * (EXIT_MACHINE), or a line is wrong, which is named (EXIT_USAGE). */
int seats_read(const char *path, struct seat *seat, size_t *count, struct error *err);

/* Safe to use from many threads. */
struct seats;

struct seats *seats_new(const struct seat *seat, size_t count);

/* NULL is allowed. */
void seats_free(struct seats *seats);

/* Copies the seats if they have changed since `seen`, which is 0 at first. True: they have. */
bool seats_look(struct seats *seats, uint64_t *seen, struct seat *copy);

/* Have they changed since then? */
bool seats_changed(struct seats *seats, uint64_t seen);

/* Whoever looks from now on finds these, as many as before. How many have changed. */
size_t seats_change(struct seats *seats, const struct seat *seat, bool *changed);

#endif
