/*
 * Call-transition graph: nodes are calls, an edge leads from each call to those that followed it,
 * and its weight is how often they did, as a share of all that followed. A transition's score is 1
 * less that share; one without an edge has 1.
 */
#include "base/memory.h"
#include "detect/alphabet.h"
#include "detect/detector_kind.h"

struct graph {
    bool seen[CALL_CODES];
    uint32_t *times; /* [call][next call]; NULL once settled */
    struct alphabet alphabet;
    float *scores; /* the same by ranks; once settled */
};

struct graph_stream {
    uint16_t last; /* call of a stream that has begun: its code, or its rank once settled */
    bool begun;
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)setup;
    (void)err;
    struct graph *graph = memory_must(calloc(1, sizeof *graph));
    graph->times = memory_must(calloc((size_t)CALL_CODES * CALL_CODES, sizeof *graph->times));
    return graph;
}

static void destroy(void *model)
{
    struct graph *graph = model;
    free(graph->times);
    free(graph->scores);
    free(graph);
}

static size_t memory(const void *model)
{
    const struct graph *graph = model;
    size_t side = graph->times ? CALL_CODES : graph->alphabet.size;
    return sizeof *graph + side * side * sizeof(float);
}

static size_t patterns(const void *model)
{
    const struct graph *graph = model;
    size_t count = 0; /* transitions */
    for (size_t i = 0; i < (size_t)CALL_CODES * CALL_CODES; i++)
        count += graph->times[i] > 0;
    return count;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct graph *graph = model;
    struct graph_stream *at = stream;
    for (size_t i = 0; i < count; i++) {
        if (at->begun)
            graph->times[(size_t)at->last * CALL_CODES + codes[i]]++;
        graph->seen[codes[i]] = true;
        *at = (struct graph_stream){codes[i], true};
    }
}

static void settle(void *model)
{
    struct graph *graph = model;
    struct alphabet *alphabet = &graph->alphabet;
    alphabet_init(alphabet, graph->seen);
    const size_t size = alphabet->size;
    graph->scores = memory_must(calloc(size * size, sizeof *graph->scores));
    for (size_t i = 0; i < size; i++) {
        const uint32_t *times = graph->times + (size_t)alphabet->code[i] * CALL_CODES;
        double all = 0;
        for (size_t j = 1; i > 0 && j < size; j++)
            all += times[alphabet->code[j]];
        for (size_t j = 0; j < size; j++) {
            double share = i > 0 && j > 0 && all > 0 ? times[alphabet->code[j]] / all : 0;
            graph->scores[i * size + j] = (float)(1 - share);
        }
    }
    free(graph->times);
    graph->times = NULL;
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct graph *graph = model;
    const size_t size = graph->alphabet.size;
    struct graph_stream at = *(struct graph_stream *)stream;
    for (size_t i = 0; i < count; i++) {
        uint16_t rank = graph->alphabet.rank[codes[i]];
        scores[i] = graph->scores[at.last * size + rank];
        at.last = rank;
    }
    if (count && !at.begun)
        scores[0] = SCORE_NONE;
    at.begun |= count > 0;
    *(struct graph_stream *)stream = at;
}

const struct detector_kind kind_graph = {
    .info = {"graph", "improbable transitions between calls (1 less the share in training)",
             "Grimmer, Röhling, Kricke, Franczyk & Rahm 2018", NULL, 0},
    .stream_size = sizeof(struct graph_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
