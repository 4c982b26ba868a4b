/*
 * The calls that training showed, numbered 1, 2, … (0: all others), so that a table over pairs of
 * calls has no place for pairs that cannot occur. Private to the detect room.
 */
#ifndef SKINK_DETECT_ALPHABET_H
#define SKINK_DETECT_ALPHABET_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/pattern.h"

struct alphabet {
    uint16_t rank[CALL_CODES];
    uint16_t code[CALL_CODES + 1]; /* the other way; code[0] is of no call */
    uint32_t size;                 /* ranks, 0 included */
};

static inline void alphabet_init(struct alphabet *alphabet, const bool seen[CALL_CODES])
{
    alphabet->size = 1;
    for (uint32_t code = 0; code < CALL_CODES; code++) {
        alphabet->rank[code] = 0;
        if (!seen[code])
            continue;
        alphabet->rank[code] = (uint16_t)alphabet->size;
        alphabet->code[alphabet->size++] = (uint16_t)code;
    }
}

#endif
