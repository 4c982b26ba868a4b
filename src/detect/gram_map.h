/*
 * Numbers by key: how often a pattern came, which node follows another. Open addressing, at most
 * half full. Keys are well spread in their upper bits already and never 0. Private to the detect
 * room.
 */
#ifndef SKINK_DETECT_GRAM_MAP_H
#define SKINK_DETECT_GRAM_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "detect/patterns.h"

struct gram {
    uint64_t key; /* 0: the slot is free */
    uint32_t number;
    float score;
};

struct gram_map {
    struct gram *slots; /* 2^bits */
    unsigned bits;
    size_t count;
};

/* Both abort without memory. */
void gram_map_init(struct gram_map *map);
void gram_map_free(struct gram_map *map);

/* The gram of a key, new with zeros when it was missing. Valid until the next put. */
struct gram *gram_map_put(struct gram_map *map, uint64_t key);

/* Adds one to the numbers of the patterns that the next calls complete, and returns how many these
 * were. */
size_t gram_map_count(struct gram_map *map, const struct pattern_maker *maker,
                      struct pattern_stream *stream, const uint16_t *codes, size_t count);

static inline size_t gram_map_size(const struct gram_map *map)
{
    return sizeof *map->slots << map->bits;
}

/* A key from any number: a bijection on what is below 2^64 - 1. */
static inline uint64_t gram_key(uint64_t number)
{
    return (number + 1) * 0x9e3779b97f4a7c15ULL;
}

/* The slot that has the key, or the free one where it would be. */
static inline struct gram *gram_map_slot(const struct gram_map *map, uint64_t key)
{
    size_t mask = ((size_t)1 << map->bits) - 1;
    size_t at = key >> (64 - map->bits);
    while (map->slots[at].key != key && map->slots[at].key)
        at = (at + 1) & mask;
    return &map->slots[at];
}

#endif
