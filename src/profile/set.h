/*
 * A set of code sequences of one length, compared by content: 2 bytes a code and 8 to 16 bytes of
 * index a sequence. Within the room only.
 */
#ifndef SKINK_PROFILE_SET_H
#define SKINK_PROFILE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code_set {
    uint32_t length; /* codes in a sequence */
    size_t count;
    size_t capacity; /* sequences that `codes` has room for */
    uint16_t *codes; /* in the order added */
    uint32_t *slots; /* open addressing: number of the sequence + 1, 0 is free */
    size_t slot_mask;
};

void code_set_init(struct code_set *set, uint32_t length);
void code_set_free(struct code_set *set);

/* Makes room for `count` sequences in all, so that adding them allocates nothing more. */
void code_set_reserve(struct code_set *set, size_t count);

/* True when the sequence was new. */
bool code_set_add(struct code_set *set, const uint16_t *codes);

/* The index of the sequence; SIZE_MAX when it is not there. */
size_t code_set_find(const struct code_set *set, const uint16_t *codes);

/* Sequence `index` < count, valid until the next add. */
const uint16_t *code_set_at(const struct code_set *set, size_t index);

#endif
