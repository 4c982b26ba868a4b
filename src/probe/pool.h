/*
 * The pool: all buckets that the probe looks patterns up in, handed out as tables of 2^bits
 * buckets. Its memory is segments (BPF arrays of 1024 buckets) that are made when they are first
 * needed and mapped, so user space reads and writes the very memory that the kernel does.
 */
#ifndef SKINK_PROBE_POOL_H
#define SKINK_PROBE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/table.h"

struct pool;

/* map: the descriptor of the probe's map of segments; borrowed. Never NULL. */
struct pool *pool_new(int map);
void pool_free(struct pool *pool);

/*
 * An empty range of 2^bits buckets, TABLE_BITS_MIN <= bits <= TABLE_BITS_MAX; -1 when the pool's
 * limit or the machine's memory is reached.
 */
int pool_take(struct pool *pool, uint32_t bits, uint32_t *first, struct error *err);

/* Gives a range back; nobody may be looking at it any more (see pool_grace). */
void pool_give(struct pool *pool, uint32_t first, uint32_t bits);

/* Waits until every program of the kernel that might still hold an old range has ended. */
void pool_grace(void);

/* Inserts into a range; BUCKET_FULL when both of the fingerprint's buckets are full. */
enum bucket_answer pool_insert(struct pool *pool, uint32_t first, uint32_t bits,
                               uint64_t fingerprint);

/* Copies every fingerprint of one range into a larger one; how many found no place there. */
uint64_t pool_copy(struct pool *pool, uint32_t from, uint32_t from_bits, uint32_t to,
                   uint32_t to_bits);

/* What another has done to a range: patterns that are not where they were, which are put back; and
 * patterns that are there and were not. */
struct pool_change {
    uint64_t lost, added;
};

void pool_look(struct pool *pool, uint32_t first, uint32_t bits, struct pool_change *change);

/* Those that were added are learned, or they are another's and taken out. */
void pool_settle(struct pool *pool, uint32_t first, uint32_t bits, bool learned);

/* Kernel memory of all segments, in bytes. */
uint64_t pool_bytes(const struct pool *pool);

#endif
