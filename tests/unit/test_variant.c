/* respond/variant: which variant of a service comes next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "respond/successor.h"
#include "respond/variant.h"

#define N 5

static const char ALL[] = "1=start-one\n2=image=web:2\n3=start-three --with=x\n";

static void expect(const char *all, const char *version, bool other, const char *wanted)
{
    struct variant next;
    bool found = variant_next(all, version, other, &next);
    assert_int_equal(found, *wanted != '\0');
    assert_string_equal(next.name, wanted);
}

static void round_robin(void **state)
{
    (void)state;
    expect(ALL, "1", true, "2");
    expect(ALL, "2", false, "3");
    expect(ALL, "3", true, "1");
    expect(ALL, "unknown", true, "1");
    expect(ALL, "", false, "1");
}

static void what_was_breached_is_not_next(void **state)
{
    (void)state;
    expect("1=a\n", "1", true, "");
    expect("1=a\n", "1", false, "1");
    expect("1=a\n", "2", true, "1");
    expect("1=a\n2=b\n", "1", true, "2");
    expect("1=a\n2=b\n", "2", true, "1");
}

static void there_may_be_none(void **state)
{
    (void)state;
    expect(NULL, "1", true, "");
    expect("", "1", false, "");
}

static void commands_and_images(void **state)
{
    struct variant next;
    (void)state;
    variant_next(ALL, "1", false, &next);
    assert_string_equal(variant_image(&next), "web:2");
    variant_next(ALL, "2", false, &next);
    assert_string_equal(next.start, "start-three --with=x");
    assert_null(variant_image(&next));
}

/* For every list, from every version: each variant is met within one round, in the same order. */
static void each_is_met(void **state)
{
    (void)state;
    for (size_t count = 1; count <= N; count++) {
        char all[64] = "", at[VARIANT_NAME] = "unknown";
        size_t met[N] = {0}, used = 0;
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(all + used, sizeof all - used, "%zu=x\n", i);
        for (size_t i = 0; i < 3 * count; i++) {
            struct variant next;
            assert_true(variant_next(all, at, count > 1, &next));
            assert_true(count == 1 || strcmp(next.name, at) != 0);
            memcpy(at, next.name, sizeof at);
            met[at[0] - '0']++;
        }
        for (size_t i = 0; i < count; i++)
            assert_int_equal(met[i], 3);
    }
}

/* What an image is to be started from, and what a command is run by. */
static void something_must_start_it(void **state)
{
    struct measure_target target = {.workload = {.version = "1"}};
    struct error err;
    (void)state;
    assert_int_equal(successor_check(&target, &err), -1);
    target.rule.replace = (char *)"start";
    assert_int_equal(successor_check(&target, &err), 0);
    variant_next("2=image=web:2\n", "1", true, &target.variant);
    assert_int_equal(successor_check(&target, &err), -1);
    assert_non_null(strstr(err.text, "variant 2 is an image"));
    target.engine_socket = "/run/docker.sock";
    assert_int_equal(successor_check(&target, &err), 0);
    target.engine_socket = NULL;
    variant_next("2=start-two\n", "1", true, &target.variant);
    assert_int_equal(successor_check(&target, &err), 0);
}

static void found_by_name(void **state)
{
    struct variant found;
    (void)state;
    assert_true(variant_find(ALL, "2", &found));
    assert_string_equal(found.name, "2");
    assert_false(variant_find(ALL, "7", &found));
    assert_false(variant_find(NULL, "2", &found));
    assert_true(variant_find(NULL, "", &found)); /* as the old one */
    assert_string_equal(found.start, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_name),
        cmocka_unit_test(round_robin),
        cmocka_unit_test(what_was_breached_is_not_next),
        cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(commands_and_images),
        cmocka_unit_test(each_is_met),
        cmocka_unit_test(something_must_start_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
