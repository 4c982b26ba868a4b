/* tolerate/ageing: trends with and without noise, lifetimes that meet their points, usage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/random.h"
#include "tolerate/ageing.h"

#define STEP 60.0 /* s between samples */

static double noise(uint64_t *seed)
{
    return (double)(random_next(seed) >> 11) * 0x1p-52 - 1;
}

static void near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error))
        fail_msg("%.9g is not %.9g", value, expected);
}

/* Of the later half of a life. */
static struct series line(double start, double slope, double spread, size_t count, uint64_t seed)
{
    struct series series = {0};
    for (size_t i = 0; i < count; i++)
        series_note(&series, STEP * (double)(count + i),
                    start + slope * STEP * (double)i + spread * noise(&seed));
    return series;
}

static void test_series_covers_a_life(void **state)
{
    struct series series = {0};
    (void)state;
    for (int second = 0; second < 100000; second++)
        series_note(&series, second, 2.0 * second);
    assert_in_range(series.count, SERIES_SAMPLES / 2, SERIES_SAMPLES);
    near(series.time[0], 0, 0);
    assert_true(series.time[series.count - 1] > 100000 - 2 * series.every);
    for (size_t i = 1; i < series.count; i++)
        assert_true(series.time[i] >= series.time[i - 1] + series.every / 2);
}

static void test_trend_of_a_line(void **state)
{
    const struct series series = line(100, 3, 0, 40, 0);
    struct trend trend = series_trend(&series);
    (void)state;
    near(trend.slope, 3, 1e-9);
    near(trend.steepest, 3, 1e-9);
    near(trend.level, 100 + 3 * 39 * STEP, 1e-9);
    assert_true(trend_grows(&trend));
    near(trend_exhausted(&trend, trend.slope, 100 + 3 * 9000), 40 * STEP + 9000, 1e-6);
}

/* Mann-Kendall by hand: 10 rising values, S = 45, variance 10*9*25/18 = 125. */
static void test_kendall(void **state)
{
    const struct series rising = line(0, 1, 0, 10, 0), flat = line(5, 0, 0, 30, 0);
    (void)state;
    near(series_trend(&rising).z, 44 / sqrt(125), 1e-9);
    near(series_trend(&flat).z, 0, 0);
    /* 5 values twice: variance 125 - 5*2*1*9/18 = 120, S = 45 - 5 ties = 40. */
    struct series ties = {0};
    for (int i = 0; i < 10; i++)
        series_note(&ties, STEP * (10 + i), floor(i / 2.0));
    near(series_trend(&ties).z, 39 / sqrt(120), 1e-9);
}

/* A fifth of the samples may be anything. */
static void test_outliers(void **state)
{
    struct series series = line(100, 3, 5, 50, 7);
    (void)state;
    for (size_t i = 0; i < 50; i += 5)
        series.used[i] = 1e6;
    struct trend trend = series_trend(&series);
    near(trend.slope, 3, 0.3);
    assert_true(trend.steepest >= trend.slope);
}

static void test_noise_is_no_growth(void **state)
{
    int grown = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        const struct series series = line(1000, 0, 50, 40, seed);
        struct trend trend = series_trend(&series);
        grown += trend_grows(&trend);
    }
    assert_in_range(grown, 0, 15); /* 1 % of them is expected */
    const struct series few = line(0, 1, 0, 9, 0), falling = line(0, -1, 0, 40, 0);
    struct trend none = series_trend(&few), down = series_trend(&falling);
    assert_false(trend_grows(&none));
    assert_false(trend_grows(&down));
    assert_true(isinf(trend_exhausted(&down, down.slope, 1e9)));
    assert_true(isinf(ageing_lifetime(&down, 1e9).scale));
}

static double lived(const struct lifetime *life, double age)
{
    return exp(-pow(age / life->scale, life->shape));
}

static void test_lifetime(void **state)
{
    const struct series series = line(100, 3, 60, 50, 11);
    struct trend trend = series_trend(&series);
    struct lifetime life = ageing_lifetime(&trend, 30000);
    (void)state;
    near(lived(&life, trend_exhausted(&trend, trend.slope, 30000)), 0.5, 1e-9);
    if (life.shape < 10)
        near(lived(&life, trend_exhausted(&trend, trend.steepest, 30000)), 0.95, 1e-9);
    assert_true(life.shape >= 1 && life.shape <= 10);
    life = ageing_lifetime(&trend, 0); /* past its limit already */
    near(lived(&life, trend.time), 0.5, 1e-9);
}

/* The Weibull distribution is found again from the points that it gives. */
static void test_lifetime_by_its_points(void **state)
{
    const struct trend trend = {.slope = 1, .steepest = 4, .z = 5, .level = 0, .time = 1000};
    struct lifetime life = ageing_lifetime(&trend, 1000);
    (void)state;
    near(lived(&life, 2000), 0.5, 1e-9);
    near(lived(&life, 1250), 0.95, 1e-9);
    assert_true(isinf(ageing_lifetime(&trend, 9001).scale)); /* too far off */
    const struct trend young = {.slope = 1, .steepest = 4, .z = 5, .level = 0, .time = 500};
    assert_true(isinf(ageing_lifetime(&young, 1000).scale));
}

/* What is taken at the start and then kept is no trend. */
static void test_warm_up(void **state)
{
    struct series series = {0};
    (void)state;
    for (int i = 0; i < 60; i++)
        series_note(&series, STEP * i, i < 25 ? 100.0 * i : 2500);
    struct trend trend = series_trend(&series);
    assert_false(trend_grows(&trend));
}

/* ---- usage ---- */

static void put(const char *directory, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void drop(const char *directory, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

static void test_memory(void **state)
{
    char directory[] = "/tmp/test_ageing_XXXXXX";
    struct usage usage;
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_false(usage_memory(directory, &usage));
    put(directory, "memory.current", "5000000\n");
    put(directory, "memory.max", "8000000\n");
    put(directory, "memory.stat", "anon 1\ninactive_file 1000000\nactive_file 7\n");
    assert_true(usage_memory(directory, &usage));
    near(usage.used, 4000000, 0);
    near(usage.limit, 8000000, 0);
    put(directory, "memory.max", "max\n");
    assert_true(usage_memory(directory, &usage));
    assert_true(usage.limit > 8000000);
    put(directory, "memory.current", "many\n");
    assert_false(usage_memory(directory, &usage));
    drop(directory, "memory.current");
    put(directory, "memory.usage_in_bytes", "300\n");
    put(directory, "memory.limit_in_bytes", "9223372036854771712\n");
    put(directory, "memory.stat", "cache 1\ntotal_inactive_file 100\n");
    assert_true(usage_memory(directory, &usage));
    near(usage.used, 200, 0);
    assert_true(usage.limit > 8000000);
    const char *const names[] = {"memory.max", "memory.stat", "memory.usage_in_bytes",
                                 "memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        drop(directory, names[i]);
    rmdir(directory);
}

/* This very process is in the cgroup. */
static void test_descriptors(void **state)
{
    char directory[] = "/tmp/test_ageing_XXXXXX", pid[32];
    struct usage before, after;
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_false(usage_descriptors(directory, &before));
    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    put(directory, "cgroup.procs", pid);
    assert_true(usage_descriptors(directory, &before));
    int fd = open("/dev/null", O_RDONLY);
    assert_true(usage_descriptors(directory, &after));
    close(fd);
    near(after.used - before.used, 1, 0);
    near(after.limit, (double)sysconf(_SC_OPEN_MAX), 0);
    put(directory, "cgroup.procs", "4194304999\n");
    assert_false(usage_descriptors(directory, &after));
    drop(directory, "cgroup.procs");
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_covers_a_life),
        cmocka_unit_test(test_trend_of_a_line),
        cmocka_unit_test(test_kendall),
        cmocka_unit_test(test_outliers),
        cmocka_unit_test(test_noise_is_no_growth),
        cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_lifetime_by_its_points),
        cmocka_unit_test(test_warm_up),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests_name("ageing", tests, NULL, NULL);
}
