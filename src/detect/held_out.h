/*
 * Benign pieces of traces that the members of a quorum do not learn: to see what they say of them.
 * Private to the detect room.
 */
#ifndef SKINK_DETECT_HELD_OUT_H
#define SKINK_DETECT_HELD_OUT_H

#include <stddef.h>
#include <stdint.h>

#define HELD_OUT_CALLS ((size_t)1 << 20) /* the most that are kept: 2 MiB */

/* All 0: none. */
struct held_out {
    uint16_t *codes; /* of all pieces, one after the other */
    size_t count, room;
    size_t *ends; /* of each piece in `codes` */
    size_t pieces, piece_room;
};

/* Aborts without memory. */
void held_out_add(struct held_out *held, const uint16_t *codes, size_t count);
void held_out_clear(struct held_out *held);

/* The piece's codes, and how many. */
static inline const uint16_t *held_out_piece(const struct held_out *held, size_t piece,
                                             size_t *count)
{
    size_t begin = piece ? held->ends[piece - 1] : 0;
    *count = held->ends[piece] - begin;
    return held->codes + begin;
}

#endif
