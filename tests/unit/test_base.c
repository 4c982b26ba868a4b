/* base: numbers from text, errors for people, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/text.h"

static void whole_numbers(void **state)
{
    (void)state;
    struct error err;
    uint64_t value = 7;
    assert_int_equal(parse_u64("n", "16", 2, 16, &value, &err), 0);
    assert_int_equal(value, 16);
    const char *bad[] = {"",   "17", "1",  "-3",  "+3",
                         " 3", "3 ", "3x", "0x3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_u64("n", bad[i], 2, 16, &value, &err), -1);
    assert_int_equal(value, 16);
    assert_int_equal(err.code, EXIT_USAGE);
    assert_non_null(strstr(err.text, "2 to 16"));
}

static void fractions(void **state)
{
    (void)state;
    struct error err;
    double value;
    assert_int_equal(parse_double("x", "0.15", 0, 1, &value, &err), 0);
    assert_true(value == 0.15);
    assert_int_equal(parse_double("x", "-1.5", -2, 1, &value, &err), 0);
    assert_true(value == -1.5);
    const char *bad[] = {"", "nan", "inf", "1e999", "0x1", "2", "--1", "1,5", "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_double("x", bad[i], 0, 1, &value, &err), -1);
}

static void durations_and_sizes(void **state)
{
    (void)state;
    struct error err;
    uint64_t value;
    assert_int_equal(parse_duration("t", "1.5h", &value, &err), 0);
    assert_int_equal(value, 5400 * NS_PER_S);
    assert_int_equal(parse_duration("t", "0", &value, &err), 0);
    assert_int_equal(value, 0);
    assert_int_equal(parse_duration("t", "10", &value, &err), -1);
    assert_int_equal(parse_duration("t", "10 s", &value, &err), -1);
    assert_int_equal(parse_duration("t", "1000000d", &value, &err), -1);
    assert_int_equal(parse_size("s", "4MiB", &value, &err), 0);
    assert_int_equal(value, 4 << 20);
    assert_int_equal(parse_size("s", "512", &value, &err), 0);
    assert_int_equal(value, 512);
    assert_int_equal(parse_size("s", "4mib", &value, &err), -1);
}

static void errors_carry_context(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, EXIT_MACHINE, 2, "cannot open %s", "x"), -1);
    error_context(&err, "profile");
    error_hint(&err, "look at %s", "y");
    assert_string_equal(err.text, "profile: cannot open x: No such file or directory (look at y)");
    char wide[2 * ERROR_TEXT];
    memset(wide, 'a', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    error_set(&err, EXIT_USAGE, 0, "%s", wide);
    assert_int_equal(strlen(err.text), ERROR_TEXT - 1);
}

static void times_are_iso_8601(void **state)
{
    (void)state;
    char text[CLOCK_TEXT];
    assert_string_equal(clock_format(1574370749ULL * NS_PER_S + 1500, text),
                        "2019-11-21T21:12:29.000001Z");
    uint64_t parsed;
    assert_int_equal(clock_parse("2019-11-21T21:12:29.000001Z", &parsed), 0);
    assert_int_equal(parsed, 1574370749ULL * NS_PER_S + 1000);
    assert_int_equal(clock_parse("2019-11-21T21:12:29Z", &parsed), 0);
    assert_int_equal(parsed, 1574370749ULL * NS_PER_S);
    const char *wrong[] = {"",
                           "2019-11-21",
                           "2019-11-21T21:12:29",
                           "2019-11-21T21:12:29.5",
                           "1919-11-21T21:12:29Z",
                           "2019-11-21T21:12:29Z "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(clock_parse(wrong[i], &parsed), -1);
    uint64_t wall = clock_wall(clock_monotonic());
    assert_true(clock_realtime() - wall < NS_PER_S);
    assert_int_equal(clock_passed(7, 3), 4);
    assert_int_equal(clock_passed(3, 7), 0);
}

/* A path that an intruder has chosen still tells all that is text in it. */
static void hostile_bytes_stay_readable(void **state)
{
    static const struct {
        const char *bytes, *text;
        size_t length;
    } CASES[] = {
        {"/tmp/\xff\xfe/x", "/tmp/\?\?/x", 9},
        {"caf\xc3\xa9", "caf\xc3\xa9", 5},
        {"caf\xc3", "caf?", 4},                  /* cut within a character */
        {"\xed\xa0\x80 \xc0\xaf", "??\? ??", 6}, /* a surrogate; an overlong slash */
        {"\xf0\x9f\xa6\x8e\xff", "\xf0\x9f\xa6\x8e?", 5},
        {"", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        json_t *json = text_json(CASES[i].bytes, CASES[i].length);
        assert_non_null(json);
        assert_string_equal(json_string_value(json), CASES[i].text);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_bytes_stay_readable),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(fractions),
        cmocka_unit_test(durations_and_sizes),
        cmocka_unit_test(errors_carry_context),
        cmocka_unit_test(times_are_iso_8601),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
