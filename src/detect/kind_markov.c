/*
 * A variable-order Markov model: -ln of the probability of the call after the ones before it, as
 * many of them as training has an example for. The orders are blended as Witten and Bell do, with a
 * weight on what is new:
 *
 *     p(x | s) = (c(s,x) + a D(s) p(x | s')) / (C(s) + a D(s)),     p(x | nothing) = 1 / calls
 *
 * c(s,x): times that x followed the calls s; C(s): calls that followed in all; D(s): different ones
 * of these; s': s without its oldest call.
 *
 * Judging is a walk over the contexts s that training showed. Where x followed s, -ln p(x | s) and
 * the context after x are known. Where it did not, p(x | s) is a D(s) / (C(s) + a D(s)) of
 * p(x | s'): the -ln of that is added and s' asked instead. A call makes the context at most one
 * longer, so there are at most two steps a call over a stream.
 */
#include <math.h>

#include "base/memory.h"
#include "detect/calls.h"
#include "detect/detector_kind.h"
#include "detect/gram_trie.h"

/* A context. Its most frequent successor is at hand, for mostly that is the one. */
struct context {
    uint32_t next;    /* the context after the successor */
    float cost;       /* of the successor */
    uint32_t shorter; /* the context without its oldest call */
    float backoff;    /* cost of asking that one */
    uint16_t code;    /* of the successor */
    bool more;        /* there are other successors, in the edges */
} __attribute__((aligned(32)));

/* While learning, the trie; once settled, the rest. */
struct markov {
    double weight;
    struct gram_trie trie;
    struct context *contexts; /* the first is the empty one */
    uint32_t count;
    struct gram_map edges; /* key: context and call; number: the context after it; score: -ln p */
};

struct markov_stream {
    struct gram_trie_stream trie; /* while learning */
    uint32_t context;             /* once settled */
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct markov *markov = memory_must(calloc(1, sizeof *markov));
    gram_trie_init(&markov->trie, (uint32_t)setup->values[0]);
    gram_map_init(&markov->edges);
    markov->weight = setup->values[1];
    return markov;
}

static void destroy(void *model)
{
    struct markov *markov = model;
    gram_trie_free(&markov->trie);
    gram_map_free(&markov->edges);
    free(markov->contexts);
    free(markov);
}

static size_t memory(const void *model)
{
    const struct markov *markov = model;
    return sizeof *markov + gram_trie_size(&markov->trie) + gram_map_size(&markov->edges) +
           markov->count * sizeof *markov->contexts;
}

static size_t patterns(const void *model)
{
    const struct markov *markov = model;
    return markov->trie.count - 1; /* runs of up to N calls, but for the empty one */
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct markov *markov = model;
    struct markov_stream *at = stream;
    for (size_t i = 0; i < count; i++)
        gram_trie_learn(&markov->trie, &at->trie, codes[i]);
}

/* What is worked out of each node of the trie, and thrown away after. */
struct work {
    uint32_t followed; /* C: calls that followed */
    uint32_t distinct; /* D: different ones; 0: the node is no context */
    uint32_t context;  /* its number, or that of the longest suffix which is one */
    uint32_t best;     /* times of its most frequent successor so far */
    double p;          /* of its latest call after the ones before */
};

static void count_followers(const struct gram_trie *trie, struct work *work)
{
    for (uint32_t i = 1; i < trie->count; i++) {
        work[trie->nodes[i].before].followed += trie->nodes[i].times;
        work[trie->nodes[i].before].distinct++;
    }
}

/* The longest contexts first, each length in the order of the training: so contexts that follow one
 * another lie side by side. The empty one is number 0. */
static void number_contexts(struct markov *markov, struct work *work)
{
    const struct gram_trie *trie = &markov->trie;
    markov->count = 1;
    for (uint32_t length = trie->depth - 1; length > 0; length--)
        for (uint32_t i = 1; i < trie->count; i++)
            if (trie->nodes[i].length == length && work[i].distinct > 0)
                work[i].context = markov->count++;
    for (uint32_t i = 1; i < trie->count; i++)
        if (work[i].distinct == 0 || trie->nodes[i].length == trie->depth)
            work[i].context = work[trie->nodes[i].suffix].context;
}

/* -ln of the share of p that is left to the shorter context. A context without followers, which
 * only the empty one can be, leaves all. */
static double share_left(const struct markov *markov, const struct work *work)
{
    double new = markov->weight * work->distinct;
    return work->distinct ? new / (work->followed + new) : 1;
}

static void add_contexts(struct markov *markov, const struct work *work)
{
    const struct gram_trie *trie = &markov->trie;
    markov->contexts = memory_must(
        aligned_alloc(sizeof *markov->contexts, markov->count * sizeof *markov->contexts));
    for (uint32_t i = 0; i < trie->count; i++)
        if (i == 0 || (work[i].distinct > 0 && trie->nodes[i].length < trie->depth))
            markov->contexts[work[i].context] =
                (struct context){.shorter = work[trie->nodes[i].suffix].context,
                                 .backoff = (float)-log(share_left(markov, &work[i])),
                                 .code = UINT16_MAX,
                                 .more = work[i].distinct > 1};
}

static uint64_t edge_key(uint32_t context, uint16_t code)
{
    return gram_key((uint64_t)context << 10 | code);
}

/* Every run of calls is an edge: from the context before its latest call to the one after. */
static void add_edges(struct markov *markov, struct work *work)
{
    const struct gram_trie *trie = &markov->trie;
    for (uint32_t i = 1; i < trie->count; i++) {
        const struct gram_node *node = &trie->nodes[i];
        struct work *before = &work[node->before];
        struct context *context = &markov->contexts[before->context];
        double shorter = node->suffix ? work[node->suffix].p : 1.0 / CALLS_POSSIBLE;
        work[i].p = node->times / (before->followed + markov->weight * before->distinct) +
                    share_left(markov, before) * shorter;
        float cost = (float)-log(work[i].p);
        if (context->more) {
            struct gram *edge = gram_map_put(&markov->edges, edge_key(before->context, node->code));
            edge->number = work[i].context;
            edge->score = cost;
        }
        if (node->times > before->best) {
            before->best = node->times;
            context->code = node->code;
            context->cost = cost;
            context->next = work[i].context;
        }
    }
}

static void settle(void *model)
{
    struct markov *markov = model;
    struct work *work = memory_must(calloc(markov->trie.count, sizeof *work));
    count_followers(&markov->trie, work);
    number_contexts(markov, work);
    add_contexts(markov, work);
    add_edges(markov, work);
    free(work);
    gram_trie_free(&markov->trie);
    markov->trie = (struct gram_trie){0};
}

/* -ln p of a call after a context, which becomes the one after the call. */
static inline float take_call(const struct markov *markov, uint32_t *context, uint16_t code)
{
    float cost = 0;
    for (;;) {
        const struct context *at = &markov->contexts[*context];
        if (__builtin_expect(at->code == code, 1)) {
            *context = at->next;
            return cost + at->cost;
        }
        if (at->more) {
            const struct gram *edge = gram_map_slot(&markov->edges, edge_key(*context, code));
            if (edge->key) {
                *context = edge->number;
                return cost + edge->score;
            }
        }
        cost += at->backoff;
        if (*context == 0)
            return cost + logf(CALLS_POSSIBLE);
        *context = at->shorter;
    }
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct markov *markov = model;
    struct markov_stream *at = stream;
    uint32_t context = at->context;
    for (size_t i = 0; i < count; i++)
        scores[i] = take_call(markov, &context, codes[i]);
    at->context = context;
}

static const struct detector_parameter PARAMETERS[] = {
    {"order", "calls in a run: the last one and those it depends on", 12, 1, GRAM_TRIE_DEPTH, true,
     NULL},
    {"weight", "weight of what a context has not shown", 16, 0.01, 1000, false, NULL},
};

const struct detector_kind kind_markov = {
    .info = {"markov", "how improbable a call is after the ones before it (nats)",
             "Witten & Bell 1991, method C, blended over all orders", PARAMETERS, 2},
    .stream_size = sizeof(struct markov_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
