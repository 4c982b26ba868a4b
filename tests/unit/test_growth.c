/* growth: the rule of Flora & Antunes (EDCC 2019) on curves made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "profile/growth.h"

static struct growth by_time(void)
{
    struct growth growth;
    growth_start(&growth, &GROWTH_RULE_DEFAULT);
    growth_update(&growth, 0, 0, 0, false);
    return growth;
}

/* One update at the end of interval `i` of 100 s, in which calls went on. */
static bool interval(struct growth *growth, uint64_t i, uint64_t patterns)
{
    return growth_update(growth, i * 100 * NS_PER_S, i * 1000, patterns, false);
}

static void five_steady_intervals_end_the_learning(void **state)
{
    (void)state;
    /* 15 patterns in 100 s are the most that sigma = 0.15 lets pass; 16 begin the row anew. */
    static const uint64_t CURVE[] = {400, 600, 615, 630, 646, 646, 650, 665, 665, 680, 680, 900};
    struct growth growth = by_time();
    for (size_t i = 0; i < sizeof CURVE / sizeof *CURVE; i++)
        assert_true(interval(&growth, i + 1, CURVE[i]) == (i == 9));
    assert_true(growth.learned); /* and stays so, though the last interval grew */
    assert_int_equal(growth.learned_at, 10);
    assert_int_equal(growth.in_a_row, 0);
    assert_true(growth_slope(&growth, 1) == 4.0);
    static const enum growth_mark MARKS[] = {
        GROWTH_UNSTEADY, GROWTH_UNSTEADY, GROWTH_UNSTEADY, GROWTH_STEADY, GROWTH_STEADY,
        GROWTH_UNSTEADY, GROWTH_ROW,      GROWTH_ROW,      GROWTH_ROW,    GROWTH_ROW,
        GROWTH_END,      GROWTH_STEADY,   GROWTH_UNSTEADY,
    };
    for (size_t i = 1; i < growth.count; i++)
        assert_int_equal(growth_mark(&growth, i), MARKS[i]);
    growth_free(&growth);
}

static void a_shrinking_profile_is_not_steady(void **state)
{
    (void)state;
    struct growth growth = by_time();
    interval(&growth, 1, 10);
    interval(&growth, 2, 9);
    assert_true(growth.points[1].steady);
    assert_false(growth.points[2].steady);
    growth_free(&growth);
}

static void intervals_end_at_multiples_of_their_length(void **state)
{
    (void)state;
    struct growth growth = by_time();
    growth_update(&growth, 100 * NS_PER_S - 1, 5, 7, false);
    assert_int_equal(growth.count, 1);
    growth_update(&growth, 130 * NS_PER_S, 9, 8, false);
    assert_int_equal(growth.count, 2);
    assert_int_equal(growth.points[1].elapsed_ns, 100 * NS_PER_S);
    assert_int_equal(growth.points[1].patterns, 8);
    growth_update(&growth, 199 * NS_PER_S, 10, 9, false);
    assert_int_equal(growth.count, 2);
    growth_update(&growth, 200 * NS_PER_S, 11, 9, false);
    assert_int_equal(growth.count, 3);
    growth_free(&growth);
}

static void a_pause_is_one_interval(void **state)
{
    (void)state;
    struct growth growth = by_time();
    growth_update(&growth, 1050 * NS_PER_S, 10, 3, false);
    assert_int_equal(growth.count, 2);
    assert_int_equal(growth.points[1].elapsed_ns, 1000 * NS_PER_S);
    assert_int_equal(growth.in_a_row, 1);
    growth_update(&growth, UINT64_MAX, 11, 3, false);
    assert_int_equal(growth.count, 3);
    assert_int_equal(growth.in_a_row, 2);
    growth_free(&growth);
}

static void an_idle_interval_neither_counts_nor_interrupts(void **state)
{
    (void)state;
    struct growth growth = by_time();
    for (uint64_t i = 1; i <= 20; i++)
        growth_update(&growth, i * 100 * NS_PER_S, i >= 10 ? i : 0, 0, false);
    assert_int_equal(growth.learned_at, 14);
    growth_free(&growth);
    growth = by_time();
    interval(&growth, 1, 1);
    growth_update(&growth, 200 * NS_PER_S, 1000, 1, false);
    assert_false(growth.points[2].steady);
    assert_int_equal(growth.in_a_row, 1);
    interval(&growth, 3, 1);
    assert_int_equal(growth.in_a_row, 2);
    growth_free(&growth);
}

static void a_loss_breaks_its_interval(void **state)
{
    (void)state;
    struct growth growth = by_time();
    interval(&growth, 1, 1);
    interval(&growth, 2, 1);
    growth_update(&growth, 210 * NS_PER_S, 2001, 1, true); /* early in the third */
    growth_update(&growth, 220 * NS_PER_S, 2002, 1, false);
    interval(&growth, 3, 1);
    assert_false(growth.points[3].steady);
    assert_int_equal(growth.in_a_row, 0);
    interval(&growth, 4, 1);
    assert_true(growth.points[4].steady);
    assert_int_equal(growth.in_a_row, 1);
    growth_free(&growth);
}

static void calls_can_take_the_place_of_time(void **state)
{
    (void)state;
    struct growth growth;
    growth_start(&growth, &(struct growth_rule){.interval_calls = 2000, .sigma = 0.5, .needed = 2});
    assert_false(growth_update(&growth, 0, 2000, 2, false)); /* 1 per 1000 calls */
    assert_false(growth_update(&growth, 0, 4100, 3, false)); /* 0.5 */
    assert_int_equal(growth.points[2].calls, 4000);
    assert_true(growth_slope(&growth, 2) == 0.5);
    assert_false(growth_update(&growth, 0, 5999, 3, false));
    assert_true(growth_update(&growth, 0, 6000, 3, false));
    assert_int_equal(growth.learned_at, 3);
    growth_free(&growth);
}

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

static void the_picture_shows_each_interval_in_its_colour(void **state)
{
    (void)state;
    struct growth growth = by_time();
    for (uint64_t i = 1; i <= 10; i++)
        interval(&growth, i, i == 1 ? 100 : i == 2 ? 110 : 150);
    autofree char *svg = growth_svg(&growth, "<web> & co");
    assert_non_null(strstr(svg, "&lt;web> &amp; co"));
    assert_non_null(strstr(svg, "training time (s)"));
    assert_int_equal(occurrences(svg, "fill=\"#9a9a9a\""), 2 + 1); /* and one in the legend */
    assert_int_equal(occurrences(svg, "fill=\"#1f6fd1\""), 3 + 1);
    assert_int_equal(occurrences(svg, "fill=\"#2a9d3a\""), 4 + 1);
    assert_int_equal(occurrences(svg, "fill=\"#d62828\""), 1 + 1);
    growth_free(&growth);
    growth_start(&growth, &GROWTH_RULE_DEFAULT);
    autofree char *empty = growth_svg(&growth, "nothing yet");
    assert_null(strstr(empty, "nan"));
    assert_null(strstr(empty, "inf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_steady_intervals_end_the_learning),
        cmocka_unit_test(a_shrinking_profile_is_not_steady),
        cmocka_unit_test(intervals_end_at_multiples_of_their_length),
        cmocka_unit_test(a_pause_is_one_interval),
        cmocka_unit_test(an_idle_interval_neither_counts_nor_interrupts),
        cmocka_unit_test(a_loss_breaks_its_interval),
        cmocka_unit_test(calls_can_take_the_place_of_time),
        cmocka_unit_test(the_picture_shows_each_interval_in_its_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
