#include "profile/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

#define SLOTS_MIN 64 /* a power of two */

static size_t bytes(const struct code_set *set)
{
    return set->length * sizeof *set->codes;
}

void code_set_init(struct code_set *set, uint32_t length)
{
    *set = (struct code_set){.length = length, .slot_mask = SLOTS_MIN - 1};
    set->slots = memory_must(calloc(SLOTS_MIN, sizeof *set->slots));
}

void code_set_free(struct code_set *set)
{
    free(set->codes);
    free(set->slots);
}

const uint16_t *code_set_at(const struct code_set *set, size_t index)
{
    assert(index < set->count);
    return set->codes + index * set->length;
}

/* The slot that holds the sequence, or the free one where it belongs. */
static uint32_t *find(const struct code_set *set, const uint16_t *codes)
{
    size_t slot = XXH3_64bits(codes, bytes(set)) & set->slot_mask;
    while (set->slots[slot] != 0 &&
           memcmp(code_set_at(set, set->slots[slot] - 1), codes, bytes(set)) != 0)
        slot = (slot + 1) & set->slot_mask;
    return &set->slots[slot];
}

static void resize_slots(struct code_set *set, size_t slots)
{
    free(set->slots);
    set->slots = memory_must(calloc(slots, sizeof *set->slots));
    set->slot_mask = slots - 1;
    for (size_t i = 0; i < set->count; i++)
        *find(set, code_set_at(set, i)) = (uint32_t)i + 1;
}

void code_set_reserve(struct code_set *set, size_t count)
{
    assert(count < UINT32_MAX);
    if (count > set->capacity) {
        set->codes = memory_must(reallocarray(set->codes, count, bytes(set)));
        set->capacity = count;
    }
    size_t slots = set->slot_mask + 1;
    while (slots < 2 * count) /* half of them stay free: a search ends after a step or two */
        slots *= 2;
    if (slots > set->slot_mask + 1)
        resize_slots(set, slots);
}

size_t code_set_find(const struct code_set *set, const uint16_t *codes)
{
    return (size_t)*find(set, codes) - 1; /* 0, a free slot, becomes SIZE_MAX */
}

bool code_set_add(struct code_set *set, const uint16_t *codes)
{
    if (*find(set, codes) != 0)
        return false;
    if (set->count == set->capacity)
        code_set_reserve(set, set->capacity + set->capacity / 2 + 16);
    memcpy(set->codes + set->count * set->length, codes, bytes(set));
    set->count++;
    *find(set, codes) = (uint32_t)set->count;
    return true;
}
