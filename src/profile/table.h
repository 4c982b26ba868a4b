/*
 * How a table of fingerprints lies in memory: compiled into the BPF probe and into user space.
 *
 * A table is 2^bits buckets of eight fingerprints, one cache line each. A fingerprint belongs into
 * the bucket that its upper bits name, or, when that is full, into the neighbour (index ^ 1).
 * Places fill in order and are never emptied, so an empty last place proves that a bucket has never
 * been full, and the known fingerprint costs one cache line.
 *
 * Places are written by compare-and-swap from 0 alone: many CPUs in the kernel and user space over
 * the mapped memory may insert into one table at once. Two of them inserting the same fingerprint
 * meet at the same first empty place, so it is never stored twice within a bucket.
 */
#ifndef SKINK_PROFILE_TABLE_H
#define SKINK_PROFILE_TABLE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define BUCKET_PLACES  8
#define TABLE_BITS_MIN 6  /* 64 buckets, 512 places, 4 KiB */
#define TABLE_BITS_MAX 19 /* 4 Mi places, 32 MiB: room for well over a million patterns */

struct bucket {
    __u64 place[BUCKET_PLACES];
} __attribute__((aligned(64)));

#ifdef __clang__
#define TABLE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TABLE_UNROLL _Pragma("GCC unroll 8")
#endif

enum bucket_answer { BUCKET_KNOWN, BUCKET_MISSING, BUCKET_FULL };

/* bits in [TABLE_BITS_MIN, TABLE_BITS_MAX]. */
static inline __u32 table_index(__u64 fingerprint, __u32 bits)
{
    return (__u32)(fingerprint >> (64 - bits));
}

/* Is the fingerprint here, missing with room left, or missing in a full bucket? */
static inline enum bucket_answer bucket_find(const struct bucket *bucket, __u64 fingerprint)
{
    TABLE_UNROLL
    for (int i = 0; i < BUCKET_PLACES; i++)
        if (bucket->place[i] == fingerprint)
            return BUCKET_KNOWN;
    return bucket->place[BUCKET_PLACES - 1] ? BUCKET_FULL : BUCKET_MISSING;
}

/* BUCKET_MISSING: inserted now. BUCKET_KNOWN: it was there, or another CPU was first. */
static inline enum bucket_answer bucket_insert(struct bucket *bucket, __u64 fingerprint)
{
    TABLE_UNROLL
    for (int i = 0; i < BUCKET_PLACES; i++) {
        __u64 there = bucket->place[i];
        if (there == 0) {
            there = __sync_val_compare_and_swap(&bucket->place[i], 0, fingerprint);
            if (there == 0)
                return BUCKET_MISSING;
        }
        if (there == fingerprint)
            return BUCKET_KNOWN;
    }
    return BUCKET_FULL;
}

#endif
