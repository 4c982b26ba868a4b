/* tolerate/capacity: figures worked out by hand, and what must hold for any input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "lab/random.h"
#include "tolerate/capacity.h"

#define DAY      86400.0
#define ROUNDS   20000
#define REPLICAS 9
#define EXACTLY  1e-9 /* of two ways to the same number */
#define ROUNDING 1e-12

static void near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error))
        fail_msg("%.12g is not %.12g", value, expected);
}

/* From 0 to below 1. */
static double unit(uint64_t *seed)
{
    return (double)(random_next(seed) >> 11) * 0x1p-53;
}

/* ---- by hand ---- */

static void test_age(void **state)
{
    const struct lifetime life = {.scale = 100, .shape = 2};
    const struct lifetime memoryless = {.scale = 100, .shape = 1};
    const struct lifetime young = {.scale = 100, .shape = 0.5};
    const struct lifetime endless = {.scale = INFINITY, .shape = 2};
    (void)state;
    near(hazard_age(&life, 0, 50), 0.25, EXACTLY);
    near(hazard_age(&life, 50, 50), 0.75, EXACTLY);
    near(hazard_age(&memoryless, 12345, 50), 0.5, EXACTLY);
    near(hazard_age(&young, 12345, 50), 0.5, EXACTLY);
    near(hazard_age(&endless, 12345, 50), 0, 0);
    near(hazard_age(&life, 1e200, 1e200), HAZARD_MAX, 0);
}

static void test_vulnerabilities(void **state)
{
    (void)state;
    near(hazard_vulnerabilities(1, -log(1 - 0.95), 30 * DAY), 2.995732273554, EXACTLY);
    near(hazard_vulnerabilities(0.1, 3, 1 * DAY), 0.01, EXACTLY);
    near(hazard_vulnerabilities(0.1, 0, 1 * DAY), 0, 0);
}

static void test_attacks(void **state)
{
    (void)state;
    near(hazard_attacks(0, 0, 30 * DAY), 0.01, EXACTLY);
    near(hazard_attacks(0.99, 30 * DAY, 6 * DAY), 0.1, EXACTLY);
    near(hazard_attacks(1e9, DAY, DAY), 3, 0);
    near(evidence_left(0.8, 0, 3600), 0.8, 0);
    near(evidence_left(0.8, 3600, 3600), 0.8 * exp(-1), EXACTLY);
    near(evidence_left(0.8, 1, 0), 0, 0);
    near(belief_add(belief_add(0, 0.5), 0.5), 0.75, EXACTLY);
}

static void test_survives(void **state)
{
    static const size_t VOTING[] = {0, 0, 0, 1, 1, 2};
    (void)state;
    for (size_t n = 0; n < 6; n++) {
        assert_int_equal(redundancy_survives(REDUNDANCY_BALANCED, n), 0);
        assert_int_equal(redundancy_survives(REDUNDANCY_VOTING, n), VOTING[n]);
        assert_int_equal(redundancy_survives(REDUNDANCY_AVAILABILITY, n), n ? n - 1 : 0);
    }
}

/* The probability of every outcome with at most f compromised, one by one. */
static double by_outcomes(const double *q, size_t n, size_t f)
{
    double sum = 0;
    for (unsigned outcome = 0; outcome < 1U << n; outcome++) {
        double p = 1;
        for (size_t i = 0; i < n; i++)
            p *= outcome >> i & 1 ? q[i] : 1 - q[i];
        sum += (size_t)__builtin_popcount(outcome) <= f ? p : 0;
    }
    return sum;
}

static void test_at_most(void **state)
{
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 300; round++) {
        double q[REPLICAS];
        size_t n = random_below(&seed, REPLICAS + 1), f = random_below(&seed, REPLICAS);
        for (size_t i = 0; i < n; i++)
            q[i] = unit(&seed);
        near(at_most_compromised(q, n, f), by_outcomes(q, n, f), EXACTLY);
    }
}

static void test_capacity(void **state)
{
    const struct risk one = {.belief = 0.1};
    const struct risk three[] = {one, one, one};
    (void)state;
    near(capacity(NULL, 0, REDUNDANCY_AVAILABILITY, 0.5), 0, 0);
    near(capacity(three, 3, REDUNDANCY_BALANCED, 0), 0.729, EXACTLY);
    near(capacity(three, 3, REDUNDANCY_VOTING, 0), 0.972, EXACTLY);
    near(capacity(three, 3, REDUNDANCY_AVAILABILITY, 0), 0.999, EXACTLY);
    /* What all have in common, no replica survives. */
    const struct risk shared[] = {{.vulnerabilities = 0.2, .attacks = 0.1}, {.belief = 0}};
    near(capacity(shared, 2, REDUNDANCY_AVAILABILITY, 1), exp(-0.3), EXACTLY);
    near(capacity(shared, 2, REDUNDANCY_BALANCED, 1), exp(-0.3), EXACTLY);
    near(capacity(shared, 2, REDUNDANCY_BALANCED, 0.5), exp(-0.3), EXACTLY);
}

static void test_taken(void **state)
{
    const struct risk risk = {
        .age = 0.1, .vulnerabilities = 0.2, .attacks = 0.3, .belief = 1 - exp(-0.4)};
    (void)state;
    for (enum cause cause = 0; cause < CAUSES; cause++)
        near(capacity_taken(&risk, 1, REDUNDANCY_BALANCED, 0.5, cause),
             exp(-1 + 0.1 * (cause + 1)) - exp(-1), EXACTLY);
}

static void test_system(void **state)
{
    const double capacities[] = {1, 0.5, 0};
    const double weights[] = {2, 1, 0}, none[] = {0, 0, 0};
    struct system_capacity system = capacity_system(capacities, weights, 3);
    (void)state;
    near(system.mean, 2.5 / 3, EXACTLY);
    near(system.geometric, cbrt(0.5), EXACTLY);
    near(system.least, 0, 0); /* though nobody needs it */
    system = capacity_system(capacities, none, 3);
    near(system.mean, 0.5, EXACTLY);
    near(system.geometric, 0, 0);
}

/* ---- for any input ---- */

/* Mostly of everyday size, now and then extreme. */
static double any_hazard(uint64_t *seed)
{
    return pow(10, 16 * unit(seed) - 12);
}

static double any_share(uint64_t *seed)
{
    uint64_t kind = random_below(seed, 8);
    return kind < 2 ? (double)kind : unit(seed);
}

static size_t any_risks(uint64_t *seed, struct risk *risks)
{
    size_t n = 1 + random_below(seed, REPLICAS - 1);
    for (size_t i = 0; i < REPLICAS; i++)
        risks[i] = (struct risk){.age = any_hazard(seed),
                                 .vulnerabilities = any_hazard(seed),
                                 .attacks = any_hazard(seed),
                                 .belief = any_share(seed)};
    return n;
}

static void test_in_range(void **state)
{
    struct risk risks[REPLICAS];
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = any_risks(&seed, risks);
        double common = any_share(&seed);
        for (enum redundancy kind = REDUNDANCY_BALANCED; kind <= REDUNDANCY_AVAILABILITY; kind++) {
            double value = capacity(risks, n, kind, common);
            assert_true(value >= 0 && value <= 1);
            for (enum cause cause = 0; cause < CAUSES; cause++) {
                double taken = capacity_taken(risks, n, kind, common, cause);
                assert_true(taken >= 0 && value + taken <= 1 + ROUNDING);
            }
        }
    }
}

/* More of anything bad, for any replica, never helps. */
static void test_never_rises(void **state)
{
    struct risk risks[REPLICAS];
    uint64_t seed = 2;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = any_risks(&seed, risks), worse = random_below(&seed, n);
        enum redundancy kind = (enum redundancy)random_below(&seed, 3);
        double common = any_share(&seed);
        double before = capacity(risks, n, kind, common);
        struct risk *risk = &risks[worse];
        double *const parts[] = {&risk->age, &risk->vulnerabilities, &risk->attacks};
        uint64_t part = random_below(&seed, 4);
        if (part < 3)
            *parts[part] += any_hazard(&seed);
        else
            risk->belief = belief_add(risk->belief, any_share(&seed));
        assert_true(capacity(risks, n, kind, common) <= before + ROUNDING);
    }
}

static void test_more_replicas_never_help_alone(void **state)
{
    struct risk risks[REPLICAS];
    uint64_t seed = 3;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = any_risks(&seed, risks), f = random_below(&seed, n);
        double common = any_share(&seed);
        assert_true(capacity_surviving(risks, n + 1, f, common) <=
                    capacity_surviving(risks, n, f, common) + ROUNDING);
    }
}

/* Older, longer, more often attacked, more vulnerable: no hazard falls. */
static void test_hazards_never_fall(void **state)
{
    uint64_t seed = 4;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const struct lifetime life = {any_hazard(&seed) * 1e6, 8 * unit(&seed)};
        double age = any_hazard(&seed) * 1e6, older = age + any_hazard(&seed) * 1e6;
        double horizon = any_hazard(&seed) * 1e6, longer = horizon + any_hazard(&seed);
        double young = hazard_age(&life, age, horizon);
        assert_true(young >= 0 && young <= HAZARD_MAX);
        assert_true(young <= hazard_age(&life, older, horizon) * (1 + 1e-9));
        assert_true(young <= hazard_age(&life, age, longer) * (1 + 1e-9));
        double weight = any_hazard(&seed), more = weight + any_hazard(&seed);
        assert_true(hazard_vulnerabilities(0.3, weight, horizon) <=
                    hazard_vulnerabilities(0.3, more, horizon));
        assert_true(hazard_attacks(weight, 60, horizon) <= hazard_attacks(more, 60, horizon));
        assert_true(evidence_left(0.5, older, horizon) <= evidence_left(0.5, age, horizon));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_vulnerabilities),
        cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_survives),
        cmocka_unit_test(test_at_most),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_system),
        cmocka_unit_test(test_in_range),
        cmocka_unit_test(test_never_rises),
        cmocka_unit_test(test_more_replicas_never_help_alone),
        cmocka_unit_test(test_hazards_never_fall),
    };
    return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
