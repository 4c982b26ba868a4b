/* scorer: which calls make a stream, what its sums are, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "detect/scorer.h"

#define CALLS 5000

static uint64_t random_below(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*state >> 33) % below;
}

/* Three processes of two threads each, and every kind of mark. */
static void make_calls(struct call *calls, uint64_t seed)
{
    for (size_t i = 0; i < CALLS; i++) {
        uint32_t process = (uint32_t)random_below(&seed, 3);
        calls[i] = (struct call){.pid = 100 + 10 * process};
        calls[i].tid = calls[i].pid + (uint32_t)random_below(&seed, 2);
        calls[i].number = (uint16_t)random_below(&seed, 4);
        uint64_t die = random_below(&seed, 300);
        if (die < 4)
            calls[i].kind = (uint8_t)(CALL_EXEC + die);
        if (calls[i].kind == CALL_LOST && random_below(&seed, 2))
            calls[i].tid = calls[i].pid = 0;
    }
}

/* ---- the plain reading: each call looks back for the calls of its stream ---- */

static bool same_stream(enum scope scope, const struct call *a, const struct call *b)
{
    return scope == SCOPE_CONTAINER || (scope == SCOPE_PROCESS && a->pid == b->pid) ||
           (scope == SCOPE_THREAD && a->tid == b->tid);
}

static bool begins_anew(enum scope scope, const struct call *mark, const struct call *call)
{
    if (mark->kind == CALL_LOST && mark->tid == 0)
        return true;
    if (!same_stream(scope, mark, call))
        return false;
    switch (scope) {
    case SCOPE_THREAD:
        return true;
    case SCOPE_PROCESS:
        return mark->kind == CALL_EXEC || mark->kind == CALL_LOST || mark->tid == mark->pid;
    default:
        return mark->kind == CALL_LOST;
    }
}

/* The codes of the stream that ends with calls[last], oldest first; returns how many. */
static size_t stream_of(enum scope scope, const struct call *calls, size_t last, uint16_t *codes)
{
    size_t begin = last;
    while (begin > 0 && !(calls[begin - 1].kind != CALL_ENTER &&
                          begins_anew(scope, &calls[begin - 1], &calls[last])))
        begin--;
    size_t count = 0;
    for (size_t i = begin; i <= last; i++)
        if (calls[i].kind == CALL_ENTER && same_stream(scope, &calls[i], &calls[last]))
            codes[count++] = calls[i].number;
    return count;
}

static double plain_sum(const struct detector *detector, const uint16_t *codes, size_t count,
                        uint32_t smooth)
{
    static float scores[CALLS];
    struct detector_stream *stream = detector_stream_new(detector);
    detector_judge(detector, stream, codes, count, scores);
    detector_stream_free(stream);
    if (scores[count - 1] < 0)
        return SCORE_NONE;
    double sum = 0;
    for (uint32_t summed = 0; count-- > 0 && summed < smooth; summed += scores[count] >= 0)
        sum += scores[count] >= 0 ? scores[count] : 0;
    return sum;
}

static void assert_agrees(enum scope scope, uint32_t smooth, const char *specification)
{
    static struct call calls[CALLS], learned[CALLS];
    static float scores[CALLS];
    static uint16_t codes[CALLS];
    struct error err;
    uint64_t seed = 7;
    make_calls(learned, 3);
    make_calls(calls, 4);
    struct detector *detector = detector_new(specification, &err);
    assert_non_null(detector);
    struct scorer *scorer = scorer_new(detector, scope, smooth);
    scorer_learn(scorer, learned, CALLS / 20);
    scorer_restart(scorer);
    detector_settle(detector);
    for (size_t i = 0, piece; i < CALLS; i += piece) {
        piece = 1 + random_below(&seed, CALLS - i);
        scorer_judge(scorer, calls + i, piece, scores + i);
    }
    for (size_t i = 0; i < CALLS; i += 1 + i / 50) {
        double expected = SCORE_NONE;
        if (calls[i].kind == CALL_ENTER) {
            size_t count = stream_of(scope, calls, i, codes);
            expected = plain_sum(detector, codes, count, smooth);
        }
        assert_float_equal(scores[i], expected, 1e-3);
    }
    scorer_free(scorer);
    detector_free(detector);
}

static void scores_are_those_of_the_streams(void **state)
{
    (void)state;
    for (enum scope scope = SCOPE_THREAD; scope <= SCOPE_CONTAINER; scope++) {
        assert_agrees(scope, 1, "stide:window=4");
        assert_agrees(scope, 20, "stide:window=4");
        assert_agrees(scope, 3, "frequency:window=3");
        assert_agrees(scope, SCORER_SMOOTH_MAX, "graph");
    }
}

/* Learned is what the streams show, and nothing across their ends. */
static void learning_follows_the_streams(void **state)
{
    (void)state;
    struct error err;
    const struct call calls[] = {
        {.tid = 1, .pid = 1, .number = 1}, {.tid = 2, .pid = 1, .number = 2},
        {.tid = 1, .pid = 1, .number = 3}, {.tid = 1, .pid = 1, .kind = CALL_EXEC},
        {.tid = 1, .pid = 1, .number = 4}, {.tid = 2, .pid = 1, .number = 5},
    };
    static const struct {
        enum scope scope;
        uint16_t window[2];
        bool known;
    } cases[] = {
        {SCOPE_THREAD, {1, 3}, true},     {SCOPE_THREAD, {2, 5}, true},
        {SCOPE_THREAD, {3, 4}, false},    {SCOPE_THREAD, {1, 2}, false},
        {SCOPE_PROCESS, {1, 2}, true},    {SCOPE_PROCESS, {2, 3}, true},
        {SCOPE_PROCESS, {3, 4}, false},   {SCOPE_PROCESS, {4, 5}, true},
        {SCOPE_CONTAINER, {3, 4}, true},  {SCOPE_CONTAINER, {1, 3}, false},
        {SCOPE_CONTAINER, {5, 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct detector *detector = detector_new("stide:window=2", &err);
        assert_non_null(detector);
        struct scorer *scorer = scorer_new(detector, cases[i].scope, 1);
        scorer_learn(scorer, calls, sizeof calls / sizeof *calls);
        scorer_restart(scorer);
        scorer_learn(scorer, calls, 1);
        scorer_restart(scorer);
        detector_settle(detector);
        struct call window[2] = {{.number = cases[i].window[0]}, {.number = cases[i].window[1]}};
        float scores[2];
        scorer_judge(scorer, window, 2, scores);
        assert_float_equal(scores[0], SCORE_NONE, 0);
        assert_float_equal(scores[1], cases[i].known ? 0 : 1, 0);
        scorer_free(scorer);
        detector_free(detector);
    }
}

static void scopes_have_names(void **state)
{
    (void)state;
    for (enum scope scope = SCOPE_THREAD; scope <= SCOPE_CONTAINER; scope++)
        assert_int_equal(scope_by_name(scope_name(scope)), scope);
    assert_int_equal(scope_by_name("threads"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_streams),
        cmocka_unit_test(learning_follows_the_streams),
        cmocka_unit_test(scopes_have_names),
    };
    return cmocka_run_group_tests_name("scorer", tests, NULL, NULL);
}
