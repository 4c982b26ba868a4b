/*
 * The codes of one stream become the fingerprints of its windows or bags (profile/pattern.h), a
 * batch at a time: first all fingerprints, then all look-ups, which depend on nothing and so wait
 * for memory together. Private to the detect room.
 */
#ifndef SKINK_DETECT_PATTERNS_H
#define SKINK_DETECT_PATTERNS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "profile/secret.h"

#define PATTERN_BATCH 64 /* calls at a time */

struct pattern_maker {
    struct pattern_secret secret;
    enum pattern_kind kind;
    uint32_t length; /* PATTERN_MIN..PATTERN_MAX */
    uint64_t factor;
};

/* Where a stream stands; all 0 at its beginning. */
struct pattern_stream {
    uint64_t sum;               /* the window or bag of its last calls */
    uint64_t length;            /* calls since it began */
    uint16_t last[PATTERN_MAX]; /* the last of them, oldest first */
};

static inline void pattern_maker_init(struct pattern_maker *maker, enum pattern_kind kind,
                                      uint32_t length)
{
    secret_draw(&maker->secret);
    maker->kind = kind;
    maker->length = length;
    maker->factor = window_factor(maker->secret.base, length);
}

/* The body of patterns_make: kind and length are constants where it is worth it. */
static inline __attribute__((always_inline)) void
patterns_make_as(const struct pattern_maker *maker, struct pattern_stream *stream,
                 const uint16_t *codes, size_t count, uint64_t *prints,
                 const enum pattern_kind kind, const uint32_t length)
{
    const uint64_t base = maker->secret.base, spread = maker->secret.spread;
    const __u64 *value = maker->secret.value;
    uint16_t all[PATTERN_MAX + PATTERN_BATCH];
    memcpy(all, stream->last, sizeof stream->last);
    memcpy(all + PATTERN_MAX, codes, count * sizeof *codes);
    uint64_t sum = stream->sum;
    for (size_t i = 0; i < count; i++) {
        const uint16_t *at = all + PATTERN_MAX + i;
        uint64_t out = stream->length + i >= length ? value[*(at - length)] : 0;
        if (kind == PATTERN_BAG)
            sum = bag_push(sum, value[*at], out);
        else
            sum = window_push(sum, length, *at, value[*at], out, base, maker->factor);
        uint64_t print = kind == PATTERN_BAG ? bag_fingerprint(sum, spread)
                                             : window_fingerprint(sum, length, spread);
        prints[i] = stream->length + i + 1 >= length ? print : 0;
    }
    stream->sum = sum;
    stream->length += count;
    memcpy(stream->last, all + count, sizeof stream->last);
}

/* The fingerprints of the patterns that the next calls, at most PATTERN_BATCH, complete; 0 where
 * the stream is too short yet. */
static inline __attribute__((always_inline)) void patterns_make(const struct pattern_maker *maker,
                                                                struct pattern_stream *stream,
                                                                const uint16_t *codes, size_t count,
                                                                uint64_t *prints)
{
    if (maker->kind == PATTERN_BAG)
        patterns_make_as(maker, stream, codes, count, prints, PATTERN_BAG, maker->length);
    else if (maker->length == PATTERN_EXACT)
        patterns_make_as(maker, stream, codes, count, prints, PATTERN_WINDOW, PATTERN_EXACT);
    else
        patterns_make_as(maker, stream, codes, count, prints, PATTERN_WINDOW, maker->length);
}

static inline size_t pattern_batch(size_t left)
{
    return left < PATTERN_BATCH ? left : PATTERN_BATCH;
}

#endif
