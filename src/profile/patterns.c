#include "profile/patterns.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void pattern_set_init(struct pattern_set *set, uint32_t length)
{
    *set = (struct pattern_set){.stride = 1};
    code_set_init(&set->codes, length);
}

void pattern_set_free(struct pattern_set *set)
{
    code_set_free(&set->codes);
    free(set->order);
    free(set->place);
    free(set->rows);
}

/* The arrays follow what the set of codes has room for. */
static void follow_room(struct pattern_set *set)
{
    size_t room = set->codes.capacity;
    if (room <= set->room)
        return;
    set->order = memory_must(reallocarray(set->order, room, sizeof *set->order));
    set->place = memory_must(reallocarray(set->place, room, sizeof *set->place));
    set->rows = memory_must(reallocarray(set->rows, room, set->stride));
    set->room = room;
}

void pattern_set_reserve(struct pattern_set *set, size_t count)
{
    code_set_reserve(&set->codes, count);
    follow_room(set);
}

void pattern_set_widen(struct pattern_set *set, size_t sources)
{
    size_t stride = (sources + 7) / 8;
    if (stride <= set->stride)
        return;
    uint8_t *rows = memory_must(calloc(set->room + 1, stride));
    for (size_t i = 0; i < set->codes.count; i++)
        memcpy(rows + i * stride, pattern_set_row(set, i), set->stride);
    free(set->rows);
    set->rows = rows;
    set->stride = stride;
}

size_t pattern_set_find(const struct pattern_set *set, const uint16_t *codes)
{
    return code_set_find(&set->codes, codes);
}

size_t pattern_set_put(struct pattern_set *set, const uint16_t *codes)
{
    size_t number = set->codes.count;
    if (!code_set_add(&set->codes, codes))
        return code_set_find(&set->codes, codes);
    follow_room(set);
    set->order[number] = set->place[number] = (uint32_t)number;
    memset(pattern_set_row(set, number), 0, set->stride);
    return number;
}

static void move(struct pattern_set *set, uint32_t number, size_t index)
{
    set->order[index] = number;
    set->place[number] = (uint32_t)index;
}

bool pattern_set_claim(struct pattern_set *set, size_t number)
{
    if (pattern_set_owns(set, number))
        return false;
    uint32_t first_aside = set->order[set->own];
    move(set, first_aside, set->place[number]);
    move(set, (uint32_t)number, set->own++);
    return true;
}

/* Own ones first, then by their codes. */
static int compare(const void *a, const void *b, void *context)
{
    const struct pattern_set *set = context;
    size_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int own = pattern_set_owns(set, right) - pattern_set_owns(set, left);
    const uint16_t *x = code_set_at(&set->codes, left), *y = code_set_at(&set->codes, right);
    for (uint32_t i = 0; i < set->codes.length && own == 0; i++)
        own = x[i] - y[i];
    return own;
}

void pattern_set_sort(struct pattern_set *set)
{
    if (set->codes.count == 0)
        return;
    qsort_r(set->order, set->codes.count, sizeof *set->order, compare, set);
    for (size_t i = 0; i < set->codes.count; i++)
        set->place[set->order[i]] = (uint32_t)i;
}
