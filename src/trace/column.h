/*
 * What the columns of a trace are made of. Private to the trace room.
 *
 * varint     7 bits a byte, the lowest first, the top bit says that more follow
 * zigzag     small negative numbers become small positive ones
 * planes     n integers of w bytes as w planes of n bytes, the lowest bytes first: the bytes of
 * high order, nearly all alike, lie together and shrink to nothing
 */
#ifndef SKINK_TRACE_COLUMN_H
#define SKINK_TRACE_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? ~0ULL : 0);
}

static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (value & 1 ? ~0ULL : 0));
}

/* Writes value and returns the place behind it; at most VARINT_MAX bytes. */
uint8_t *varint_put(uint8_t *at, uint64_t value);

/* The general case of varint_get. */
bool varint_get_long(const uint8_t **at, const uint8_t *end, uint64_t *value);

/* Reads a value at *at and moves *at behind it; false when it ends early or exceeds 64 bits. */
static inline bool varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    if (*at < end && **at < 0x80) {
        *value = *(*at)++;
        return true;
    }
    return varint_get_long(at, end, value);
}

/* Writes as many planes as the largest of count values needs; returns the bytes written. */
size_t planes_put(uint8_t *out, const uint64_t *values, size_t count);

/* size must be count * (0 to 8 planes); false otherwise. */
bool planes_get(const uint8_t *in, size_t size, uint64_t *values, size_t count);

#endif
