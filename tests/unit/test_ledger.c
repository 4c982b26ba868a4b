/* The book of measures: numbers, budgets, what survives the daemon, what a torn file does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ledger.h"
#include "base/clock.h"

struct desk {
    char directory[32];
    sd_event *event;
    struct saver *saver;
    struct ledger *ledger;
};

static void open_desk(struct desk *desk)
{
    struct error err;
    assert_true(sd_event_new(&desk->event) >= 0);
    desk->saver = saver_start();
    desk->ledger = ledger_open(desk->directory, desk->event, desk->saver, NULL, &err);
    assert_non_null(desk->ledger);
}

static void close_desk(struct desk *desk)
{
    ledger_close(desk->ledger);
    saver_stop(desk->saver);
    sd_event_unref(desk->event);
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    snprintf(desk->directory, sizeof desk->directory, "/tmp/skink-ledger-XXXXXX");
    assert_non_null(mkdtemp(desk->directory));
    open_desk(desk);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    char path[64];
    close_desk(desk);
    snprintf(path, sizeof path, "%s/measures.json", desk->directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/measures.jsonl", desk->directory);
    unlink(path);
    rmdir(desk->directory);
    free(desk);
    return 0;
}

static json_t *measure(const struct desk *desk, const char *service, const char *name,
                       const char *state, uint64_t begun)
{
    return ledger_measure(desk->ledger,
                          json_pack("{s:s,s:s,s:s,s:I}", "service", service, "measure", name,
                                    "state", state, "begun", (json_int_t)begun));
}

static void numbers_are_never_given_twice(void **state)
{
    struct desk *desk = *state;
    json_t *plan = ledger_plan(desk->ledger, json_object());
    json_t *first = measure(desk, "web", "pause", "in force", 1);
    assert_int_equal(record_number(plan, "number"), 1);
    assert_int_equal(record_number(first, "number"), 2);
    assert_ptr_equal(ledger_find_measure(desk->ledger, 2), first);
    assert_null(ledger_find_measure(desk->ledger, 1));
    assert_ptr_equal(ledger_find_plan(desk->ledger, 1), plan);
}

static void what_was_tried_is_counted(void **state)
{
    struct desk *desk = *state;
    measure(desk, "web", "pause", "failed", 100);
    measure(desk, "web", "kill", "done", 200);
    measure(desk, "store", "pause", "in force", 300);
    measure(desk, "web", "replace", "failed", 50);
    measure(desk, "store", "renew", "done", 300);
    assert_int_equal(ledger_spent(desk->ledger, "web", 0), 2);
    assert_int_equal(ledger_spent(desk->ledger, "web", 100), 1);
    assert_int_equal(ledger_spent(desk->ledger, NULL, 0), 3); /* what restarts, and no other */
    assert_int_equal(ledger_spent(desk->ledger, "other", 0), 0);
}

static void what_is_in_force_survives(void **state)
{
    struct desk *desk = *state;
    json_t *pause = measure(desk, "web", "pause", "in force", 1);
    json_object_set_new(pause, "token", json_pack("{s:s}", "cgroup", "/here"));
    measure(desk, "web", "stop", "in force", 2);
    json_t *quarantine = measure(desk, "web", "quarantine", "in force", 3);
    ledger_state(desk->ledger, quarantine, "undoing", NULL);
    ledger_learn(desk->ledger, measure_find("pause"), false);
    close_desk(desk);
    open_desk(desk);
    pause = ledger_find_measure(desk->ledger, 1);
    assert_true(record_is(pause, "in force"));
    assert_string_equal(record_text(json_object_get(pause, "token"), "cgroup"), "/here");
    assert_true(record_is(ledger_find_measure(desk->ledger, 2), "undone")); /* the kernel forgot */
    assert_true(record_is(ledger_find_measure(desk->ledger, 3), "in force")); /* tried again */
    struct choice_effect effect = ledger_effect(desk->ledger, measure_find("pause"));
    assert_true(effect.worked == 9 && effect.failed == 2);
    assert_int_equal(record_number(measure(desk, "web", "kill", "done", 4), "number"), 4);
    assert_int_equal(ledger_spent(desk->ledger, "web", 0), 1); /* a restart gives no new budget */
}

static void what_is_in_force_is_never_forgotten(void **state)
{
    struct desk *desk = *state;
    measure(desk, "web", "pause", "in force", 1);
    for (int i = 0; i < LEDGER_MEASURES + 10; i++)
        measure(desk, "web", "kill", "done", 2);
    assert_int_equal(json_array_size(ledger_measures(desk->ledger)), LEDGER_MEASURES);
    assert_non_null(ledger_find_measure(desk->ledger, 1));
    assert_null(ledger_find_measure(desk->ledger, 2));
}

/* Alerts come faster than measures are carried out. */
static void what_is_under_way_counts(void **state)
{
    struct desk *desk = *state;
    json_t *plan =
        ledger_plan(desk->ledger, json_pack("{s:s,s:s,s:[s,s]}", "service", "web", "replica",
                                            "web_1", "chosen", "pause", "replace"));
    ledger_begin(desk->ledger, plan);
    assert_int_equal(ledger_spent(desk->ledger, "web", 0), 1);
    assert_int_equal(ledger_spent(desk->ledger, "store", 0), 0);
    assert_true(ledger_is_busy(desk->ledger, "web_1"));
    assert_false(ledger_is_busy(desk->ledger, "web_2"));
    for (int i = 0; i < LEDGER_PLANS + 10; i++)
        ledger_plan(desk->ledger, json_object());
    assert_ptr_equal(ledger_find_plan(desk->ledger, 1), plan);
    ledger_measure(desk->ledger,
                   json_pack("{s:s,s:s,s:I,s:I}", "service", "web", "measure", "replace", "plan",
                             (json_int_t)1, "begun", (json_int_t)5));
    assert_int_equal(ledger_spent(desk->ledger, "web", 0), 1); /* not twice */
    close_desk(desk);
    open_desk(desk);
    assert_false(ledger_is_busy(desk->ledger, "web_1")); /* its daemon has ended */
}

static void an_ended_plan_is_one_of_many(void **state)
{
    struct desk *desk = *state;
    json_t *plan = ledger_plan(desk->ledger, json_pack("{s:s}", "replica", "web_1"));
    ledger_begin(desk->ledger, plan);
    ledger_end(desk->ledger, plan);
    assert_false(ledger_is_busy(desk->ledger, "web_1"));
    assert_int_equal(ledger_spent(desk->ledger, NULL, 0), 0);
    for (int i = 0; i < LEDGER_PLANS; i++)
        ledger_plan(desk->ledger, json_object());
    assert_null(ledger_find_plan(desk->ledger, 1));
}

/* Not only when the daemon ends, which may be by SIGKILL. */
static void what_has_changed_is_written_by_the_event_loop(void **state)
{
    struct desk *desk = *state;
    char path[64];
    json_error_t why;
    snprintf(path, sizeof path, "%s/measures.json", desk->directory);
    ledger_plan(desk->ledger, json_object());
    ledger_plan(desk->ledger, json_object());
    assert_int_equal(access(path, F_OK), -1);
    assert_true(sd_event_run(desk->event, 0) > 0);
    assert_int_equal(sd_event_run(desk->event, 0), 0); /* once */
    saver_stop(desk->saver);
    json_t *written = json_load_file(path, 0, &why);
    assert_int_equal(json_array_size(json_object_get(written, "plans")), 2);
    json_decref(written);
    desk->saver = saver_start();
}

/* The clock was set forward by an hour, while a daemon ran or between two: what was in force for
 * another minute is so still. */
static void a_clock_that_is_set_ends_nothing(void **state)
{
    struct desk *desk = *state;
    char path[64];
    json_error_t why;
    const json_int_t hour = 3600 * (json_int_t)NS_PER_S;
    json_int_t expires = (json_int_t)clock_realtime() + 60 * (json_int_t)NS_PER_S;
    json_t *pause = measure(desk, "web", "pause", "in force", 1000);
    json_object_set_new(pause, "expires", json_integer(expires - hour));
    close_desk(desk);
    snprintf(path, sizeof path, "%s/measures.json", desk->directory);
    json_t *written = json_load_file(path, 0, &why);
    json_int_t offset = json_integer_value(json_object_get(written, "clock_offset"));
    json_object_set_new(written, "clock_offset", json_integer(offset - hour));
    assert_int_equal(json_dump_file(written, path, 0), 0);
    json_decref(written);
    open_desk(desk);
    json_int_t found = (json_int_t)record_number(ledger_find_measure(desk->ledger, 1), "expires");
    assert_true(found > expires - (json_int_t)NS_PER_S && found < expires + (json_int_t)NS_PER_S);
    ledger_follow_clock(desk->ledger);
    assert_int_equal(record_number(ledger_find_measure(desk->ledger, 1), "expires"), found);
}

static void a_torn_file_is_said(void **state)
{
    struct desk *desk = *state;
    char path[64];
    struct error err;
    close_desk(desk);
    snprintf(path, sizeof path, "%s/measures.json", desk->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"measures\": [", file);
    fclose(file);
    sd_event *event;
    assert_true(sd_event_new(&event) >= 0);
    struct saver *saver = saver_start();
    assert_null(ledger_open(desk->directory, event, saver, NULL, &err));
    assert_non_null(strstr(err.text, "not a whole file"));
    saver_stop(saver);
    sd_event_unref(event);
    unlink(path);
    open_desk(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_never_given_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_tried_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_force_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_force_is_never_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ended_plan_is_one_of_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_changed_is_written_by_the_event_loop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_ends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_file_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
