#include "detect/gram_trie.h"

#include "base/memory.h"

void gram_trie_init(struct gram_trie *trie, uint32_t depth)
{
    *trie = (struct gram_trie){.depth = depth, .count = 1, .room = 64};
    trie->nodes = memory_must(calloc(trie->room, sizeof *trie->nodes));
    gram_map_init(&trie->next);
}

void gram_trie_free(struct gram_trie *trie)
{
    free(trie->nodes);
    gram_map_free(&trie->next);
}

size_t gram_trie_size(const struct gram_trie *trie)
{
    return trie->room * sizeof *trie->nodes + gram_map_size(&trie->next);
}

static uint32_t add_node(struct gram_trie *trie, uint32_t before, uint32_t suffix, uint16_t code)
{
    if (trie->count == trie->room) {
        trie->room *= 2;
        trie->nodes = memory_must(reallocarray(trie->nodes, trie->room, sizeof *trie->nodes));
    }
    uint16_t length = (uint16_t)(trie->nodes[before].length + 1);
    trie->nodes[trie->count] = (struct gram_node){before, suffix, 0, code, length};
    return trie->count++;
}

void gram_trie_learn(struct gram_trie *trie, struct gram_trie_stream *stream, uint16_t code)
{
    uint32_t suffix = 0; /* what the run one call shorter became */
    for (uint32_t i = 0; i <= stream->length; i++) {
        uint32_t before = stream->nodes[i];
        struct gram *next = gram_map_put(&trie->next, gram_key((uint64_t)before << 10 | code));
        if (!next->number)
            next->number = add_node(trie, before, suffix, code);
        trie->nodes[next->number].times++;
        stream->nodes[i] = suffix;
        suffix = next->number;
    }
    if (stream->length + 1 < trie->depth)
        stream->nodes[++stream->length] = suffix;
}
