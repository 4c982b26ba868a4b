/* causes: which reports of a replica are about the same intrusion, by their processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/cause.h"
#include "base/clock.h"

enum { SERVER = 100, SHELL, MINER, HELPER, SHELL_2 };

#define START (1000 * NS_PER_S)

static void fork_of(struct process_table *table, uint32_t parent, uint32_t pid, uint64_t time)
{
    const struct process_event event = {
        .head = {.kind = EVENT_FORK, .pid = pid, .parent = parent, .time = time}};
    process_note(table, &event);
}

static void exit_of(struct process_table *table, uint32_t pid, uint64_t time)
{
    const struct process_event event = {.head = {.kind = EVENT_EXIT, .pid = pid, .time = time}};
    process_note(table, &event);
}

static struct report report_of(uint32_t pid, uint64_t seconds, uint32_t flags)
{
    return (struct report){.head = {.pid = pid, .time = START + seconds * NS_PER_S},
                           .flags = flags};
}

static int set_up(void **state)
{
    struct process_table *table = process_table_new(NULL);
    fork_of(table, 1, SERVER, START - 900 * NS_PER_S);
    *state = table;
    return 0;
}

static int tear_down(void **state)
{
    process_table_free(*state);
    return 0;
}

/* The server is broken into and starts a shell, which leaves a miner behind. */
static struct alert_cause break_in(struct process_table *table)
{
    struct alert_cause cause = {0};
    const struct report first = report_of(SERVER, 0, REPORT_NEW);
    const struct report miner = report_of(MINER, 1, REPORT_NEW | REPORT_CROSSED);
    cause_begin(&cause, START);
    cause_take(&cause, table, &first);
    fork_of(table, SERVER, SHELL, START);
    fork_of(table, SHELL, MINER, START);
    cause_take(&cause, table, &miner);
    exit_of(table, SHELL, START + NS_PER_S);
    return cause;
}

static bool another(const struct alert_cause *cause, struct process_table *table, uint32_t pid,
                    uint64_t seconds, uint32_t flags)
{
    const struct report report = report_of(pid, seconds, flags);
    return cause_is_another(cause, table, &report);
}

static void what_its_processes_go_on_to_do_is_the_same(void **state)
{
    struct process_table *table = *state;
    const struct alert_cause cause = break_in(table);
    process_forget(table, START + 600 * NS_PER_S); /* the shell between them is forgotten */
    fork_of(table, MINER, HELPER, START + 700 * NS_PER_S);
    assert_false(another(&cause, table, MINER, 700, REPORT_NEW | REPORT_CROSSED));
    assert_false(another(&cause, table, HELPER, 700, REPORT_NEW | REPORT_CROSSED));
}

static void who_comes_again_after_a_minute_is_another(void **state)
{
    struct process_table *table = *state;
    struct alert_cause cause = break_in(table);
    fork_of(table, SERVER, SHELL_2, START + 300 * NS_PER_S);
    assert_true(another(&cause, table, SHELL_2, 300, REPORT_CROSSED));
    assert_true(another(&cause, table, SERVER, 300, REPORT_NEW));
    /* ... and its own processes belong to it, those of the first as well. */
    const struct report second = report_of(SHELL_2, 300, REPORT_CROSSED);
    cause_begin(&cause, second.head.time);
    cause_take(&cause, table, &second);
    assert_false(another(&cause, table, SHELL_2, 400, REPORT_NEW));
    assert_false(another(&cause, table, MINER, 400, REPORT_NEW));
}

static void many_short_processes_are_their_parents(void **state)
{
    struct process_table *table = *state;
    struct alert_cause cause = break_in(table);
    for (uint32_t i = 1; i <= 10 * CAUSE_PROCESSES; i++) {
        const struct report report = report_of(SHELL_2 + i, i, REPORT_NEW | REPORT_CROSSED);
        fork_of(table, MINER, SHELL_2 + i, report.head.time);
        exit_of(table, SHELL_2 + i, report.head.time);
        process_forget(table, report.head.time);
        assert_false(cause_is_another(&cause, table, &report));
        cause_take(&cause, table, &report);
    }
    assert_true(another(&cause, table, SERVER, 700, REPORT_NEW));
}

static void commands_that_follow_each_other_are_one(void **state)
{
    struct process_table *table = *state;
    struct alert_cause cause = break_in(table);
    for (uint32_t i = 1; i <= 20; i++) { /* a web shell: each command a process of the server's */
        const struct report report = report_of(SHELL_2 + i, 50 * i, REPORT_NEW | REPORT_CROSSED);
        fork_of(table, SERVER, SHELL_2 + i, report.head.time);
        assert_false(cause_is_another(&cause, table, &report));
        cause_take(&cause, table, &report);
    }
}

static void what_the_service_only_repeats_is_the_same(void **state)
{
    struct process_table *table = *state;
    const struct alert_cause cause = break_in(table);
    assert_false(another(&cause, table, SERVER, 3000, REPORT_CROSSED));
    assert_false(another(&cause, table, SERVER, 59, REPORT_NEW | REPORT_CROSSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_its_processes_go_on_to_do_is_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_comes_again_after_a_minute_is_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_short_processes_are_their_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commands_that_follow_each_other_are_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_service_only_repeats_is_the_same, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
