/*
 * replay: what it counts and reports is what a plain reading of the rules gives, which keeps every
 * window as the list of its calls and counts frames and epochs anew for every mismatch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/replay.h"
#include "trace/trace.h"

#define CALLS   6000
#define THREADS 6
#define EVENTS  20000

/* A novelty or a crossing, as both sides list them. */
struct event {
    bool crossing;
    enum pattern_kind kind;
    uint32_t tid, pid, score;
    uint64_t call_index, time;
    uint32_t history_length;
    uint16_t history[HISTORY];
};

struct events {
    size_t count;
    struct event list[EVENTS];
};

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

/* Calls of a small alphabet in loops, with foreign ones strewn in (in parts of the trace only, so
 * that frames empty again), and every kind of mark. */
static struct call *make_calls(uint64_t seed)
{
    struct call *calls = calloc(CALLS, sizeof *calls);
    assert_non_null(calls);
    for (size_t i = 0; i < CALLS; i++) {
        struct call *call = &calls[i];
        call->tid = 100 + (uint32_t)(random_next(&seed) % (i % 1000 < 500 ? 1 : THREADS));
        call->pid = 100 + call->tid / 3;
        call->time = 5000 + i;
        uint64_t die = random_next(&seed) % 400;
        if (die < 4) {
            call->kind = (uint8_t)(CALL_EXEC + die);
            call->value = (int64_t)(random_next(&seed) % 5);
            call->tid *= call->kind != CALL_LOST || random_next(&seed) % 2;
            continue;
        }
        call->number = (uint16_t)(i % 5);
        if (i / 200 % 3 == 2 && die < 100)
            call->number = (uint16_t)(random_next(&seed) % 40);
        if (die % 50 == 5)
            call->number |= CALL_NUMBER_COMPAT;
    }
    return calls;
}

/* ---- the plain reading ---- */

struct plain_thread {
    uint16_t codes[CALLS]; /* since the thread began anew */
    size_t length;
    bool mismatch[CALLS]; /* of each window */
    size_t windows;
    bool over;
};

struct plain {
    const struct profile *profile;
    struct profile *novel; /* met so far */
    bool learn;
    struct detect_rule rule;
    uint32_t length[PATTERN_KINDS];
    struct plain_thread threads[THREADS];
    bool bag_mismatch[CALLS]; /* by call index */
    struct replay_result result;
    struct events *events;
};

static void plain_event(struct plain *plain, const struct call *call, enum pattern_kind kind,
                        bool crossing, uint32_t score)
{
    assert_true(plain->events->count < EVENTS);
    struct event *event = &plain->events->list[plain->events->count++];
    *event = (struct event){.crossing = crossing,
                            .kind = kind,
                            .tid = call->tid,
                            .pid = call->pid,
                            .score = score,
                            .call_index = plain->result.calls,
                            .time = call->time};
    if (crossing) {
        plain->result.crossings[kind]++;
        return;
    }
    plain->result.novelties[kind]++;
    const struct plain_thread *thread = &plain->threads[call->tid - 100];
    size_t first = thread->length > HISTORY ? thread->length - HISTORY : 0;
    for (size_t i = first; i < thread->length; i++)
        event->history[event->history_length++] = thread->codes[i];
}

static uint32_t plain_frame(const struct plain *plain, const struct plain_thread *thread)
{
    uint32_t score = 0;
    for (size_t i = 0; i < plain->rule.frame && i < thread->windows; i++)
        score += thread->mismatch[thread->windows - 1 - i];
    return score;
}

static uint32_t plain_epoch(const struct plain *plain)
{
    uint32_t score = 0;
    size_t now = plain->result.calls;
    for (size_t i = now / plain->rule.epoch * plain->rule.epoch; i <= now; i++)
        score += plain->bag_mismatch[i];
    return score;
}

static void plain_mismatch(struct plain *plain, const struct call *call, enum pattern_kind kind,
                           const uint16_t *codes)
{
    struct plain_thread *thread = &plain->threads[call->tid - 100];
    bool window = kind == PATTERN_WINDOW;
    uint32_t score = window ? plain_frame(plain, thread) : plain_epoch(plain);
    uint32_t *peak = window ? &plain->result.frame_peak : &plain->result.epoch_peak;
    *peak = score > *peak ? score : *peak;
    plain->result.mismatches[kind]++;
    if (profile_add(plain->novel, kind, codes))
        plain_event(plain, call, kind, false, score);
    if (!window) {
        if (score == plain->rule.epoch_threshold)
            plain_event(plain, call, kind, true, score);
        return;
    }
    bool over = plain->rule.frame_threshold && score >= plain->rule.frame_threshold;
    if (over && !thread->over)
        plain_event(plain, call, kind, true, score);
    thread->over = over;
}

static void plain_call(struct plain *plain, const struct call *call)
{
    struct plain_thread *thread = &plain->threads[call->tid - 100];
    thread->codes[thread->length++] = (uint16_t)call_number_code(call->number);
    bool missing[PATTERN_KINDS] = {false};
    const uint16_t *codes[PATTERN_KINDS] = {NULL};
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        if (thread->length < plain->length[kind])
            continue;
        codes[kind] = thread->codes + thread->length - plain->length[kind];
        plain->result.checked[kind]++;
        missing[kind] = !profile_has(plain->profile, kind, codes[kind]) &&
                        !(plain->learn && profile_has(plain->novel, kind, codes[kind]));
    }
    if (codes[PATTERN_WINDOW])
        thread->mismatch[thread->windows++] = missing[PATTERN_WINDOW];
    plain->bag_mismatch[plain->result.calls] = missing[PATTERN_BAG];
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        if (missing[kind])
            plain_mismatch(plain, call, kind, codes[kind]);
    plain->result.calls++;
}

static void plain_mark(struct plain *plain, const struct call *call)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        if (call->tid != 100 + i && !(call->kind == CALL_LOST && call->tid == 0))
            continue;
        plain->threads[i] = (struct plain_thread){0};
    }
    if (call->kind == CALL_LOST)
        plain->result.lost += (uint64_t)call->value;
}

/* ---- both sides, compared ---- */

static void note_novelty(void *context, const struct novelty *novelty)
{
    struct events *events = context;
    assert_true(events->count < EVENTS);
    struct event *event = &events->list[events->count++];
    *event = (struct event){.kind = novelty->kind,
                            .tid = novelty->tid,
                            .pid = novelty->pid,
                            .score = novelty->score,
                            .call_index = novelty->call_index,
                            .time = novelty->time,
                            .history_length = novelty->history_length};
    memcpy(event->history, novelty->history, sizeof event->history);
}

static void note_crossing(void *context, const struct crossing *crossing)
{
    struct events *events = context;
    assert_true(events->count < EVENTS);
    events->list[events->count++] = (struct event){.crossing = true,
                                                   .kind = crossing->kind,
                                                   .tid = crossing->tid,
                                                   .pid = crossing->pid,
                                                   .score = crossing->score,
                                                   .call_index = crossing->call_index,
                                                   .time = crossing->time};
}

static void assert_same_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->crossing, b->crossing);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->tid, b->tid);
    assert_int_equal(a->pid, b->pid);
    assert_int_equal(a->score, b->score);
    assert_int_equal(a->call_index, b->call_index);
    assert_int_equal(a->time, b->time);
    assert_int_equal(a->history_length, b->history_length);
    assert_memory_equal(a->history, b->history, a->history_length * sizeof *a->history);
}

/* Hands the calls over in pieces of every size: their borders must not matter. */
static void replay_in_pieces(struct replay *replay, const struct call *calls, uint64_t seed)
{
    for (size_t i = 0, piece; i < CALLS; i += piece) {
        piece = 1 + random_next(&seed) % 100;
        piece = piece < CALLS - i ? piece : CALLS - i;
        replay_calls(replay, calls + i, piece);
    }
}

static void compare(uint32_t n, uint32_t m, bool learn, const struct detect_rule *rule,
                    const struct call *calls, struct profile *profile)
{
    autofree struct plain *plain = calloc(1, sizeof *plain);
    autofree struct events *want = calloc(1, sizeof *want), *got = calloc(1, sizeof *got);
    assert_true(plain && want && got);
    struct profile *before = profile_new("s", "1", n, m);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count(profile, kind); i++)
            profile_add(before, kind, profile_pattern(profile, kind, i));
    *plain = (struct plain){.profile = before,
                            .novel = profile_new("s", "1", n, m),
                            .learn = learn,
                            .rule = *rule,
                            .length = {n, m},
                            .events = want};
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].kind == CALL_ENTER)
            plain_call(plain, &calls[i]);
        else
            plain_mark(plain, &calls[i]);

    struct replay_hooks hooks = {note_novelty, note_crossing, got};
    struct replay *replay = replay_new(profile, learn, rule, &hooks);
    replay_in_pieces(replay, calls, n * 100 + m);
    assert_memory_equal(replay_result(replay), &plain->result, sizeof plain->result);
    assert_int_equal(got->count, want->count);
    for (size_t i = 0; i < got->count; i++)
        assert_same_event(&got->list[i], &want->list[i]);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        assert_int_equal(profile_count(profile, kind),
                         profile_count(before, kind) +
                             (learn ? profile_count(plain->novel, kind) : 0));
    replay_free(replay);
    profile_free(plain->novel);
    profile_free(before);
}

static void agrees_with_a_plain_reading(void **state)
{
    (void)state;
    static const struct detect_rule rules[] = {{20, 10, 500, 50}, {1, 1, 1, 1},  {64, 3, 100, 2},
                                               {7, 0, 300, 0},    {40, 5, 7, 3}, {64, 40, 1000, 9}};
    for (uint32_t n = PATTERN_MIN; n <= PATTERN_MAX; n++) {
        autofree struct call *first = make_calls(n), *second = make_calls(n + 100);
        uint32_t m = PATTERN_MIN + n * 7 % (PATTERN_MAX - PATTERN_MIN + 1);
        if (n == 6)
            m = 6; /* the default lengths have a path of their own */
        struct profile *profile = profile_new("s", "1", n, m);
        const struct detect_rule *rule = &rules[n % (sizeof rules / sizeof *rules)];
        compare(n, m, true, rule, first, profile);
        assert_true(profile_count(profile, PATTERN_WINDOW) > 100);
        compare(n, m, false, rule, second, profile);
        compare(n, m, true, rule, second, profile);
        compare(n, m, false, rule, second, profile);
        profile_free(profile);
    }
}

/* A profile that knows windows without their bags, as none is that was learned. */
static void bags_missing_from_known_windows(void **state)
{
    (void)state;
    autofree struct call *calls = make_calls(1);
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    struct profile *learned = profile_new("s", "1", 6, 6), *windows = profile_new("s", "1", 6, 6);
    compare(6, 6, true, &rule, calls, learned);
    for (size_t i = 0; i < profile_count(learned, PATTERN_WINDOW); i++)
        profile_add(windows, PATTERN_WINDOW, profile_pattern(learned, PATTERN_WINDOW, i));
    compare(6, 6, false, &rule, calls, windows);
    compare(6, 6, true, &rule, calls, windows);
    assert_int_equal(profile_count(windows, PATTERN_BAG), profile_count(learned, PATTERN_BAG));
    profile_free(learned);
    profile_free(windows);
}

/* The second replica's threads have the ids of the first one's, but nothing else of them. */
static void replicas_do_not_mix(void **state)
{
    (void)state;
    struct profile *profile = profile_new("s", "1", 3, 3);
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    struct replay *replay = replay_new(profile, true, &rule, &(struct replay_hooks){0});
    static const struct call calls[] = {
        {.tid = 1, .number = 1}, {.tid = 1, .number = 2}, {.tid = 1, .number = 3}};
    replay_calls(replay, calls, 3);
    replay_restart(replay);
    replay_calls(replay, calls, 3);
    const struct replay_result *result = replay_result(replay);
    assert_int_equal(result->calls, 6);
    assert_int_equal(result->checked[PATTERN_WINDOW], 2);
    assert_int_equal(result->novelties[PATTERN_WINDOW], 1);
    replay_free(replay);
    profile_free(profile);
}

/* More threads than any batch or table begins with, coming and going. */
static void many_threads(void **state)
{
    (void)state;
    struct profile *profile = profile_new("s", "1", 2, 2);
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    struct replay *replay = replay_new(profile, true, &rule, &(struct replay_hooks){0});
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t number = 0; number < 3; number++)
            for (uint32_t tid = 1; tid <= 5000; tid++)
                replay_calls(replay, &(struct call){.tid = tid, .number = (uint16_t)number}, 1);
        for (uint32_t tid = 1; tid <= 5000; tid += 2)
            replay_calls(replay, &(struct call){.tid = tid, .kind = CALL_EXIT}, 1);
    }
    const struct replay_result *result = replay_result(replay);
    assert_int_equal(result->calls, 45000);
    /* 0,1 and 1,2 of all; 2,0 of those that did not exit */
    assert_int_equal(result->checked[PATTERN_WINDOW], 3 * 10000 + 2 * 2500);
    assert_int_equal(result->novelties[PATTERN_WINDOW], 3);
    replay_free(replay);
    profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_reading),
        cmocka_unit_test(bags_missing_from_known_windows),
        cmocka_unit_test(replicas_do_not_mix),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
