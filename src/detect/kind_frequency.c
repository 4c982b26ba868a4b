/*
 * Frequency of windows: -ln of the probability that the next window is this one, estimated from how
 * often training showed it. Witten and Bell's method C: of N windows D were new when they came, so
 * the next is new with D / (N + D), and then any of those that training did not show.
 */
#include <math.h>

#include "base/memory.h"
#include "detect/calls.h"
#include "detect/detector_kind.h"
#include "detect/gram_map.h"

struct frequency {
    struct pattern_maker maker;
    struct gram_map grams; /* number: times seen; score: once settled */
    uint64_t windows;      /* learned, repeats included */
    float unseen;          /* the score of a window that training did not show */
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct frequency *frequency = memory_must(calloc(1, sizeof *frequency));
    pattern_maker_init(&frequency->maker, PATTERN_WINDOW, (uint32_t)setup->values[0]);
    gram_map_init(&frequency->grams);
    return frequency;
}

static void destroy(void *model)
{
    struct frequency *frequency = model;
    gram_map_free(&frequency->grams);
    free(frequency);
}

static size_t memory(const void *model)
{
    const struct frequency *frequency = model;
    return sizeof *frequency + gram_map_size(&frequency->grams);
}

static size_t patterns(const void *model)
{
    const struct frequency *frequency = model;
    return frequency->grams.count;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct frequency *frequency = model;
    frequency->windows +=
        gram_map_count(&frequency->grams, &frequency->maker, stream, codes, count);
}

static void settle(void *model)
{
    struct frequency *frequency = model;
    const double distinct = (double)frequency->grams.count;
    const double all = (double)frequency->windows + distinct;
    const double possible = pow(CALLS_POSSIBLE, frequency->maker.length);
    for (size_t i = 0; i < (size_t)1 << frequency->grams.bits; i++) {
        struct gram *gram = &frequency->grams.slots[i];
        if (gram->key)
            gram->score = (float)-log(gram->number / all);
    }
    frequency->unseen =
        (float)(distinct > 0 && distinct < possible ? -log(distinct / all / (possible - distinct))
                                                    : log(possible));
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct frequency *frequency = model;
    const struct gram_map grams = frequency->grams;
    uint64_t prints[PATTERN_BATCH];
    for (size_t at = 0, batch; at < count; at += batch) {
        batch = pattern_batch(count - at);
        patterns_make(&frequency->maker, stream, codes + at, batch, prints);
        for (size_t i = 0; i < batch; i++) {
            const struct gram *gram = gram_map_slot(&grams, prints[i] ? prints[i] : 1);
            float score = gram->key ? gram->score : frequency->unseen;
            scores[at + i] = prints[i] ? score : SCORE_NONE;
        }
    }
}

static const struct detector_parameter PARAMETERS[] = {
    {"window", "calls in a window", 6, PATTERN_MIN, PATTERN_MAX, true, NULL},
};

const struct detector_kind kind_frequency = {
    .info = {"frequency", "how improbable a window is by its frequency in training (nats)",
             "Warrender, Forrest & Pearlmutter 1999; Witten & Bell 1991, method C", PARAMETERS, 1},
    .stream_size = sizeof(struct pattern_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
