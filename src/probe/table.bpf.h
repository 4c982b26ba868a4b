/* Looking up and inserting patterns: both are plain loads, no helper is called. */
#ifndef SKINK_PROBE_TABLE_BPF_H
#define SKINK_PROBE_TABLE_BPF_H

#include "probe/maps.bpf.h"

static __always_inline struct bucket *get_bucket(__u32 number)
{
    __u32 segment_number = number >> PROBE_SEGMENT_BITS;
    __u32 place = number & ((1 << PROBE_SEGMENT_BITS) - 1);
    void *segment = bpf_map_lookup_elem(&pool, &segment_number);
    return segment ? bpf_map_lookup_elem(segment, &place) : NULL;
}

static __always_inline __u32 bucket_number(__u64 where, __u64 fingerprint)
{
    return (__u32)(where >> 8) + (__u32)(fingerprint >> (where & 63));
}

static __always_inline bool known_at(__u64 where, __u64 fingerprint)
{
    __u32 number = bucket_number(where, fingerprint);
    struct bucket *bucket = get_bucket(number);
    if (!bucket)
        return false;
    enum bucket_answer answer = bucket_find(bucket, fingerprint);
    if (answer != BUCKET_FULL)
        return answer == BUCKET_KNOWN;
    bucket = get_bucket(number ^ 1);
    return bucket && bucket_find(bucket, fingerprint) == BUCKET_KNOWN;
}

static __always_inline enum bucket_answer insert_at(__u64 where, __u64 fingerprint)
{
    __u32 number = bucket_number(where, fingerprint);
    struct bucket *bucket = get_bucket(number);
    enum bucket_answer answer = bucket ? bucket_insert(bucket, fingerprint) : BUCKET_FULL;
    if (answer != BUCKET_FULL)
        return answer;
    bucket = get_bucket(number ^ 1);
    return bucket ? bucket_insert(bucket, fingerprint) : BUCKET_FULL;
}

#endif
