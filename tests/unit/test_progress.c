/* base/progress: what the line says, and that it keeps quiet where nobody would see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/progress.h"

#define MIB 1048576ULL

static const char *line(const char *unit, uint64_t total, uint64_t done, uint64_t seconds,
                        unsigned width)
{
    static char text[PROGRESS_TEXT];
    struct progress progress;
    progress_start(&progress, "learning", unit, total);
    progress_set(&progress, done);
    return progress_text(&progress, seconds * NS_PER_S, width, text);
}

static void says_how_far(void **state)
{
    (void)state;
    assert_string_equal(line(PROGRESS_BYTES, 2000 * MIB, 500 * MIB, 10, 200),
                        " 25 % [=====---------------] 500.0 MiB of 2.0 GiB, 30 s left  learning");
    assert_string_equal(line("traces", 120, 119, 119, 200),
                        " 99 % [===================-] 119 of 120 traces, 1 s left  learning");
    assert_string_equal(line("traces", 3, 0, 5, 200),
                        "  0 % [--------------------] 0 of 3 traces  learning");
    assert_string_equal(line(PROGRESS_BYTES, 100, 100, 5, 200),
                        "100 % [====================] 100 B of 100 B, 0 s left  learning");
}

static void says_what_it_knows(void **state)
{
    (void)state;
    assert_string_equal(line(PROGRESS_BYTES, 0, 3 * MIB / 2, 65, 200),
                        "1.5 MiB, 1 m 05 s  learning");
    assert_string_equal(line("traces", 0, 7, 7260, 200), "7 traces, 2 h 01 m  learning");
    /* A file may grow while it is read. */
    assert_string_equal(line("traces", 3, 4, 2, 200),
                        "100 % [====================] 4 of 3 traces, 0 s left  learning");
}

static void fits_the_terminal(void **state)
{
    (void)state;
    char text[PROGRESS_TEXT], label[2 * PROGRESS_TEXT];
    struct progress progress;
    assert_string_equal(line("traces", 120, 60, 60, 16), " 50 % [=========");
    assert_string_equal(line("traces", 120, 60, 60, 0), "");
    progress_start(&progress, "f\xc3\xbcr\033[2J", "traces", 0);
    assert_string_equal(progress_text(&progress, 0, 200, text), "0 traces, 0 s  f\xc3\xbcr?[2J");
    assert_string_equal(progress_text(&progress, 0, 17, text), "0 traces, 0 s  f\xc3\xbc");
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    progress_start(&progress, label, "traces", 0);
    assert_int_equal(strlen(progress_text(&progress, 0, 1000, text)), PROGRESS_TEXT - 1);
}

static void is_quiet_in_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/skink-progress-XXXXXX";
    struct progress progress;
    int file = mkstemp(path), kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    dup2(file, STDERR_FILENO);
    progress_start(&progress, "learning", "traces", 3);
    progress.started = progress.next = 0; /* long ago */
    progress_advance(&progress, 1);
    progress_end(&progress);
    dup2(kept, STDERR_FILENO);
    assert_int_equal(lseek(file, 0, SEEK_END), 0);
    close(file);
    close(kept);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_how_far),
        cmocka_unit_test(says_what_it_knows),
        cmocka_unit_test(fits_the_terminal),
        cmocka_unit_test(is_quiet_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
