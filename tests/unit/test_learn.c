/* detect/learn.h and detect/inspect.h: profiles from trace files, and trace files against them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "detect/inspect.h"
#include "detect/learn.h"
#include "trace/trace.h"

#define START (1574370749ULL * NS_PER_S)

static char path[32]; /* of a file in memory */

/* The trace that is being written. */
static struct trace_writer *writer;

static void begin(void)
{
    struct error err;
    writer = trace_create(path, &(struct trace_head){.host = "h"}, &err);
    assert_non_null(writer);
}

static void put(struct call call)
{
    struct error err;
    assert_int_equal(trace_write(writer, &call, 1, &err), 0);
}

/* `seconds` seconds of a loop of `numbers`, 100 calls a second, from second `from` on. */
static void put_loop(unsigned from, unsigned seconds, const uint16_t *numbers, size_t length,
                     bool times)
{
    for (uint64_t i = 0; i < seconds * 100ULL; i++)
        put((struct call){.time = times ? START + from * NS_PER_S + i * NS_PER_S / 100 : 0,
                          .tid = 7,
                          .pid = 7,
                          .number = numbers[i % length]});
}

static void end(void)
{
    struct error err;
    assert_int_equal(trace_finish(writer, &err), 0);
}

static const uint16_t CALM[] = {0, 1, 2, 3, 4};
static const uint16_t FOUL[] = {59, 41, 42, 33, 33, 56, 59, 41, 60};

static const struct trace_options STRICT = {0};

static struct profile *profile_with(struct growth_rule rule)
{
    struct profile *profile = profile_new("s", "1", 6, 6);
    growth_start(profile_growth(profile), &rule);
    return profile;
}

static int learn(struct profile *profile, struct error *err)
{
    struct learner *learner = learner_new(profile);
    int result = 0;
    for (int i = 0; i < 2 && result == 0; i++) { /* the second is the next stretch */
        struct call first, next;
        struct trace_reader *reader = trace_open(path, TRACE_TIMES, err);
        assert_non_null(reader);
        assert_string_equal(trace_path(reader), path);
        assert_int_equal(trace_peek(reader, &first, err), 1); /* which takes nothing away */
        assert_int_equal(trace_peek(reader, &next, err), 1);
        assert_memory_equal(&first, &next, sizeof first);
        result = learner_trace(learner, reader, err);
        trace_close(reader);
    }
    learner_finish(learner);
    return result;
}

static const struct growth_rule BY_TIME = {
    .interval_ns = 10 * NS_PER_S, .sigma = 0.15, .needed = 5};

static void learning_follows_the_time_of_the_trace(void **state)
{
    (void)state;
    struct error err;
    begin();
    put((struct call){.kind = CALL_EXEC, .time = START, .tid = 7, .pid = 7});
    put_loop(0, 15, CALM, 5, true);
    put_loop(15, 20, FOUL, 9,
             true); /* new in the intervals that end at 20 s, and at their borders */
    put_loop(35, 60, CALM, 5, true);
    end();
    struct profile *profile = profile_with(BY_TIME);
    assert_int_equal(learn(profile, &err), 0);
    const struct profile_facts *facts = profile_facts(profile);
    const struct growth *growth = profile_growth(profile);
    assert_int_equal(facts->calls, 2 * 9500);
    assert_int_equal(facts->starts, 2);
    assert_int_equal(facts->lost, 0);
    assert_int_equal(facts->learn_ns, 2 * (95 * NS_PER_S - NS_PER_S / 100));
    assert_int_equal(growth->count, 1 + 18); /* 0, 10 … 180 s of 190 */
    for (size_t i = 1; i < growth->count; i++) {
        assert_int_equal(growth->points[i].elapsed_ns, i * 10 * NS_PER_S);
        assert_int_equal(growth->points[i].steady, i == 3 || i > 4);
    }
    assert_int_equal(growth->points[1].calls, 1000);
    assert_int_equal(growth->points[1].patterns, 10);
    assert_int_equal(growth->learned_at, 9);
    assert_int_equal(facts->frame_peak, 0); /* of the last steady intervals */
    assert_int_equal(profile_gaps(profile), 0);
    profile_free(profile);
}

static void peaks_are_those_of_the_steady_row(void **state)
{
    (void)state;
    struct error err;
    begin();
    put_loop(0, 60, CALM, 5, true);
    put((struct call){.time = START + 60 * NS_PER_S, .tid = 7, .pid = 7, .number = 99});
    put_loop(61, 40, CALM, 5, true);
    end();
    struct profile *profile = profile_with(
        (struct growth_rule){.interval_ns = 10 * NS_PER_S, .sigma = 100, .needed = 15});
    assert_int_equal(learn(profile, &err), 0);
    assert_int_equal(profile_facts(profile)->frame_peak, 6); /* the six windows with the one call */
    assert_int_equal(profile_facts(profile)->starts, 0);
    assert_int_equal(profile_gaps(profile), PROFILE_NO_START);
    profile_free(profile);
}

static void losses_leave_a_profile_incomplete(void **state)
{
    (void)state;
    struct error err;
    begin();
    put_loop(0, 30, CALM, 5, true);
    put((struct call){.kind = CALL_LOST, .time = START + 30 * NS_PER_S, .value = 12});
    put_loop(31, 30, CALM, 5, true);
    end();
    struct profile *profile = profile_with(BY_TIME);
    assert_int_equal(learn(profile, &err), 0);
    assert_int_equal(profile_facts(profile)->lost, 24);
    assert_true(profile_gaps(profile) & PROFILE_LOSSES);
    assert_false(profile_growth(profile)->points[4].steady);
    profile_free(profile);
}

static void traces_without_times_count_calls(void **state)
{
    (void)state;
    struct error err;
    begin();
    put_loop(0, 10, CALM, 5, false);
    end();
    struct profile *profile = profile_with(BY_TIME);
    assert_int_equal(learn(profile, &err), -1);
    assert_non_null(strstr(err.text, "no times"));
    profile_free(profile);

    profile = profile_with((struct growth_rule){.interval_calls = 150, .sigma = 0.15, .needed = 5});
    assert_int_equal(learn(profile, &err), 0);
    assert_int_equal(profile_growth(profile)->count, 1 + 2000 / 150);
    assert_true(profile_growth(profile)->learned);
    assert_int_equal(profile_facts(profile)->learn_ns, 0);
    profile_free(profile);
}

/* A calm stretch, FOUL once from call 1000 on, and calm again. */
static struct profile *learned_and_attacked(void)
{
    struct error err;
    begin();
    put_loop(0, 60, CALM, 5, true);
    end();
    struct profile *profile = profile_with(BY_TIME);
    assert_int_equal(learn(profile, &err), 0);
    begin();
    put_loop(0, 10, CALM, 5, true);
    for (unsigned i = 0; i < 9; i++)
        put((struct call){
            .time = START + 10 * NS_PER_S + i, .tid = 7, .pid = 7, .number = FOUL[i]});
    put_loop(11, 10, CALM, 5, true);
    end();
    return profile;
}

static void an_attack_is_found_and_explained(void **state)
{
    (void)state;
    struct error err;
    struct inspection found;
    struct profile *profile = learned_and_attacked();
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    assert_int_equal(inspect_trace(profile, &rule, path, &STRICT, false, &found, &err), 0);
    assert_true(found.anomalous);
    assert_int_equal(found.result.calls, 2009);
    assert_int_equal(found.result.mismatches[PATTERN_WINDOW], 14);
    assert_int_equal(found.result.crossings[PATTERN_WINDOW], 1);
    assert_int_equal(found.first.kind, PATTERN_WINDOW);
    assert_int_equal(found.first.call_index, 1009); /* the tenth unknown window */
    assert_int_equal(found.first.score, 10);
    assert_int_equal(found.first.time, START + 11 * NS_PER_S);
    assert_int_equal(found.unknown_count, INSPECTION_UNKNOWN);
    assert_int_equal(found.unknown[INSPECTION_UNKNOWN - 1].call_index, 1009);
    assert_int_equal(found.novelty_count, 0);
    inspection_clear(&found);

    assert_int_equal(inspect_trace(profile, &rule, path, &STRICT, true, &found, &err), 0);
    assert_int_equal(found.novelty_count,
                     found.result.novelties[PATTERN_WINDOW] + found.result.novelties[PATTERN_BAG]);
    assert_int_equal(found.novelties[0].call_index, 1000);
    assert_int_equal(found.novelties[0].time, START + 10 * NS_PER_S);
    assert_int_equal(found.novelties[0].history[HISTORY - 1], 59);
    inspection_clear(&found);
    profile_free(profile);
}

static void thresholds_decide(void **state)
{
    (void)state;
    struct error err;
    struct inspection found;
    struct profile *profile = learned_and_attacked();
    struct detect_rule rule = {20, 15, 500, 15};
    assert_int_equal(inspect_trace(profile, &rule, path, &STRICT, false, &found, &err), 0);
    assert_false(found.anomalous);
    assert_int_equal(found.result.frame_peak, 14);
    rule = (struct detect_rule){20, 0, 500, 8};
    assert_int_equal(inspect_trace(profile, &rule, path, &STRICT, false, &found, &err), 0);
    assert_true(found.anomalous);
    assert_int_equal(found.first.kind, PATTERN_BAG);
    inspection_clear(&found);
    assert_int_equal(inspect_trace(profile, &rule, "/nonexistent", &STRICT, false, &found, &err),
                     -1);
    profile_free(profile);
}

/* What the old version did is neither growth nor a mismatch; what the new one does not show of it
 * is laid aside; and what comes after the end of the learning is left out. */
static void a_reused_profile_learns_the_difference(void **state)
{
    (void)state;
    struct error err;
    begin();
    put_loop(0, 60, CALM, 5, true);
    put_loop(60, 60, FOUL, 9, true);
    end();
    struct profile *old = profile_with(BY_TIME);
    assert_int_equal(learn(old, &err), 0);
    struct profile *new = profile_reuse(old, "2", &err);
    struct learner *learner = learner_new(new);
    learner_stop_when_learned(learner);
    struct trace_reader *reader = trace_open(path, TRACE_TIMES, &err);
    assert_non_null(reader);
    assert_int_equal(learner_trace(learner, reader, &err), 0);
    trace_close(reader);
    learner_finish(learner);

    assert_true(profile_growth(new)->learned);
    assert_int_equal(profile_facts(new)->learn_ns, 50 * NS_PER_S);
    assert_int_equal(profile_facts(new)->calls, 5000);
    assert_int_equal(profile_facts(new)->frame_peak, 0);
    assert_int_equal(profile_size(new), profile_size(old));
    assert_int_equal(profile_count(new, PATTERN_WINDOW), 5); /* turns of the calm loop */
    assert_int_equal(profile_aside(new), profile_size(old) - 5 - profile_count(new, PATTERN_BAG));
    profile_free(new);
    profile_free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_follows_the_time_of_the_trace),
        cmocka_unit_test(peaks_are_those_of_the_steady_row),
        cmocka_unit_test(losses_leave_a_profile_incomplete),
        cmocka_unit_test(traces_without_times_count_calls),
        cmocka_unit_test(an_attack_is_found_and_explained),
        cmocka_unit_test(thresholds_decide),
        cmocka_unit_test(a_reused_profile_learns_the_difference),
    };
    autoclose int fd = memfd_create("trace", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
