/*
 * What an alert found foreign, all of it: so that, when a person says that this was normal, it can
 * be learned whole. The alert itself tells only the first of it.
 */
#ifndef SKINK_AGENT_FOREIGN_H
#define SKINK_AGENT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/access.h"
#include "profile/pattern.h"

struct foreign_access {
    enum access_kind kind;
    char *path; /* as it was written */
};

struct foreign {
    struct foreign_patterns {
        uint32_t length; /* calls in each */
        uint16_t *codes; /* one pattern behind the other, each as profile_add takes it */
        size_t count, room;
    } patterns[PATTERN_KINDS];
    struct foreign_access *accesses;
    size_t access_count, access_room;
    size_t *peers; /* flows of the service graph: whom it called */
    size_t peer_count, peer_room;
};

/* window, bag: calls in each. Never NULL. */
struct foreign *foreign_new(uint32_t window, uint32_t bag);

/* NULL is allowed. */
void foreign_free(struct foreign *foreign);

void foreign_add_pattern(struct foreign *foreign, enum pattern_kind kind, const uint16_t *codes);
void foreign_add_access(struct foreign *foreign, enum access_kind kind, const char *path);
void foreign_add_peer(struct foreign *foreign, size_t flow);

/* The codes of a pattern, index below its kind's count. */
const uint16_t *foreign_pattern(const struct foreign *foreign, enum pattern_kind kind,
                                size_t index);

bool foreign_is_empty(const struct foreign *foreign);

/* The memory that it takes. */
size_t foreign_bytes(const struct foreign *foreign);

#endif
