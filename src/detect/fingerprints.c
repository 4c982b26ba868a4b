#include "detect/fingerprints.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static struct bucket *buckets_new(unsigned bits)
{
    size_t size = sizeof(struct bucket) << bits;
    struct bucket *buckets = memory_must(aligned_alloc(sizeof(struct bucket), size));
    return memset(buckets, 0, size);
}

void fingerprints_init(struct fingerprints *set)
{
    *set = (struct fingerprints){.buckets = buckets_new(TABLE_BITS_MIN), .bits = TABLE_BITS_MIN};
}

void fingerprints_free(struct fingerprints *set)
{
    free(set->buckets);
}

static enum bucket_answer insert(struct bucket *buckets, unsigned bits, uint64_t fingerprint)
{
    uint32_t index = table_index(fingerprint, bits);
    enum bucket_answer answer = bucket_insert(&buckets[index], fingerprint);
    return answer == BUCKET_FULL ? bucket_insert(&buckets[index ^ 1], fingerprint) : answer;
}

/* Puts every fingerprint into a table of 2^bits buckets; false when they do not fit. */
static bool rehash(struct fingerprints *set, unsigned bits)
{
    struct bucket *larger = buckets_new(bits);
    for (size_t i = 0; i < (size_t)1 << set->bits; i++)
        for (int j = 0; j < BUCKET_PLACES && set->buckets[i].place[j]; j++)
            if (insert(larger, bits, set->buckets[i].place[j]) == BUCKET_FULL) {
                free(larger);
                return false;
            }
    free(set->buckets);
    set->buckets = larger;
    set->bits = bits;
    return true;
}

static void grow(struct fingerprints *set)
{
    unsigned bits = set->bits + 1;
    while (!rehash(set, bits))
        bits++;
}

bool fingerprints_add(struct fingerprints *set, uint64_t fingerprint)
{
    if (2 * set->count >= (size_t)BUCKET_PLACES << set->bits)
        grow(set);
    enum bucket_answer answer;
    while ((answer = insert(set->buckets, set->bits, fingerprint)) == BUCKET_FULL)
        grow(set);
    set->count += answer == BUCKET_MISSING;
    return answer == BUCKET_MISSING;
}
