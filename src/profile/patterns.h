/*
 * The patterns of one kind in a profile: a set of code sequences, each with the sources that showed
 * it, those of the profile's own version first and the laid aside behind them. Within the room
 * only.
 */
#ifndef SKINK_PROFILE_PATTERNS_H
#define SKINK_PROFILE_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/set.h"

/* A pattern has a number, which is its place in `codes` and stays, and an index in `order`. */
struct pattern_set {
    struct code_set codes;
    size_t own;      /* the first `own` of the order are the profile's own, in the order shown */
    uint32_t *order; /* index -> number */
    uint32_t *place; /* number -> index */
    uint8_t *rows;   /* number -> `stride` bytes, one bit a source */
    size_t stride;
    size_t room; /* patterns that the arrays have room for */
};

void pattern_set_init(struct pattern_set *set, uint32_t length);
void pattern_set_free(struct pattern_set *set);
void pattern_set_reserve(struct pattern_set *set, size_t count);

/* Room for a bit of each of so many sources in every row; what is marked stays. */
void pattern_set_widen(struct pattern_set *set, size_t sources);

/* The number of a pattern; SIZE_MAX when it is not there. */
size_t pattern_set_find(const struct pattern_set *set, const uint16_t *codes);

/* The same; one that is not there is added, laid aside and shown by nobody. */
size_t pattern_set_put(struct pattern_set *set, const uint16_t *codes);

/* Makes a pattern the last of the profile's own, if it is not one of them. True when it was not. */
bool pattern_set_claim(struct pattern_set *set, size_t number);

static inline bool pattern_set_owns(const struct pattern_set *set, size_t number)
{
    return set->place[number] < set->own;
}

/* The row of a pattern, `stride` bytes. */
static inline uint8_t *pattern_set_row(const struct pattern_set *set, size_t number)
{
    return set->rows + number * set->stride;
}

static inline void row_mark(uint8_t *row, size_t source)
{
    row[source / 8] |= (uint8_t)(1u << source % 8);
}

static inline bool row_marked(const uint8_t *row, size_t source)
{
    return row[source / 8] >> source % 8 & 1;
}

/* Puts the own ones and the laid aside, each for itself, into the order of their codes. */
void pattern_set_sort(struct pattern_set *set);

#endif
