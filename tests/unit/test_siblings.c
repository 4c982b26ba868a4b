/* detect/siblings: what a burst is worth, and how often simulated replicas raise a false alarm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "detect/siblings.h"
#include "lab/random.h"

#define FOREIGN  12   /* window 6, bag 6 */
#define CALLS    2500 /* of a replica in a stretch */
#define HOUR     (3600 / SIBLINGS_STRETCH)
#define REPLICAS 10

/* Replicas that are learned for an hour, again and again. */
struct simulation {
    uint32_t replicas;
    double rate; /* bursts a stretch and replica */
    double size; /* mean patterns of a burst: exponential */
    uint64_t random;
    struct siblings_record all, own[REPLICAS];
};

static double uniform(struct simulation *simulation)
{
    return ((double)(random_next(&simulation->random) >> 11) + 0.5) / 9007199254740992.0;
}

static bool is_alarm(const struct simulation *simulation, uint32_t replica, uint64_t patterns)
{
    struct siblings_record others = simulation->all;
    others.calls -= simulation->own[replica].calls;
    others.bursts -= simulation->own[replica].bursts;
    others.patterns -= simulation->own[replica].patterns;
    return patterns >=
           siblings_threshold(&others, FOREIGN, CALLS, siblings_level(simulation->replicas));
}

/* A burst comes: an alarm, or something learned. */
static bool burst(struct simulation *simulation, uint32_t replica, uint64_t patterns)
{
    if (is_alarm(simulation, replica, patterns))
        return true;
    simulation->own[replica].bursts++;
    simulation->own[replica].patterns += patterns;
    simulation->all.bursts++;
    simulation->all.patterns += patterns;
    return false;
}

/* One stretch of all replicas; how many false alarms. */
static uint32_t stretch(struct simulation *simulation)
{
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < simulation->replicas; i++) {
        simulation->own[i].calls += CALLS;
        simulation->all.calls += CALLS;
        if (uniform(simulation) < simulation->rate)
            alarms +=
                burst(simulation, i, (uint64_t)ceil(-log(uniform(simulation)) * simulation->size));
    }
    return alarms;
}

static void begin(struct simulation *simulation)
{
    memset(&simulation->all, 0, sizeof simulation->all);
    memset(simulation->own, 0, sizeof simulation->own);
}

static double false_alarms_a_day(uint32_t replicas, double rate, double size)
{
    const int days = 20;
    struct simulation simulation = {.replicas = replicas, .rate = rate, .size = size, .random = 7};
    uint32_t alarms = 0;
    for (int hour = 0; hour < 24 * days; hour++) {
        begin(&simulation);
        for (int i = 0; i < HOUR; i++)
            alarms += stretch(&simulation);
    }
    return (double)alarms / days;
}

/* Whatever the rate of harmless bursts and the number of replicas, as long as bursts are not much
 * larger than was believed before any was seen. */
static void false_alarms_are_as_rare_as_said(void **state)
{
    (void)state;
    const double rates[] = {0.0005, 0.005, 0.05};
    const uint32_t replicas[] = {2, 3, 10};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            assert_true(false_alarms_a_day(replicas[i], rates[k], 2 * FOREIGN) <= 1);
            assert_true(false_alarms_a_day(replicas[i], rates[k], 3 * FOREIGN) <= 2);
        }
}

/* Ten minutes of harmless bursts, then one replica does what none does: a shell and seven commands
 * make some 570 patterns (tests/e2e/test_siblings.py). */
static void one_that_deviates_is_found(void **state)
{
    (void)state;
    for (uint32_t replicas = 2; replicas <= REPLICAS; replicas++) {
        struct simulation simulation = {
            .replicas = replicas, .rate = 0.005, .size = 20, .random = replicas};
        for (int i = 0; i < HOUR / 6; i++)
            stretch(&simulation);
        assert_true(is_alarm(&simulation, 1, 570));
        assert_false(is_alarm(&simulation, 1, 20));
    }
}

/* Where all have bursts of such a size, one more is nothing: what all replicas do is not seen. */
static void all_that_deviate_are_not_found(void **state)
{
    (void)state;
    struct simulation simulation = {.replicas = 3, .rate = 0.05, .size = 570, .random = 1};
    for (int i = 0; i < HOUR / 6; i++)
        stretch(&simulation);
    assert_false(is_alarm(&simulation, 1, 570));
}

static void threshold_is_where_the_chance_reaches_the_level(void **state)
{
    (void)state;
    const struct siblings_record others[] = {
        {0, 0, 0}, {1000, 0, 0}, {600000, 0, 0}, {600000, 7, 90}, {600000, 100, 9000}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint64_t least = siblings_threshold(&others[i], FOREIGN, CALLS, 1e-5);
        assert_true(siblings_chance(&others[i], FOREIGN, CALLS, least) <= 1e-5);
        assert_true(siblings_chance(&others[i], FOREIGN, CALLS, least - 1) > 1e-5);
    }
    assert_float_equal(siblings_chance(&others[0], FOREIGN, CALLS, 0), 1, 1e-9);
}

/* More evidence never raises what is needed; a single call out of place is never enough. */
static void more_calls_of_siblings_mean_more_certainty(void **state)
{
    (void)state;
    uint64_t before = UINT64_MAX;
    for (uint64_t calls = 1; calls < 1ULL << 50; calls *= 4) {
        const struct siblings_record others = {.calls = calls};
        uint64_t now = siblings_threshold(&others, FOREIGN, CALLS, siblings_level(3));
        assert_true(now <= before && now >= 2 * FOREIGN);
        before = now;
    }
    assert_int_equal(before, 2 * FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(false_alarms_are_as_rare_as_said),
        cmocka_unit_test(one_that_deviates_is_found),
        cmocka_unit_test(all_that_deviate_are_not_found),
        cmocka_unit_test(threshold_is_where_the_chance_reaches_the_level),
        cmocka_unit_test(more_calls_of_siblings_mean_more_certainty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
