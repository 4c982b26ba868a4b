/*
 * A quorum: several detectors judge each call, and what they say is brought together. Every fifth
 * piece of the training (a stream, or 10,000 calls of a long one) is kept from the members. What
 * they say of it afterwards tells how unusual a score of theirs is in normal operation, and so
 * makes the scores comparable (detect/calibration.h).
 *
 * any, majority, k: the score is that of the k-th most alarmed member: a threshold on it is a vote.
 * weights: the mean over the members, weighted by the inverse of the variance of what each says of
 * the pieces held out. Of all means of independent members this varies least in normal operation
 * (Bates & Granger 1969); no attack is needed to find it, and none was used.
 */
#include <string.h>

#include "base/memory.h"
#include "detect/calibration.h"
#include "detect/detector_kind.h"
#include "detect/held_out.h"
#include "detect/smoothing.h"

#define PIECE 10000 /* calls of a stream that are held out or learned together */
#define EVERY 5     /* one of so many is held out */
#define BATCH 256   /* calls at a time */

enum rule { RULE_ANY, RULE_MAJORITY, RULE_K, RULE_WEIGHTS };

struct quorum {
    enum rule rule;
    uint32_t k; /* members that must be alarmed; not for RULE_WEIGHTS */
    uint32_t smooth;
    size_t count;
    struct detector *members[DETECTOR_MEMBERS];
    struct calibration calibrations[DETECTOR_MEMBERS];
    float weights[DETECTOR_MEMBERS]; /* 1 in all */
    size_t pieces;                   /* begun in the training so far */
    struct held_out held;
};

struct quorum_stream {
    const struct quorum *quorum;
    struct detector_stream *members[DETECTOR_MEMBERS];
    struct smoothing smoothings[DETECTOR_MEMBERS];
    float unusual[DETECTOR_MEMBERS]; /* what each member last said */
    /* Learning: */
    size_t piece_calls;
    uint16_t *piece; /* the calls of the piece when it is held out; NULL when it is learned */
};

/* ---- the model ---- */

static uint32_t votes_needed(enum rule rule, uint32_t k, size_t members)
{
    if (rule == RULE_ANY)
        return 1;
    return rule == RULE_MAJORITY ? (uint32_t)members / 2 + 1 : k;
}

static void *create(const struct detector_setup *setup, struct error *err)
{
    enum rule rule = (enum rule)setup->values[0];
    uint32_t k = votes_needed(rule, (uint32_t)setup->values[1], setup->member_count);
    if (rule == RULE_K && k > setup->member_count) {
        error_set(err, EXIT_USAGE, 0, "k=%u of %zu members", k, setup->member_count);
        return NULL;
    }
    struct quorum *quorum = memory_must(calloc(1, sizeof *quorum));
    quorum->rule = rule;
    quorum->k = k;
    quorum->smooth = (uint32_t)setup->values[2];
    quorum->count = setup->member_count;
    memcpy(quorum->members, setup->members, sizeof quorum->members);
    return quorum;
}

static void destroy(void *model)
{
    struct quorum *quorum = model;
    for (size_t i = 0; i < quorum->count; i++)
        detector_free(quorum->members[i]);
    held_out_clear(&quorum->held);
    free(quorum);
}

static size_t memory(const void *model)
{
    const struct quorum *quorum = model;
    size_t bytes = sizeof *quorum + quorum->held.room * sizeof *quorum->held.codes +
                   quorum->held.piece_room * sizeof *quorum->held.ends;
    for (size_t i = 0; i < quorum->count; i++)
        bytes += detector_memory(quorum->members[i]);
    return bytes;
}

static size_t patterns(const void *model)
{
    const struct quorum *quorum = model;
    size_t count = 0;
    for (size_t i = 0; i < quorum->count; i++)
        count += detector_patterns(quorum->members[i]);
    return count;
}

/* ---- streams ---- */

static void stream_open(const void *model, void *stream)
{
    const struct quorum *quorum = model;
    struct quorum_stream *at = stream;
    at->quorum = quorum;
    for (size_t i = 0; i < quorum->count; i++) {
        at->members[i] = detector_stream_new(quorum->members[i]);
        smoothing_init(&at->smoothings[i], quorum->smooth);
    }
}

static void stream_reset(void *stream)
{
    struct quorum_stream *at = stream;
    for (size_t i = 0; i < at->quorum->count; i++) {
        detector_stream_reset(at->members[i]);
        smoothing_reset(&at->smoothings[i]);
        at->unusual[i] = 0;
    }
    at->piece_calls = 0;
    free(at->piece);
    at->piece = NULL;
}

static void stream_close(void *stream)
{
    struct quorum_stream *at = stream;
    for (size_t i = 0; i < at->quorum->count; i++) {
        detector_stream_free(at->members[i]);
        smoothing_free(&at->smoothings[i]);
    }
    free(at->piece);
}

/* ---- learning ---- */

static void members_learn_end(struct quorum *quorum, struct quorum_stream *stream)
{
    for (size_t i = 0; i < quorum->count; i++)
        detector_learn_end(quorum->members[i], stream->members[i]);
}

/* What the members learn before a piece that is held out and after it is not one stream. */
static void begin_piece(struct quorum *quorum, struct quorum_stream *stream)
{
    bool room = quorum->held.count + PIECE <= HELD_OUT_CALLS;
    if (++quorum->pieces % EVERY == 0 && room) {
        members_learn_end(quorum, stream);
        stream->piece = memory_must(malloc(PIECE * sizeof *stream->piece));
    }
}

static void end_piece(struct quorum *quorum, struct quorum_stream *stream)
{
    if (stream->piece && stream->piece_calls)
        held_out_add(&quorum->held, stream->piece, stream->piece_calls);
    free(stream->piece);
    stream->piece = NULL;
    stream->piece_calls = 0;
}

static void learn(void *model, void *stream, const uint16_t *codes, size_t count)
{
    struct quorum *quorum = model;
    struct quorum_stream *at = stream;
    for (size_t some; count > 0; codes += some, count -= some) {
        if (at->piece_calls == 0)
            begin_piece(quorum, at);
        some = count < PIECE - at->piece_calls ? count : PIECE - at->piece_calls;
        if (at->piece)
            memcpy(at->piece + at->piece_calls, codes, some * sizeof *codes);
        for (size_t i = 0; i < quorum->count && !at->piece; i++)
            detector_learn(quorum->members[i], at->members[i], codes, some);
        at->piece_calls += some;
        if (at->piece_calls == PIECE)
            end_piece(quorum, at);
    }
}

static void learn_end(void *model, void *stream)
{
    end_piece(model, stream);
    members_learn_end(model, stream);
}

/* ---- settling: what the members say of the pieces held out ---- */

/* A member's smoothed scores of all pieces held out, one after the other. */
static void judge_held_out(const struct quorum *quorum, const struct detector *member,
                           float *scores)
{
    const struct held_out *held = &quorum->held;
    struct detector_stream *stream = detector_stream_new(member);
    struct smoothing smoothing;
    smoothing_init(&smoothing, quorum->smooth);
    for (size_t piece = 0, count; piece < held->pieces; piece++, scores += count) {
        const uint16_t *codes = held_out_piece(held, piece, &count);
        detector_stream_reset(stream);
        smoothing_reset(&smoothing);
        detector_judge(member, stream, codes, count, scores);
        float last = 0;
        for (size_t i = 0; i < count; i++)
            last = scores[i] = scores[i] < 0 ? last : smoothing_push(&smoothing, scores[i]);
    }
    smoothing_free(&smoothing);
    detector_stream_free(stream);
}

/* The variance of a member's mean over the pieces: how much its say changes while nothing does. */
static double variance(const struct quorum *quorum, const struct calibration *calibration,
                       const float *scores)
{
    const struct held_out *held = &quorum->held;
    double sum = 0, squares = 0;
    for (size_t piece = 0, count; piece < held->pieces; piece++, scores += count) {
        double unusual = 0;
        held_out_piece(held, piece, &count);
        for (size_t i = 0; i < count; i++)
            unusual += calibration_of(calibration, scores[i]);
        sum += unusual / (double)count;
        squares += unusual / (double)count * (unusual / (double)count);
    }
    double mean = held->pieces ? sum / (double)held->pieces : 0;
    return held->pieces ? squares / (double)held->pieces - mean * mean : 0;
}

/* A member that never stirred counts as one with a hundredth of all variance: it may be blind. */
static void weigh(struct quorum *quorum, const double *variances)
{
    double all = 0, sum = 0;
    for (size_t i = 0; i < quorum->count; i++)
        all += variances[i];
    for (size_t i = 0; i < quorum->count; i++) {
        double least = all > 0 ? all / 100 : 1;
        quorum->weights[i] = (float)(1 / (variances[i] > least ? variances[i] : least));
        sum += quorum->weights[i];
    }
    for (size_t i = 0; i < quorum->count; i++)
        quorum->weights[i] = (float)(quorum->weights[i] / sum);
}

static void settle(void *model)
{
    struct quorum *quorum = model;
    double variances[DETECTOR_MEMBERS];
    float *scores = memory_must(calloc(quorum->held.count + 1, sizeof *scores));
    for (size_t i = 0; i < quorum->count; i++) {
        detector_settle(quorum->members[i]);
        judge_held_out(quorum, quorum->members[i], scores);
        calibration_init(&quorum->calibrations[i], scores, quorum->held.count);
        variances[i] = variance(quorum, &quorum->calibrations[i], scores);
    }
    weigh(quorum, variances);
    free(scores);
    held_out_clear(&quorum->held);
}

/* ---- judging ---- */

/* The k-th largest of what the members say. */
static float vote(const struct quorum *quorum, const float *unusual)
{
    float sorted[DETECTOR_MEMBERS] = {0};
    for (size_t i = 0; i < quorum->count; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] < unusual[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = unusual[i];
    }
    return sorted[quorum->k - 1];
}

static float weighted(const struct quorum *quorum, const float *unusual)
{
    float sum = 0;
    for (size_t i = 0; i < quorum->count; i++)
        sum += quorum->weights[i] * unusual[i];
    return sum;
}

static void judge_batch(const struct quorum *quorum, struct quorum_stream *stream,
                        const uint16_t *codes, size_t count, float *scores)
{
    float members[DETECTOR_MEMBERS][BATCH];
    for (size_t i = 0; i < quorum->count; i++)
        detector_judge(quorum->members[i], stream->members[i], codes, count, members[i]);
    for (size_t call = 0; call < count; call++) {
        bool any = false; /* a member had something to say */
        for (size_t i = 0; i < quorum->count; i++) {
            if (members[i][call] < 0)
                continue;
            any = true;
            stream->unusual[i] = calibration_of(
                &quorum->calibrations[i], smoothing_push(&stream->smoothings[i], members[i][call]));
        }
        float score = quorum->rule == RULE_WEIGHTS ? weighted(quorum, stream->unusual)
                                                   : vote(quorum, stream->unusual);
        scores[call] = any ? score : SCORE_NONE;
    }
}

static void judge(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores)
{
    for (size_t at = 0, batch; at < count; at += batch) {
        batch = count - at < BATCH ? count - at : BATCH;
        judge_batch(model, stream, codes + at, batch, scores + at);
    }
}

static const char *const RULES[] = {"any", "majority", "k", "weights", NULL};
static const struct detector_parameter PARAMETERS[] = {
    {"rule", "whose say counts: any member's, a majority's, k members', or a weighted mean",
     RULE_MAJORITY, RULE_ANY, RULE_WEIGHTS, true, RULES},
    {"k", "members, for rule=k", 2, 1, DETECTOR_MEMBERS, true, NULL},
    {"smooth", "scores of each member that are summed up first", 20, 1, 1000, true, NULL},
};

const struct detector_kind kind_quorum = {
    .info = {"quorum", "how unusual its members find a call (nats)",
             "weights: Bates & Granger 1969", PARAMETERS, 3},
    .has_members = true,
    .stream_size = sizeof(struct quorum_stream),
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .patterns = patterns,
    .learn = learn,
    .settle = settle,
    .judge = judge,
    .stream_open = stream_open,
    .stream_reset = stream_reset,
    .stream_close = stream_close,
    .learn_end = learn_end,
};
