/*
 * How often each run of up to N calls came: a trie of them, counted online. The run without its
 * oldest call is made before the run itself, as is the one without its latest. Private to the
 * detect room.
 */
#ifndef SKINK_DETECT_GRAM_TRIE_H
#define SKINK_DETECT_GRAM_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "detect/gram_map.h"

#define GRAM_TRIE_DEPTH 16 /* the largest N */

struct gram_node {
    uint32_t before; /* without the latest call: a lower index */
    uint32_t suffix; /* without the oldest call: a lower index */
    uint32_t times;
    uint16_t code; /* the latest call */
    uint16_t length;
};

struct gram_trie {
    uint32_t depth;          /* N */
    struct gram_node *nodes; /* the first is the empty run */
    uint32_t count, room;
    struct gram_map next; /* key: node and call; number: the longer node */
};

/* The runs that end with a stream's last call: nodes[i] has i calls. All 0 at its beginning. */
struct gram_trie_stream {
    uint32_t nodes[GRAM_TRIE_DEPTH];
    uint32_t length; /* of the longest that can yet grow: at most N-1 */
};

/* Both abort without memory, as gram_trie_learn does. */
void gram_trie_init(struct gram_trie *trie, uint32_t depth);
void gram_trie_free(struct gram_trie *trie);

size_t gram_trie_size(const struct gram_trie *trie);

/* Counts the runs that end with the next call. */
void gram_trie_learn(struct gram_trie *trie, struct gram_trie_stream *stream, uint16_t code);

#endif
