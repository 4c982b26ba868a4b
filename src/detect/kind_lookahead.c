/*
 * Lookahead pairs, as pH has them: for each call, which calls came 1, 2, … w-1 calls before it. A
 * table over pairs of calls has a bit for each distance.
 */
#include <string.h>

#include "base/memory.h"
#include "detect/alphabet.h"
#include "detect/detector_kind.h"

#define BATCH    256 /* calls at a time */
#define DISTANCE (PATTERN_MAX - 1)

struct lookahead {
    uint32_t window;
    bool seen[CALL_CODES];
    uint16_t *learned; /* [call][earlier call]: bit d-1 for distance d; NULL once settled */
    struct alphabet alphabet;
    uint16_t *pairs;           /* the same by ranks; once settled */
    float share[1 + DISTANCE]; /* the score of so many missing pairs */
};

struct lookahead_stream {
    uint32_t length;         /* calls since it began, as far as they matter */
    uint16_t last[DISTANCE]; /* the last of them, oldest first: codes, or ranks once settled */
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct lookahead *lookahead = memory_must(calloc(1, sizeof *lookahead));
    lookahead->window = (uint32_t)setup->values[0];
    lookahead->learned =
        memory_must(calloc((size_t)CALL_CODES * CALL_CODES, sizeof *lookahead->learned));
    for (uint32_t i = 0; i < lookahead->window; i++)
        lookahead->share[i] = (float)i / (float)(lookahead->window - 1);
    return lookahead;
}

static void destroy(void *model)
{
    struct lookahead *lookahead = model;
    free(lookahead->learned);
    free(lookahead->pairs);
    free(lookahead);
}

static size_t memory(const void *model)
{
    const struct lookahead *lookahead = model;
    size_t side = lookahead->learned ? CALL_CODES : lookahead->alphabet.size;
    return sizeof *lookahead + side * side * sizeof(uint16_t);
}

static size_t patterns(const void *model)
{
    const struct lookahead *lookahead = model;
    size_t count = 0; /* pairs, each distance by itself */
    for (size_t i = 0; i < (size_t)CALL_CODES * CALL_CODES; i++)
        count += (size_t)__builtin_popcount(lookahead->learned[i]);
    return count;
}

/* Calls before the next one that are at most w-1 away. */
static uint32_t reach(const struct lookahead *lookahead, const struct lookahead_stream *stream)
{
    return stream->length < lookahead->window - 1 ? stream->length : lookahead->window - 1;
}

static void learn_call(struct lookahead *lookahead, struct lookahead_stream *stream, uint16_t code)
{
    uint16_t *row = lookahead->learned + (size_t)code * CALL_CODES;
    const uint32_t distances = reach(lookahead, stream);
    for (uint32_t d = 1; d <= distances; d++)
        row[stream->last[DISTANCE - d]] |= (uint16_t)(1U << (d - 1));
    memmove(stream->last, stream->last + 1, sizeof stream->last - sizeof *stream->last);
    stream->last[DISTANCE - 1] = code;
    stream->length += stream->length < DISTANCE;
    lookahead->seen[code] = true;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        learn_call(model, stream, codes[i]);
}

static void settle(void *model)
{
    struct lookahead *lookahead = model;
    struct alphabet *alphabet = &lookahead->alphabet;
    alphabet_init(alphabet, lookahead->seen);
    const size_t size = alphabet->size;
    lookahead->pairs = memory_must(calloc(size * size, sizeof *lookahead->pairs));
    for (size_t i = 1; i < size; i++)
        for (size_t j = 1; j < size; j++)
            lookahead->pairs[i * size + j] =
                lookahead->learned[(size_t)alphabet->code[i] * CALL_CODES + alphabet->code[j]];
    free(lookahead->learned);
    lookahead->learned = NULL;
}

static inline __attribute__((always_inline)) void judge_batch(const struct lookahead *lookahead,
                                                              struct lookahead_stream *stream,
                                                              const uint16_t *codes, size_t count,
                                                              float *scores, const uint32_t window)
{
    const size_t size = lookahead->alphabet.size;
    const uint16_t *rank = lookahead->alphabet.rank;
    uint16_t all[DISTANCE + BATCH];
    memcpy(all, stream->last, sizeof stream->last);
    for (size_t i = 0; i < count; i++) {
        uint16_t *at = all + DISTANCE + i;
        *at = rank[codes[i]];
        const uint16_t *row = lookahead->pairs + *at * size;
        uint32_t known = 0;
        for (uint32_t d = 1; d <= DISTANCE && d < window; d++)
            known += row[*(at - d)] >> (d - 1) & 1;
        scores[i] = lookahead->share[window - 1 - known];
    }
    memcpy(stream->last, all + count, sizeof stream->last);
}

/* The first calls of a stream, of which fewer than w-1 precede. Rank 0, which stands for a call
 * that was not made, has no pairs. */
static size_t judge_beginning(const struct lookahead *lookahead, struct lookahead_stream *stream,
                              const uint16_t *codes, size_t count, float *scores)
{
    size_t i = 0;
    for (; i < count && stream->length < lookahead->window - 1; i++) {
        judge_batch(lookahead, stream, codes + i, 1, scores + i, lookahead->window);
        uint32_t absent = lookahead->window - 1 - stream->length;
        uint32_t missing = (uint32_t)(scores[i] * (float)(lookahead->window - 1) + 0.5F) - absent;
        scores[i] = stream->length ? lookahead->share[missing] : SCORE_NONE;
        stream->length++;
    }
    return i;
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct lookahead *lookahead = model;
    size_t at = judge_beginning(lookahead, stream, codes, count, scores);
    for (size_t batch; at < count; at += batch) {
        batch = count - at < BATCH ? count - at : BATCH;
        if (lookahead->window == 9)
            judge_batch(lookahead, stream, codes + at, batch, scores + at, 9);
        else
            judge_batch(lookahead, stream, codes + at, batch, scores + at, lookahead->window);
    }
}

static const struct detector_parameter PARAMETERS[] = {
    {"window", "calls in which pairs are looked at", 9, PATTERN_MIN, PATTERN_MAX, true, NULL},
};

const struct detector_kind kind_lookahead = {
    .info = {"lookahead", "pairs of calls at a distance never seen in training (share of the w-1)",
             "Somayaji 2002; Somayaji & Forrest 2000", PARAMETERS, 1},
    .stream_size = sizeof(struct lookahead_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
