#include "agent/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ROOM_FIRST 16

/* Makes room for one more element. */
static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? 2 * *room : ROOM_FIRST;
    return memory_must(reallocarray(list, *room, size));
}

struct foreign *foreign_new(uint32_t window, uint32_t bag)
{
    struct foreign *foreign = memory_must(calloc(1, sizeof *foreign));
    foreign->patterns[PATTERN_WINDOW].length = window;
    foreign->patterns[PATTERN_BAG].length = bag;
    return foreign;
}

void foreign_free(struct foreign *foreign)
{
    if (!foreign)
        return;
    for (int kind = 0; kind < PATTERN_KINDS; kind++)
        free(foreign->patterns[kind].codes);
    for (size_t i = 0; i < foreign->access_count; i++)
        free(foreign->accesses[i].path);
    free(foreign->accesses);
    free(foreign->peers);
    free(foreign);
}

void foreign_add_pattern(struct foreign *foreign, enum pattern_kind kind, const uint16_t *codes)
{
    struct foreign_patterns *patterns = &foreign->patterns[kind];
    size_t size = patterns->length * sizeof *codes;
    patterns->codes = grown(patterns->codes, patterns->count, &patterns->room, size);
    memcpy(patterns->codes + patterns->count++ * patterns->length, codes, size);
}

void foreign_add_access(struct foreign *foreign, enum access_kind kind, const char *path)
{
    foreign->accesses = grown(foreign->accesses, foreign->access_count, &foreign->access_room,
                              sizeof *foreign->accesses);
    foreign->accesses[foreign->access_count++] =
        (struct foreign_access){.kind = kind, .path = memory_must(strdup(path))};
}

void foreign_add_peer(struct foreign *foreign, size_t flow)
{
    foreign->peers =
        grown(foreign->peers, foreign->peer_count, &foreign->peer_room, sizeof *foreign->peers);
    foreign->peers[foreign->peer_count++] = flow;
}

const uint16_t *foreign_pattern(const struct foreign *foreign, enum pattern_kind kind, size_t index)
{
    const struct foreign_patterns *patterns = &foreign->patterns[kind];
    return patterns->codes + index * patterns->length;
}

bool foreign_is_empty(const struct foreign *foreign)
{
    return foreign->patterns[PATTERN_WINDOW].count + foreign->patterns[PATTERN_BAG].count +
               foreign->access_count + foreign->peer_count ==
           0;
}

size_t foreign_bytes(const struct foreign *foreign)
{
    size_t bytes = sizeof *foreign + foreign->access_room * sizeof *foreign->accesses +
                   foreign->peer_room * sizeof *foreign->peers;
    for (int kind = 0; kind < PATTERN_KINDS; kind++)
        bytes += foreign->patterns[kind].room * foreign->patterns[kind].length * sizeof(uint16_t);
    for (size_t i = 0; i < foreign->access_count; i++)
        bytes += strlen(foreign->accesses[i].path) + 1;
    return bytes;
}
