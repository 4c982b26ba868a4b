#include "detect/held_out.h"

#include <string.h>

#include "base/memory.h"

void held_out_add(struct held_out *held, const uint16_t *codes, size_t count)
{
    if (held->count + count > held->room) {
        held->room = 2 * (held->count + count);
        held->codes = memory_must(reallocarray(held->codes, held->room, sizeof *held->codes));
    }
    if (held->pieces == held->piece_room) {
        held->piece_room = held->piece_room ? 2 * held->piece_room : 64;
        held->ends = memory_must(reallocarray(held->ends, held->piece_room, sizeof *held->ends));
    }
    memcpy(held->codes + held->count, codes, count * sizeof *codes);
    held->count += count;
    held->ends[held->pieces++] = held->count;
}

void held_out_clear(struct held_out *held)
{
    free(held->codes);
    free(held->ends);
    *held = (struct held_out){0};
}
