/*
 * BoSC: a bag of calls that training never showed is a mismatch. As Abed, Clancy & Levy (2015)
 * have it, rare calls share one bucket of the bag and mismatches are counted over an epoch.
 *
 * The bucket costs nothing: its calls have one secret value in common. Which calls these are, only
 * the end of training can tell; until then the bags are kept as calls.
 */
#include "base/memory.h"
#include "detect/detector_kind.h"
#include "detect/known.h"

struct bosc {
    struct pattern_maker maker;
    struct fingerprints known;
    uint32_t epoch; /* calls; 0: every bag is judged by itself */
    uint32_t other; /* calls that keep a place of their own in the bag; 0: all of them */
    uint64_t times[CALL_CODES]; /* that each call was learned; with `other` */
    uint16_t *bags;             /* the calls of each known bag; with `other` */
    size_t bag_count, bag_room;
};

struct bosc_stream {
    struct pattern_stream pattern;
    uint32_t epoch_calls; /* of the current epoch */
    uint32_t mismatches;  /* in it */
};

static void *create(const struct detector_setup *setup, struct error *err)
{
    (void)err;
    struct bosc *bosc = memory_must(calloc(1, sizeof *bosc));
    pattern_maker_init(&bosc->maker, PATTERN_BAG, (uint32_t)setup->values[0]);
    fingerprints_init(&bosc->known);
    bosc->epoch = (uint32_t)setup->values[1];
    bosc->other = (uint32_t)setup->values[2];
    return bosc;
}

static void destroy(void *model)
{
    struct bosc *bosc = model;
    fingerprints_free(&bosc->known);
    free(bosc->bags);
    free(bosc);
}

static size_t memory(const void *model)
{
    const struct bosc *bosc = model;
    return sizeof *bosc + fingerprints_size(&bosc->known) +
           bosc->bag_room * bosc->maker.length * sizeof *bosc->bags;
}

static size_t patterns(const void *model)
{
    const struct bosc *bosc = model;
    return bosc->known.count;
}

static void keep_bag(struct bosc *bosc, const uint16_t *codes)
{
    const size_t length = bosc->maker.length;
    if (bosc->bag_count == bosc->bag_room) {
        bosc->bag_room = bosc->bag_room ? 2 * bosc->bag_room : 64;
        bosc->bags =
            memory_must(reallocarray(bosc->bags, bosc->bag_room * length, sizeof *bosc->bags));
    }
    memcpy(bosc->bags + bosc->bag_count++ * length, codes, length * sizeof *codes);
}

/* One call at a time, for the calls of a new bag are the stream's last ones. */
static void learn_calls(struct bosc *bosc, struct pattern_stream *stream, const uint16_t *codes,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t print;
        patterns_make(&bosc->maker, stream, codes + i, 1, &print);
        bosc->times[codes[i]]++;
        if (print && fingerprints_add(&bosc->known, print))
            keep_bag(bosc, stream->last + PATTERN_MAX - bosc->maker.length);
    }
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct bosc *bosc = model;
    struct bosc_stream *at = stream;
    if (bosc->other)
        learn_calls(bosc, &at->pattern, codes, count);
    else
        known_learn(&bosc->maker, &bosc->known, &at->pattern, codes, count);
}

/* Whether the call is one of the `other` most frequent ones; of equals the lower number is. */
static bool stands_alone(const struct bosc *bosc, uint32_t code)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < CALL_CODES; i++)
        before +=
            bosc->times[i] > bosc->times[code] || (i < code && bosc->times[i] == bosc->times[code]);
    return bosc->times[code] > 0 && before < bosc->other;
}

static void settle(void *model)
{
    struct bosc *bosc = model;
    if (!bosc->other)
        return;
    uint64_t bucket = 0; /* the value of its first call */
    struct pattern_secret *secret = &bosc->maker.secret;
    for (uint32_t code = 0; code < CALL_CODES; code++) {
        if (stands_alone(bosc, code))
            continue;
        if (bucket == 0)
            bucket = secret->value[code];
        secret->value[code] = bucket;
    }
    fingerprints_free(&bosc->known);
    fingerprints_init(&bosc->known);
    for (size_t i = 0; i < bosc->bag_count; i++)
        fingerprints_add(&bosc->known, secret_fingerprint(secret, PATTERN_BAG, bosc->maker.length,
                                                          bosc->bags + i * bosc->maker.length));
    free(bosc->bags);
    bosc->bags = NULL;
    bosc->bag_count = bosc->bag_room = 0;
}

/* Turns mismatches into their number in the epoch so far. */
static void count_in_epochs(const struct bosc *bosc, struct bosc_stream *stream, float *scores,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (stream->epoch_calls == bosc->epoch)
            stream->epoch_calls = stream->mismatches = 0;
        stream->epoch_calls++;
        stream->mismatches += scores[i] > 0;
        if (scores[i] >= 0)
            scores[i] = (float)stream->mismatches;
    }
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    const struct bosc *bosc = model;
    struct bosc_stream *at = stream;
    known_judge(&bosc->maker, &bosc->known, &at->pattern, codes, count, scores);
    if (bosc->epoch)
        count_in_epochs(bosc, at, scores, count);
}

static const struct detector_parameter PARAMETERS[] = {
    {"bag", "calls in a bag", 6, PATTERN_MIN, PATTERN_MAX, true, NULL},
    {"epoch", "calls over which mismatches are counted; 0: each bag by itself", 0, 0, 1000000, true,
     NULL},
    {"other", "most frequent calls told apart, the rest being one; 0: all are told apart", 0, 0,
     CALL_CODES, true, NULL},
};

const struct detector_kind kind_bosc = {
    .info = {"bosc", "bags never seen in training (1 each, or their number in the epoch so far)",
             "Kang, Fuller & Honavar 2005; Abed, Clancy & Levy 2015", PARAMETERS, 3},
    .stream_size = sizeof(struct bosc_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
};
