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

/* Memory of the table, in bytes. */
static inline size_t fingerprints_size(const struct fingerprints *set)
{
    return sizeof *set->buckets << set->bits;
}

/* Places are compared as wide as the processor can. */
typedef uint64_t four_places __attribute__((vector_size(32), may_alias));
typedef uint64_t two_places __attribute__((vector_size(16)));

/* Compares all places of a bucket at once: no branch could foretell which of them it is. */
static inline __attribute__((always_inline)) bool fingerprints_has(const struct fingerprints *set,
                                                                   uint64_t fingerprint)
{
    uint32_t index = table_index(fingerprint, set->bits);
    const four_places *half = (const four_places *)&set->buckets[index];
    four_places four = (four_places)((half[0] == fingerprint) | (half[1] == fingerprint));
    two_places two =
        __builtin_shufflevector(four, four, 0, 1) | __builtin_shufflevector(four, four, 2, 3);
    if (two[0] | two[1])
        return true;
    return set->buckets[index].place[BUCKET_PLACES - 1] &&
           bucket_find(&set->buckets[index ^ 1], fingerprint) == BUCKET_KNOWN;
}

#endif
