/* STIDE: a window of calls that training never showed is a mismatch. */
#include "base/memory.h"
#include "detect/detector_kind.h"
#include "detect/known.h"

struct stide {
    struct pattern_maker maker;
    struct fingerprints known;
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct stide *stide = memory_must(calloc(1, sizeof *stide));
    pattern_maker_init(&stide->maker, PATTERN_WINDOW, (uint32_t)setup->values[0]);
    fingerprints_init(&stide->known);
    return stide;
}

static void destroy(void *model)
{
    struct stide *stide = model;
    fingerprints_free(&stide->known);
    free(stide);
}

static size_t memory(const void *model)
{
    const struct stide *stide = model;
    return sizeof *stide + fingerprints_size(&stide->known);
}

static size_t patterns(const void *model)
{
    const struct stide *stide = model;
    return stide->known.count;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct stide *stide = model;
    known_learn(&stide->maker, &stide->known, stream, codes, count);
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct stide *stide = model;
    known_judge(&stide->maker, &stide->known, stream, codes, count, scores);
}

static const struct detector_parameter PARAMETERS[] = {
    {"window", "calls in a window", 6, PATTERN_MIN, PATTERN_MAX, true, NULL},
};

const struct detector_kind kind_stide = {
    .info = {"stide", "windows never seen in training (1 each)", "Hofmeyr, Forrest & Somayaji 1998",
             PARAMETERS, 1},
    .stream_size = sizeof(struct pattern_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .judge = judge,
};
