/* t-STIDE: windows that were rare in training count as mismatches, too. */
#include "base/memory.h"
#include "detect/detector_kind.h"
#include "detect/gram_map.h"
#include "detect/known.h"

struct tstide {
    struct pattern_maker maker;
    double rare;
    uint64_t windows;          /* learned, repeats included */
    struct gram_map times;     /* of each window; empty once settled */
    struct fingerprints known; /* the windows that are not rare; once settled */
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct tstide *tstide = memory_must(calloc(1, sizeof *tstide));
    pattern_maker_init(&tstide->maker, PATTERN_WINDOW, (uint32_t)setup->values[0]);
    tstide->rare = setup->values[1];
    gram_map_init(&tstide->times);
    fingerprints_init(&tstide->known);
    return tstide;
}

static void destroy(void *model)
{
    struct tstide *tstide = model;
    gram_map_free(&tstide->times);
    fingerprints_free(&tstide->known);
    free(tstide);
}

static size_t memory(const void *model)
{
    const struct tstide *tstide = model;
    return sizeof *tstide + gram_map_size(&tstide->times) + fingerprints_size(&tstide->known);
}

static size_t patterns(const void *model)
{
    const struct tstide *tstide = model;
    return tstide->times.count;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct tstide *tstide = model;
    tstide->windows += gram_map_count(&tstide->times, &tstide->maker, stream, codes, count);
}

static void settle(void *model)
{
    struct tstide *tstide = model;
    const double enough = tstide->rare * (double)tstide->windows;
    for (size_t i = 0; i < (size_t)1 << tstide->times.bits; i++) {
        const struct gram *gram = &tstide->times.slots[i];
        if (gram->key && gram->number >= enough)
            fingerprints_add(&tstide->known, gram->key);
    }
    gram_map_free(&tstide->times);
    gram_map_init(&tstide->times);
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct tstide *tstide = model;
    known_judge(&tstide->maker, &tstide->known, stream, codes, count, scores);
}

static const struct detector_parameter PARAMETERS[] = {
    {"window", "calls in a window", 6, PATTERN_MIN, PATTERN_MAX, true, NULL},
    {"rare", "share of the training's windows below which a window is rare", 0.00001, 0, 1, false,
     NULL},
};

const struct detector_kind kind_tstide = {
    .info = {"tstide", "windows never or rarely seen in training (1 each)",
             "Warrender, Forrest & Pearlmutter 1999", PARAMETERS, 2},
    .stream_size = sizeof(struct pattern_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
