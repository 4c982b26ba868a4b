#include "detect/gram_map.h"

#include <stdlib.h>

#include "base/memory.h"

#define BITS_MIN 6

static void make_slots(struct gram_map *map, unsigned bits)
{
    map->bits = bits;
    map->slots = memory_must(calloc((size_t)1 << bits, sizeof *map->slots));
}

void gram_map_init(struct gram_map *map)
{
    map->count = 0;
    make_slots(map, BITS_MIN);
}

void gram_map_free(struct gram_map *map)
{
    free(map->slots);
}

static void grow(struct gram_map *map)
{
    struct gram *old = map->slots;
    size_t slots = (size_t)1 << map->bits;
    make_slots(map, map->bits + 1);
    for (size_t i = 0; i < slots; i++)
        if (old[i].key)
            *gram_map_slot(map, old[i].key) = old[i];
    free(old);
}

struct gram *gram_map_put(struct gram_map *map, uint64_t key)
{
    struct gram *slot = gram_map_slot(map, key);
    if (slot->key)
        return slot;
    if (2 * ++map->count > (size_t)1 << map->bits) {
        grow(map);
        slot = gram_map_slot(map, key);
    }
    slot->key = key;
    return slot;
}

size_t gram_map_count(struct gram_map *map, const struct pattern_maker *maker,
                      struct pattern_stream *stream, const uint16_t *codes, size_t count)
{
    size_t counted = 0;
    uint64_t prints[PATTERN_BATCH];
    for (size_t at = 0, batch; at < count; at += batch) {
        batch = pattern_batch(count - at);
        patterns_make(maker, stream, codes + at, batch, prints);
        for (size_t i = 0; i < batch; i++)
            if (prints[i]) {
                gram_map_put(map, prints[i])->number++;
                counted++;
            }
    }
    return counted;
}
