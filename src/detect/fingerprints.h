/*
 * A set of fingerprints that grows: the table of profile/table.h, doubled when half its places are
 * taken or two neighbouring buckets are full. Private to the detect room.
 */
#ifndef SKINK_DETECT_FINGERPRINTS_H
#define SKINK_DETECT_FINGERPRINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/table.h"

struct fingerprints {
    struct bucket *buckets; /* 2^bits */
    unsigned bits;
    size_t count;
};

/* An empty set; aborts without memory. */
void fingerprints_init(struct fingerprints *set);
void fingerprints_free(struct fingerprints *set);

/* Puts a fingerprint (never 0) in; true when it was new. */
bool fingerprints_add(struct fingerprints *set, uint64_t fingerprint);

/* Compares all places without a branch on which of them it is: that is what cannot be foretold. */
static inline bool fingerprints_has(const struct fingerprints *set, uint64_t fingerprint)
{
    uint32_t index = table_index(fingerprint, set->bits);
    const uint64_t *place = (const uint64_t *)set->buckets[index].place;
    bool here = false;
    for (int i = 0; i < BUCKET_PLACES; i++)
        here |= place[i] == fingerprint;
    if (here)
        return true;
    return place[BUCKET_PLACES - 1] &&
           bucket_find(&set->buckets[index ^ 1], fingerprint) == BUCKET_KNOWN;
}

#endif
