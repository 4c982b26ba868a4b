/* tolerate/schedule: when a replica is to be replaced, which one, and why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tolerate/schedule.h"

#define N     3
#define PARTS 20000

static double cost(const struct lifetime *life, double planned, double failure, double age)
{
    double integral = 0, step = age / PARTS;
    for (int i = 0; i < PARTS; i++)
        integral += exp(-pow((i + 0.5) * step / life->scale, life->shape)) * step;
    double survived = exp(-pow(age / life->scale, life->shape));
    return (planned * survived + failure * (1 - survived)) / integral;
}

static void test_interval(void **state)
{
    const struct lifetime life = {.scale = 1000, .shape = 2.5};
    double rate;
    double interval = schedule_interval(&life, 1, 5, &rate);
    (void)state;
    assert_true(fabs(interval - 493) < 1);
    assert_true(fabs(rate - 0.0035) < 0.00005);
    assert_true(fabs(rate - cost(&life, 1, 5, interval)) < 1e-7);
}

static void test_nothing_costs_less(void **state)
{
    (void)state;
    static const double SHAPES[] = {1.2, 2, 3.5, 11}, FAILURES[] = {2, 5, 40, 1000};
    for (size_t i = 0; i < 16; i++) {
        const struct lifetime life = {.scale = 50, .shape = SHAPES[i / 4]};
        double failure = FAILURES[i % 4], rate;
        double interval = schedule_interval(&life, 1, failure, &rate);
        assert_true(isfinite(interval));
        for (int percent = 70; percent <= 150; percent += 10)
            assert_true(rate <= cost(&life, 1, failure, interval * percent / 100) * (1 + 1e-4));
    }
}

static void test_never(void **state)
{
    const struct lifetime memoryless = {.scale = 1000, .shape = 1};
    const struct lifetime improving = {.scale = 1000, .shape = 0.7};
    const struct lifetime ageing = {.scale = 1000, .shape = 2.5};
    const struct lifetime endless = {.scale = INFINITY, .shape = 2.5};
    double rate;
    (void)state;
    assert_true(isinf(schedule_interval(&memoryless, 1, 5, &rate)));
    assert_true(fabs(rate - 0.005) < 1e-9); /* one failure a lifetime */
    assert_true(isinf(schedule_interval(&improving, 1, 5, NULL)));
    assert_true(isinf(schedule_interval(&ageing, 5, 5, NULL)));
    assert_true(isinf(schedule_interval(&endless, 1, 5, NULL)));
}

static void test_belief(void **state)
{
    (void)state;
    assert_true(fabs(schedule_belief(4) - 0.25) < 1e-12);
    assert_true(fabs(schedule_belief(0.5) - 1) < 1e-12);
}

/* ---- which one ---- */

static const struct rejuvenation_rule RULE = {.redundancy = REDUNDANCY_BALANCED,
                                              .common = 0.5,
                                              .floor = 0.8,
                                              .belief = 0.5,
                                              .minimum_healthy = 2,
                                              .start_first = true};

static void fresh(struct candidate candidates[N])
{
    for (size_t i = 0; i < N; i++)
        candidates[i] =
            (struct candidate){.age = 10, .interval = INFINITY, .healthy = true, .judged = true};
}

static struct rejuvenation next(const struct candidate candidates[N],
                                const struct rejuvenation_rule *rule)
{
    return schedule_next(candidates, N, rule);
}

static void test_nothing_to_do(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_NONE);
    assert_string_equal(decision.reason, "");
    assert_true(fabs(decision.capacity - 1) < 1e-12);
    assert_int_equal(schedule_next(NULL, 0, &RULE).verdict, VERDICT_NONE);
}

static void test_the_most_suspect_first(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    candidates[1].risk.belief = 0.6;
    candidates[2].risk.belief = 0.9;
    candidates[0].interval = 5; /* overdue, too */
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_NOW);
    assert_int_equal(decision.replica, 2);
    assert_true(decision.start_first);
    assert_true(fabs(decision.capacity - 0.04) < 1e-9 && fabs(decision.after - 0.4) < 1e-9);
    assert_string_equal(decision.reason, "belief 0.90 has reached 0.50");
}

static void test_the_floor(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    candidates[0].risk.belief = 0.1;
    candidates[1].risk.age = 0.3;
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_NOW);
    assert_int_equal(decision.replica, 1);
    assert_string_equal(decision.reason, "tolerance capacity 0.67 is under its floor 0.80");
}

/* A clean replica has the holes of the old one. */
static void test_no_replica_helps(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    for (size_t i = 0; i < N; i++)
        candidates[i].risk.vulnerabilities = candidates[i].renewed.vulnerabilities = 1;
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_NONE);
    assert_non_null(strstr(decision.reason, "a clean replica would be little better"));
}

static void test_the_most_overdue(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    candidates[0].interval = 9;
    candidates[1].interval = 7;
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_NOW);
    assert_int_equal(decision.replica, 1);
    assert_string_equal(decision.reason, "age 10 s has passed 7 s");
}

static void test_one_at_a_time(void **state)
{
    struct candidate candidates[N];
    fresh(candidates);
    candidates[0].risk.belief = 0.9;
    candidates[1].renewing = true;
    struct rejuvenation decision = next(candidates, &RULE);
    (void)state;
    assert_int_equal(decision.verdict, VERDICT_WAIT);
    assert_non_null(strstr(decision.reason, "another one is being renewed"));
}

static void test_minimum_healthy(void **state)
{
    struct candidate candidates[N];
    struct rejuvenation_rule in_place = RULE;
    (void)state;
    in_place.start_first = false;
    fresh(candidates);
    candidates[0].risk.belief = 0.9;
    assert_int_equal(next(candidates, &in_place).verdict, VERDICT_NOW);
    candidates[1].healthy = false;
    struct rejuvenation decision = next(candidates, &in_place);
    assert_int_equal(decision.verdict, VERDICT_WAIT);
    assert_non_null(strstr(decision.reason, "1 healthy would be left, 2 are needed"));
    assert_int_equal(next(candidates, &RULE).verdict, VERDICT_NOW);
    candidates[0].healthy = false; /* nothing is lost with it */
    assert_int_equal(next(candidates, &in_place).verdict, VERDICT_NOW);
}

/* Alerts of a profile that is not complete are no reason; age is, which asks no profile. */
static void test_only_age_without_a_profile(void **state)
{
    struct candidate candidates[N];
    (void)state;
    fresh(candidates);
    candidates[0].risk.belief = 0.9;
    candidates[0].judged = false;
    assert_int_equal(next(candidates, &RULE).verdict, VERDICT_NONE);
    candidates[0].interval = 9;
    struct rejuvenation decision = next(candidates, &RULE);
    assert_int_equal(decision.verdict, VERDICT_NOW);
    assert_int_equal(decision.cause, REJUVENATION_AGE);
}

static void test_what_holds_it_is_said(void **state)
{
    struct candidate candidates[N];
    struct rejuvenation_rule held = RULE;
    (void)state;
    held.held = "half of the budget is spent";
    fresh(candidates);
    assert_string_equal(next(candidates, &held).reason, "");
    candidates[1].interval = 9;
    struct rejuvenation decision = next(candidates, &held);
    assert_int_equal(decision.verdict, VERDICT_WAIT);
    assert_string_equal(decision.reason,
                        "age 10 s has passed 9 s; waits: half of the budget is spent");
}

/* Renewed one after the other as long as it says so, a service comes to rest, whatever it suffers
 * from: no replica more than once. */
static void test_it_comes_to_rest(void **state)
{
    uint32_t random = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct candidate candidates[N];
        struct rejuvenation decision;
        size_t renewed[N] = {0}, steps = 0;
        fresh(candidates);
        for (size_t i = 0; i < N; i++) {
            random = random * 1664525 + 1013904223;
            candidates[i].risk = (struct risk){.age = (random >> 8 & 255) / 128.0,
                                               .vulnerabilities = (random >> 16 & 255) / 512.0,
                                               .belief = (random >> 24) / 512.0};
            candidates[i].renewed.vulnerabilities = candidates[i].risk.vulnerabilities;
            candidates[i].renewed.age = candidates[i].risk.age / 4;
        }
        while ((decision = next(candidates, &RULE)).verdict == VERDICT_NOW) {
            assert_true(decision.after > decision.capacity);
            candidates[decision.replica].risk = candidates[decision.replica].renewed;
            assert_int_equal(++renewed[decision.replica], 1);
            assert_true(++steps <= N);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_nothing_costs_less),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_belief),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_the_most_suspect_first),
        cmocka_unit_test(test_the_floor),
        cmocka_unit_test(test_no_replica_helps),
        cmocka_unit_test(test_the_most_overdue),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_minimum_healthy),
        cmocka_unit_test(test_only_age_without_a_profile),
        cmocka_unit_test(test_what_holds_it_is_said),
        cmocka_unit_test(test_it_comes_to_rest),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
