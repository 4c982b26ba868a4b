/*
 * quorum: it says what a plain reading of its rules gives, which has the same members as detectors
 * of their own, keeps all their scores, and counts and sorts them anew for every call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detector.h"

#define TRACES  23
#define PIECE   10000
#define LONG    (5 * PIECE + 100) /* calls of the longest trace */
#define JUDGED  3000
#define MEMBERS 3
#define STEPS   4096

static const char *const SPECIFICATIONS[MEMBERS] = {"stide:window=3", "bosc:bag=5",
                                                    "markov:order=3"};

static uint64_t random_below(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*state >> 33) % below;
}

struct trace {
    uint16_t codes[LONG];
    size_t length;
};

static void make_trace(struct trace *trace, size_t length, uint64_t foreign, uint64_t *seed)
{
    trace->length = length;
    for (size_t i = 0; i < length; i++)
        trace->codes[i] =
            (uint16_t)(random_below(seed, 40) ? i % 11 * 3 % 7 : random_below(seed, foreign));
}

static struct trace *make_training(void)
{
    uint64_t seed = 5;
    struct trace *traces = calloc(TRACES, sizeof *traces);
    assert_non_null(traces);
    for (size_t t = 0; t < TRACES; t++)
        make_trace(&traces[t], t == 7 ? LONG : random_below(&seed, 300), 12, &seed);
    return traces;
}

/* ---- the plain reading ---- */

struct plain {
    struct detector *members[MEMBERS];
    float *held[MEMBERS]; /* smoothed scores of what was held out */
    float highest[MEMBERS];
    double means[MEMBERS][TRACES + LONG / PIECE]; /* of how unusual they were, a piece each */
    size_t pieces, held_count;
    uint32_t smooth;
};

static void plain_sums(float *scores, size_t count, uint32_t smooth)
{
    float *raw = malloc((count + 1) * sizeof *raw);
    memcpy(raw, scores, count * sizeof *raw);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        uint32_t summed = 0;
        for (size_t j = i + 1; j-- > 0 && summed < smooth;)
            if (raw[j] >= 0) {
                sum += raw[j];
                summed++;
            }
        scores[i] = (float)sum;
    }
    free(raw);
}

static double plain_unusual(const struct plain *plain, size_t member, float score)
{
    const float most = plain->highest[member], per_score = STEPS / most;
    double as_high = 0;
    if (score <= 0)
        return 0;
    if (score * per_score > STEPS)
        return log((double)plain->held_count + 1) * score / most;
    for (size_t i = 0; i < plain->held_count; i++)
        as_high += floorf(plain->held[member][i] * per_score) >= floorf(score * per_score);
    return -log((as_high + 1) / ((double)plain->held_count + 1));
}

static bool every_fifth(size_t piece)
{
    return piece % 5 == 4;
}

/* A learned piece goes on from a learned one of the same trace. */
static void plain_learn(struct plain *plain, size_t member, const struct trace *traces)
{
    struct detector *detector = plain->members[member];
    struct detector_stream *stream = detector_stream_new(detector);
    size_t piece = 0;
    for (size_t t = 0; t < TRACES; t++) {
        for (size_t at = 0, count; at < traces[t].length; at += count) {
            count = traces[t].length - at < PIECE ? traces[t].length - at : PIECE;
            if (every_fifth(piece++))
                detector_learn_end(detector, stream);
            else
                detector_learn(detector, stream, traces[t].codes + at, count);
        }
        detector_learn_end(detector, stream);
    }
    detector_settle(detector);
    detector_stream_free(stream);
}

static void plain_hold_out(struct plain *plain, size_t member, const struct trace *traces,
                           size_t begins[])
{
    struct detector_stream *stream = detector_stream_new(plain->members[member]);
    size_t piece = 0;
    plain->pieces = plain->held_count = 0;
    for (size_t t = 0; t < TRACES; t++)
        for (size_t at = 0, count; at < traces[t].length; at += count) {
            count = traces[t].length - at < PIECE ? traces[t].length - at : PIECE;
            if (!every_fifth(piece++))
                continue;
            float *scores = plain->held[member] + plain->held_count;
            detector_stream_reset(stream);
            detector_judge(plain->members[member], stream, traces[t].codes + at, count, scores);
            plain_sums(scores, count, plain->smooth);
            begins[plain->pieces++] = plain->held_count;
            plain->held_count += count;
            for (size_t i = 0; i < count; i++)
                plain->highest[member] = fmaxf(plain->highest[member], scores[i]);
        }
    begins[plain->pieces] = plain->held_count;
    detector_stream_free(stream);
}

static void plain_new(struct plain *plain, const struct trace *traces, uint32_t smooth)
{
    struct error err;
    size_t begins[TRACES + LONG / PIECE + 1];
    *plain = (struct plain){.smooth = smooth};
    for (size_t m = 0; m < MEMBERS; m++) {
        plain->members[m] = detector_new(SPECIFICATIONS[m], &err);
        plain->held[m] = calloc(TRACES * 300 + LONG, sizeof *plain->held[m]);
        assert_true(plain->members[m] && plain->held[m]);
        plain_learn(plain, m, traces);
        plain_hold_out(plain, m, traces, begins);
        for (size_t piece = 0; piece < plain->pieces; piece++) {
            plain->means[m][piece] = 0;
            for (size_t i = begins[piece]; i < begins[piece + 1]; i++)
                plain->means[m][piece] += plain_unusual(plain, m, plain->held[m][i]);
            plain->means[m][piece] /= (double)(begins[piece + 1] - begins[piece]);
        }
    }
}

static void plain_free(struct plain *plain)
{
    for (size_t m = 0; m < MEMBERS; m++) {
        detector_free(plain->members[m]);
        free(plain->held[m]);
    }
}

static double plain_weight(const struct plain *plain, size_t member)
{
    double inverse[MEMBERS], all = 0;
    for (size_t m = 0; m < MEMBERS; m++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < plain->pieces; i++)
            mean += plain->means[m][i] / (double)plain->pieces;
        for (size_t i = 0; i < plain->pieces; i++)
            variance += pow(plain->means[m][i] - mean, 2) / (double)plain->pieces;
        inverse[m] = 1 / variance; /* none of these members is blind */
        all += inverse[m];
    }
    return inverse[member] / all;
}

static double kth_largest(const double *values, size_t k)
{
    for (size_t m = 0; m < MEMBERS; m++) {
        size_t larger = 0, equal = 0;
        for (size_t i = 0; i < MEMBERS; i++) {
            larger += values[i] > values[m];
            equal += values[i] == values[m];
        }
        if (larger < k && larger + equal >= k)
            return values[m];
    }
    return NAN;
}

/* expected[i]: k-th largest, or the weighted mean for k = 0. */
static void plain_judge(const struct plain *plain, const struct trace *trace, size_t k,
                        double *expected)
{
    static float scores[MEMBERS][JUDGED];
    bool none[JUDGED];
    memset(none, true, sizeof none);
    for (size_t m = 0; m < MEMBERS; m++) {
        struct detector_stream *stream = detector_stream_new(plain->members[m]);
        detector_judge(plain->members[m], stream, trace->codes, trace->length, scores[m]);
        detector_stream_free(stream);
        for (size_t i = 0; i < trace->length; i++)
            none[i] = none[i] && scores[m][i] < 0;
        plain_sums(scores[m], trace->length, plain->smooth);
    }
    double weights[MEMBERS];
    for (size_t m = 0; m < MEMBERS; m++)
        weights[m] = plain_weight(plain, m);
    for (size_t i = 0; i < trace->length; i++) {
        double unusual[MEMBERS], sum = 0;
        for (size_t m = 0; m < MEMBERS; m++) {
            unusual[m] = plain_unusual(plain, m, scores[m][i]);
            sum += weights[m] * unusual[m];
        }
        expected[i] = none[i] ? SCORE_NONE : k ? kth_largest(unusual, k) : sum;
    }
}

/* ---- the comparison ---- */

static struct detector *new_quorum(const char *parameters, const struct trace *traces)
{
    struct error err;
    char specification[256];
    uint64_t seed = 9;
    snprintf(specification, sizeof specification, "quorum:%s(%s %s %s)", parameters,
             SPECIFICATIONS[0], SPECIFICATIONS[1], SPECIFICATIONS[2]);
    struct detector *quorum = detector_new(specification, &err);
    assert_non_null(quorum);
    struct detector_stream *stream = detector_stream_new(quorum);
    for (size_t t = 0; t < TRACES; t++) {
        for (size_t at = 0, some; at < traces[t].length; at += some) {
            some = 1 + random_below(&seed, traces[t].length - at);
            detector_learn(quorum, stream, traces[t].codes + at, some);
        }
        detector_learn_end(quorum, stream);
    }
    detector_stream_free(stream);
    detector_settle(quorum);
    return quorum;
}

static void assert_agrees(const char *parameters, uint32_t smooth, size_t k)
{
    struct trace *traces = make_training();
    struct trace *judged = calloc(1, sizeof *judged);
    float *scores = calloc(JUDGED, sizeof *scores);
    double *expected = calloc(JUDGED, sizeof *expected);
    struct plain plain;
    uint64_t seed = 77;
    assert_true(judged && scores && expected);
    plain_new(&plain, traces, smooth);
    make_trace(judged, JUDGED, 30, &seed);
    plain_judge(&plain, judged, k, expected);
    struct detector *quorum = new_quorum(parameters, traces);
    struct detector_stream *stream = detector_stream_new(quorum);
    for (size_t i = 0, some; i < JUDGED; i += some) {
        some = 1 + random_below(&seed, JUDGED - i);
        detector_judge(quorum, stream, judged->codes + i, some, scores + i);
    }
    for (size_t i = 0; i < JUDGED; i++)
        assert_float_equal(scores[i], expected[i], 1e-2);
    detector_stream_free(stream);
    detector_free(quorum);
    plain_free(&plain);
    free(expected);
    free(scores);
    free(judged);
    free(traces);
}

static void the_most_alarmed_member_decides(void **state)
{
    (void)state;
    assert_agrees("rule=any,smooth=1", 1, 1);
}

static void the_majority_decides(void **state)
{
    (void)state;
    assert_agrees("rule=majority", 20, 2);
}

static void as_many_as_are_asked_for_decide(void **state)
{
    (void)state;
    assert_agrees("rule=k,k=3,smooth=5", 5, 3);
}

static void steady_members_weigh_more(void **state)
{
    (void)state;
    assert_agrees("rule=weights,smooth=10", 10, 0);
}

/* Too little training to hold anything out: a vote is still one. */
static void without_anything_held_out_any_mismatch_is_unusual(void **state)
{
    (void)state;
    struct error err;
    const uint16_t normal[] = {1, 2, 3, 1, 2, 3}, strange[] = {1, 2, 3, 9, 9};
    float scores[6];
    struct detector *quorum = detector_new("quorum:smooth=1(stide:window=2 graph)", &err);
    assert_non_null(quorum);
    struct detector_stream *stream = detector_stream_new(quorum);
    detector_learn(quorum, stream, normal, 6);
    detector_learn_end(quorum, stream);
    detector_settle(quorum);
    detector_judge(quorum, stream, normal, 6, scores);
    assert_float_equal(scores[0], SCORE_NONE, 0);
    for (size_t i = 1; i < 6; i++)
        assert_float_equal(scores[i], 0, 0);
    detector_stream_reset(stream);
    detector_judge(quorum, stream, strange, 5, scores);
    assert_true(scores[2] == 0 && scores[3] > 0 && scores[4] > 0);
    detector_stream_free(stream);
    detector_free(quorum);
}

static void a_bad_quorum_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"quorum", "no members (write quorum(stide bosc))"},
        {"quorum( )", "no members"},
        {"quorum:rule=most(stide)", "rule: \"most\" is not one of any, majority, k, weights"},
        {"quorum:rule=k,k=3(stide bosc)", "k=3 of 2 members"},
        {"quorum:k=9(stide)", "k: \"9\" is not a whole number from 1 to 8"},
        {"quorum(stide stdie)", "no detector is called \"stdie\""},
        {"quorum(stide quorum)", "a quorum cannot be a member"},
        {"quorum(stide quorum(bosc))", "a quorum cannot be a member"},
        {"quorum(stide", "\"(\" without \")\""},
        {"quorum(graph graph graph graph graph graph graph graph graph)", "more than 8 members"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        assert_null(detector_new(bad[i][0], &err));
        assert_int_equal(err.code, EXIT_USAGE);
        assert_non_null(strstr(err.text, bad[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_alarmed_member_decides),
        cmocka_unit_test(the_majority_decides),
        cmocka_unit_test(as_many_as_are_asked_for_decide),
        cmocka_unit_test(steady_members_weigh_more),
        cmocka_unit_test(without_anything_held_out_any_mismatch_is_unusual),
        cmocka_unit_test(a_bad_quorum_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests_name("quorum", tests, NULL, NULL);
}
