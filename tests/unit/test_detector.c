/* The detectors: on random traces each says what its definition gives (plain_detectors.h), however
 * the calls are cut into pieces. Specifications: what is understood, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plain_detectors.h"

static uint64_t random_below(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*state >> 33) % below;
}

/* Calls of a small alphabet in loops, with foreign ones strewn in, 32-bit ones among them. */
static void make_trace(struct plain_trace *trace, uint64_t *seed, size_t length, uint64_t foreign)
{
    trace->length = length;
    for (size_t i = 0; i < length; i++) {
        trace->codes[i] = (uint16_t)(i % 7 * i % 5);
        if (random_below(seed, 100) < 15)
            trace->codes[i] = (uint16_t)random_below(seed, foreign);
        if (random_below(seed, 100) < 3)
            trace->codes[i] = (uint16_t)(1023 - random_below(seed, 2));
    }
}

static void learn(struct detector *detector, const struct plain_training *training, uint64_t *seed)
{
    struct detector_stream *stream = detector_stream_new(detector);
    for (size_t t = 0; t < training->count; t++) {
        const struct plain_trace *trace = &training->traces[t];
        for (size_t i = 0, piece; i < trace->length; i += piece) {
            piece = 1 + random_below(seed, trace->length - i);
            detector_learn(detector, stream, trace->codes + i, piece);
        }
        detector_learn_end(detector, stream);
    }
    detector_stream_free(stream);
    detector_settle(detector);
}

static void judge(const struct detector *detector, struct detector_stream *stream,
                  const struct plain_trace *trace, uint64_t *seed, float *scores)
{
    for (size_t i = 0, piece; i < trace->length; i += piece) {
        piece = 1 + random_below(seed, random_below(seed, 2) ? 3 : trace->length - i);
        piece = piece < trace->length - i ? piece : trace->length - i;
        detector_judge(detector, stream, trace->codes + i, piece, scores + i);
    }
}

static void assert_agrees(const char *specification, plain_score *plain, const double *p,
                          const struct plain_training *training, uint64_t *seed)
{
    struct error err;
    struct detector *detector = detector_new(specification, &err);
    assert_non_null(detector);
    learn(detector, training, seed);
    struct detector_stream *stream = detector_stream_new(detector);
    for (int run = 0; run < 3; run++) {
        struct plain_trace trace;
        float scores[PLAIN_CALLS];
        make_trace(&trace, seed, run ? 60 : 1 + random_below(seed, 8), 12);
        judge(detector, stream, &trace, seed, scores);
        for (size_t i = 0; i < trace.length; i++)
            assert_float_equal(scores[i], plain(training, trace.codes, i + 1, p), 1e-4);
        detector_stream_reset(stream);
    }
    detector_stream_free(stream);
    detector_free(detector);
}

static void make_training(struct plain_training *training, uint64_t seed)
{
    training->count = seed % PLAIN_TRACES;
    for (size_t t = 0; t < training->count; t++)
        make_trace(&training->traces[t], &seed, random_below(&seed, 80), 10);
}

static void every_kind_agrees_with_its_definition(void **state)
{
    (void)state;
    static const struct {
        const char *specification;
        plain_score *plain;
        double p[4];
    } cases[] = {
        {"stide:window=2", plain_stide, {2}},
        {"stide", plain_stide, {6}},
        {"stide:window=7", plain_stide, {7}},
        {"stide:window=16", plain_stide, {16}},
        {"tstide:window=3,rare=0.02", plain_tstide, {3, 0.02}},
        {"tstide", plain_tstide, {6, 0.00001}},
        {"bosc", plain_bosc, {6, 0, 0}},
        {"bosc:bag=2,epoch=10", plain_bosc, {2, 10, 0}},
        {"bosc:bag=10,epoch=7,other=3", plain_bosc, {10, 7, 3}},
        {"bosc:bag=4,other=1", plain_bosc, {4, 0, 1}},
        {"bosc:bag=16,other=1024", plain_bosc, {16, 0, 1024}},
        {"lookahead", plain_lookahead, {9}},
        {"lookahead:window=2", plain_lookahead, {2}},
        {"lookahead:window=16", plain_lookahead, {16}},
        {"frequency", plain_frequency, {6}},
        {"frequency:window=2", plain_frequency, {2}},
        {"frequency:window=9", plain_frequency, {9}},
        {"graph", plain_graph, {0}},
        {"markov:order=1,weight=1", plain_markov, {1, 1}},
        {"markov:order=2,weight=0.5", plain_markov, {2, 0.5}},
        {"markov:order=5", plain_markov, {5, 16}},
        {"markov:order=16,weight=1", plain_markov, {16, 1}},
        {"best", plain_markov, {12, 16}},
    };
    struct plain_training *training = calloc(1, sizeof *training);
    assert_non_null(training);
    for (uint64_t seed = 5; seed <= 8; seed++) { /* 8: no training at all */
        make_training(training, seed);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            assert_agrees(cases[i].specification, cases[i].plain, cases[i].p, training,
                          &(uint64_t){seed});
    }
    free(training);
}

static void a_name_spells_out_every_parameter(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"stide", "stide:window=6"},
        {"stide:window=16", "stide:window=16"},
        {"tstide:rare=0.25", "tstide:window=6,rare=0.25"},
        {"bosc:epoch=500,bag=10", "bosc:bag=10,epoch=500,other=0"},
        {"graph", "graph"},
        {"best", "markov:order=12,weight=16"},
        {"quorum:rule=any(stide  graph )", "quorum:rule=any,k=2,smooth=20(stide:window=6 graph)"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct error err;
        struct detector *detector = detector_new(names[i][0], &err);
        assert_non_null(detector);
        assert_string_equal(detector_name(detector), names[i][1]);
        struct detector *again = detector_new(names[i][1], &err);
        assert_non_null(again);
        assert_string_equal(detector_name(again), names[i][1]);
        detector_free(again);
        detector_free(detector);
    }
}

static void a_bad_specification_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "no detector is called \"\" (there are: best, stide"},
        {"stdie", "no detector is called \"stdie\""},
        {"stide:", "stide has no parameter \"\" (it has: window)"},
        {"stide:window", "window: no value (write window=VALUE)"},
        {"stide:window=", "window: \"\" is not a whole number from 2 to 16"},
        {"stide:window=1", "window: \"1\" is not a whole number from 2 to 16"},
        {"stide:window=17", "window: \"17\" is not"},
        {"stide:window=6x", "window: \"6x\" is not"},
        {"stide:bag=6", "stide has no parameter \"bag\" (it has: window)"},
        {"stide:window=6,", "stide has no parameter \"\""},
        {"graph:x=1", "graph has no parameter \"x\" (it has: none)"},
        {"tstide:rare=2", "rare: \"2\" is not a number from 0 to 1"},
        {"tstide:rare=nan", "rare: \"nan\" is not"},
        {"stide(bosc)", "stide has no members"},
        {"stide(", "\"(\" without \")\" at the end"},
        {"stide()x", "\"(\" without \")\" at the end"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        assert_null(detector_new(bad[i][0], &err));
        assert_int_equal(err.code, EXIT_USAGE);
        assert_non_null(strstr(err.text, bad[i][1]));
        assert_non_null(strstr(err.text, "detector \""));
    }
}

/* Help and documents print them. */
static void every_kind_describes_itself(void **state)
{
    (void)state;
    size_t count;
    const struct detector_kind_info *const *kinds = detector_kinds(&count);
    assert_true(count >= 8);
    for (size_t i = 0; i < count; i++) {
        assert_true(kinds[i]->about[0] && kinds[i]->source[0]);
        for (size_t j = 0; j < kinds[i]->parameter_count; j++) {
            const struct detector_parameter *parameter = &kinds[i]->parameters[j];
            assert_true(parameter->name[0] && parameter->about[0]);
            assert_true(parameter->initial >= parameter->least);
            assert_true(parameter->initial <= parameter->most);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_agrees_with_its_definition),
        cmocka_unit_test(a_name_spells_out_every_parameter),
        cmocka_unit_test(a_bad_specification_is_refused_with_its_reason),
        cmocka_unit_test(every_kind_describes_itself),
    };
    return cmocka_run_group_tests_name("detector", tests, NULL, NULL);
}
