/* The public library, through its header and its shared object alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <skink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOP 2000

static struct skink_error err;

/* Four calls in a circle, of one thread. */
static void make_loop(struct skink_call calls[LOOP], uint64_t time)
{
    static const uint16_t numbers[] = {0, 1, 3, 257};
    for (size_t i = 0; i < LOOP; i++)
        calls[i] = (struct skink_call){
            .time = time ? time + i : 0, .tid = 7, .pid = 7, .number = numbers[i % 4]};
}

static struct skink_profile *learned(uint64_t time)
{
    struct skink_call calls[LOOP];
    make_loop(calls, time);
    struct skink_learner *learner = skink_learner_new("web", "1.2", 6, 4, &err);
    assert_non_null(learner);
    skink_learner_rule(learner, 100, 100, 0.5);
    for (size_t at = 0, size = 1; at < LOOP; at += size, size = size * 2 % 1001) /* any pieces */
        skink_learner_calls(learner, calls + at, at + size < LOOP ? size : LOOP - at);
    return skink_learner_finish(learner);
}

static void a_profile_is_learned(void **state)
{
    (void)state;
    char text[128], cut[5];
    for (uint64_t time = 0; time < 2; time++) { /* calls without times, and with */
        struct skink_profile *profile = learned(time);
        assert_string_equal(skink_profile_service(profile), "web");
        assert_string_equal(skink_profile_version(profile), "1.2");
        assert_int_equal(skink_profile_windows(profile), 4);
        assert_int_equal(skink_profile_bags(profile), 1);
        assert_false(skink_profile_complete(profile, text, sizeof text));
        assert_string_equal(text, "incomplete: no start seen");
        assert_false(skink_profile_complete(profile, cut, sizeof cut));
        assert_string_equal(cut, "inco");
        skink_profile_free(profile);
    }
}

static void replicas_are_apart(void **state)
{
    (void)state;
    struct skink_call calls[LOOP];
    make_loop(calls, 0);
    struct skink_learner *learner = skink_learner_new("web", "-", 6, 6, NULL);
    for (size_t at = 0; at + 5 <= LOOP; at += 5) { /* none has a window's length */
        skink_learner_replica(learner);
        skink_learner_calls(learner, calls + at, 5);
    }
    struct skink_profile *profile = skink_learner_finish(learner);
    assert_int_equal(skink_profile_windows(profile), 0);
    skink_profile_free(profile);
    skink_learner_free(skink_learner_new("web", "-", 6, 6, NULL));
    skink_learner_free(NULL);
}

static void what_cannot_be_learned_is_told(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_null(skink_learner_new("web", "-", 1, 6, &err));
    assert_int_equal(err.reason, SKINK_WRONG_INPUT);
    assert_non_null(strstr(err.text, "2 to 16"));
    assert_null(skink_learner_new("web", "-", 6, 17, NULL));
    assert_null(skink_learner_new("web", name, 6, 6, &err));
}

struct heard {
    size_t count;
    struct skink_alarm first;
};

static void hear(void *context, const struct skink_alarm *alarm)
{
    struct heard *heard = context;
    if (heard->count++ == 0)
        heard->first = *alarm;
}

static void a_monitor_raises_alarms(void **state)
{
    (void)state;
    struct skink_call calls[LOOP];
    struct heard heard = {0};
    make_loop(calls, 1000);
    for (size_t i = 1000; i < 1010; i++)
        calls[i].number = 59;
    struct skink_profile *profile = learned(1000);
    struct skink_monitor *monitor = skink_monitor_new(profile, NULL, hear, &heard, &err);
    assert_non_null(monitor);
    skink_profile_free(profile);
    skink_monitor_calls(monitor, calls, LOOP);
    struct skink_totals totals = skink_monitor_totals(monitor);
    assert_int_equal(totals.calls, LOOP);
    assert_int_equal(totals.windows, LOOP - 5);
    assert_int_equal(totals.bags, LOOP - 3);
    assert_int_equal(totals.unknown_windows, 15);
    assert_int_equal(totals.unknown_bags, 13);
    assert_int_equal(totals.alarms, 1);
    assert_int_equal(heard.count, 1);
    assert_true(heard.first.window);
    assert_int_equal(heard.first.call_index, 1009);
    assert_int_equal(heard.first.time, 2009);
    assert_int_equal(heard.first.score, 10);
    skink_monitor_free(monitor);
    skink_monitor_free(NULL);
}

static void a_rule_must_be_possible(void **state)
{
    (void)state;
    struct skink_profile *profile = learned(0);
    struct skink_rule rule = skink_profile_rule(profile);
    skink_monitor_free(skink_monitor_new(profile, &rule, NULL, NULL, &err));
    const struct skink_rule bad[] = {
        {0, 0, 1, 0}, {65, 1, 1, 0}, {5, 6, 1, 0}, {5, 5, 0, 0}, {5, 5, 9, 10}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.reason = 0;
        assert_null(skink_monitor_new(profile, &bad[i], NULL, NULL, &err));
        assert_int_equal(err.reason, SKINK_WRONG_INPUT);
    }
    skink_profile_free(profile);
}

static void files_are_written_and_read(void **state)
{
    (void)state;
    char folder[] = "/tmp/skink-library-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/web.profile", folder);
    struct skink_profile *profile = learned(0);
    assert_int_equal(skink_profile_save(profile, path, &err), 0);
    skink_profile_free(profile);
    profile = skink_profile_load(path, &err);
    assert_non_null(profile);
    assert_int_equal(skink_profile_windows(profile), 4);
    assert_int_equal(skink_profile_save(profile, "/nonexistent/web.profile", &err), -1);
    assert_int_equal(err.number, 2); /* ENOENT */
    skink_profile_free(profile);
    assert_null(skink_trace_open(path, NULL, 0, NULL)); /* no trace */
    unlink(path);
    assert_null(skink_profile_load(path, &err));
    rmdir(folder);
}

static void traces_are_read(void **state)
{
    (void)state;
    char path[] = "/tmp/skink-library-XXXXXX", name[SKINK_NAME];
    struct skink_call calls[10];
    int file = mkstemp(path);
    dprintf(file, "3 5 nonsense 6\n");
    close(file);
    struct skink_trace *trace = skink_trace_open(path, "plain", SKINK_I386 | SKINK_LENIENT, &err);
    assert_non_null(trace);
    assert_string_equal(skink_trace_format(trace), "plain");
    assert_int_equal(skink_trace_read(trace, calls, 3, &err), 3);
    assert_int_equal(skink_trace_read(trace, calls + 3, 7, &err), 1);
    assert_int_equal(skink_trace_read(trace, calls, 10, &err), 0);
    assert_string_equal(skink_code_name(skink_call_code(&calls[1]), name), "open/32");
    assert_int_equal(calls[1].number, 5 | SKINK_NUMBER_I386);
    assert_true(skink_call_code(&calls[2]) < SKINK_CODES);
    skink_trace_close(trace);
    trace = skink_trace_open(path, "plain", 0, &err);
    assert_int_equal(skink_trace_read(trace, calls, 10, &err), 2);
    assert_int_equal(skink_trace_read(trace, calls, 10, &err), -1);
    assert_non_null(strstr(err.text, "nonsense"));
    skink_trace_close(trace);
    skink_trace_close(NULL);
    unlink(path);
    assert_null(skink_trace_open(path, NULL, 0, &err));
}

static void detectors_give_scores(void **state)
{
    (void)state;
    struct skink_call calls[LOOP];
    float scores[LOOP];
    make_loop(calls, 0);
    struct skink_detector *detector = skink_detector_new("stide:window=6", &err);
    assert_non_null(detector);
    assert_non_null(strstr(skink_detector_name(detector), "stide:window=6"));
    struct skink_scorer *scorer = skink_scorer_new(detector, SKINK_THREAD, 1, &err);
    skink_scorer_learn(scorer, calls, LOOP);
    skink_scorer_free(scorer); /* the stream ends */
    skink_detector_settle(detector);
    skink_detector_settle(detector);
    assert_true(skink_detector_memory(detector) > 0);

    calls[1000].number = 59;
    scorer = skink_scorer_new(detector, SKINK_CONTAINER, 1, &err);
    skink_scorer_judge(scorer, calls, LOOP, scores);
    float sum = 0;
    for (size_t i = 0; i < LOOP; i++) {
        assert_true(i < 5 ? scores[i] == SKINK_SCORE_NONE : scores[i] >= 0);
        sum += i < 5 ? 0 : scores[i];
    }
    assert_true(sum == 6);
    skink_scorer_replica(scorer);
    skink_scorer_judge(scorer, calls, 1, scores);
    assert_true(scores[0] == SKINK_SCORE_NONE);
    assert_null(skink_scorer_new(detector, SKINK_THREAD, 0, &err));
    assert_null(skink_scorer_new(detector, (enum skink_scope)3, 1, NULL));
    assert_int_equal(err.reason, SKINK_WRONG_INPUT);
    skink_scorer_free(scorer);
    skink_scorer_free(NULL);
    skink_detector_free(detector);
    skink_detector_free(NULL);
    assert_null(skink_detector_new("nonsense", &err));
    assert_non_null(strstr(err.text, "nonsense"));
}

static void every_kind_can_be_made(void **state)
{
    (void)state;
    size_t count = 0;
    for (const char *kind; (kind = skink_detector_kind(count)); count++) {
        if (strcmp(kind, "quorum") == 0) /* which is made of others */
            continue;
        struct skink_detector *detector = skink_detector_new(kind, &err);
        assert_non_null(detector);
        skink_detector_free(detector);
    }
    assert_true(count > 5);
}

static void versions_agree(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", SKINK_VERSION_MAJOR, SKINK_VERSION_MINOR,
             SKINK_VERSION_PATCH);
    assert_string_equal(skink_version(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_learned),
        cmocka_unit_test(replicas_are_apart),
        cmocka_unit_test(what_cannot_be_learned_is_told),
        cmocka_unit_test(a_monitor_raises_alarms),
        cmocka_unit_test(a_rule_must_be_possible),
        cmocka_unit_test(files_are_written_and_read),
        cmocka_unit_test(traces_are_read),
        cmocka_unit_test(detectors_give_scores),
        cmocka_unit_test(every_kind_can_be_made),
        cmocka_unit_test(versions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
