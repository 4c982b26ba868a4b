/* respond: work that may never end, and how much evidence is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/aside.h"
#include "respond/evidence_store.h"

#define KIB 1024

/* ---- work aside ---- */

static void answer_twice(void *context, int out)
{
    const int *answers = context;
    assert_int_equal(write(out, &answers[0], sizeof *answers), sizeof *answers);
    assert_int_equal(write(out, &answers[1], sizeof *answers), sizeof *answers);
}

static void answer_and_hang(void *context, int out)
{
    assert_int_equal(write(out, context, sizeof(int)), sizeof(int));
    for (;;)
        pause();
}

static void die(void *context, int out)
{
    (void)context, (void)out;
    _exit(1);
}

static void the_last_answer_counts(void **state)
{
    int answers[2] = {7, 8}, got;
    struct error err;
    (void)state;
    assert_int_equal(aside_run(answer_twice, answers, NS_PER_S, &got, sizeof got, &err), 0);
    assert_int_equal(got, 8);
}

static void what_hangs_is_killed_and_its_answer_kept(void **state)
{
    int answer = 7, got;
    struct error err;
    (void)state;
    uint64_t begin = clock_monotonic();
    assert_int_equal(aside_run(answer_and_hang, &answer, NS_PER_S / 10, &got, sizeof got, &err), 1);
    assert_int_equal(got, 7);
    assert_in_range(clock_monotonic() - begin, NS_PER_S / 10, NS_PER_S);
}

static void what_dies_has_said_nothing(void **state)
{
    int got = 1;
    struct error err;
    (void)state;
    assert_int_equal(aside_run(die, NULL, NS_PER_S, &got, sizeof got, &err), 0);
    assert_int_equal(got, 0);
}

/* ---- how much is kept ---- */

static char store[] = "/tmp/skink-evidence-XXXXXX";

static void path_of(const char *name, const char *file, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s%s%s", store, name, *file ? "/" : "", file);
}

/* A copy of so many KiB. */
static void make_copy(const char *name, int kib)
{
    static const char BLOCK[KIB] = "x";
    char path[PATH_MAX];
    path_of(name, "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(name, "file", path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    for (int i = 0; i < kib; i++)
        assert_int_equal(write(fd, BLOCK, sizeof BLOCK), sizeof BLOCK);
    close(fd);
}

static bool is_there(const char *name)
{
    char path[PATH_MAX];
    path_of(name, "", path);
    return access(path, F_OK) == 0;
}

static void the_oldest_evidence_goes_first(void **state)
{
    char kept[PATH_MAX];
    (void)state;
    assert_non_null(mkdtemp(store));
    make_copy("2026-11-22T07-web", 64);
    make_copy("2026-11-22T08-web", 64);
    make_copy("2026-11-22T09-web", 64);
    path_of("2026-11-22T09-web", "", kept);
    assert_true(evidence_size(store) >= 192 * KIB);
    evidence_prune(store, kept, 200 * KIB);
    assert_true(is_there("2026-11-22T07-web"));
    evidence_prune(store, kept, 150 * KIB);
    assert_false(is_there("2026-11-22T07-web"));
    assert_true(is_there("2026-11-22T08-web"));
    evidence_prune(store, kept, 1); /* what has just been taken stays */
    assert_false(is_there("2026-11-22T08-web"));
    assert_true(is_there("2026-11-22T09-web"));
    evidence_prune(store, "", 0);
    assert_int_equal(rmdir(store), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_answer_counts),
        cmocka_unit_test(what_hangs_is_killed_and_its_answer_kept),
        cmocka_unit_test(what_dies_has_said_nothing),
        cmocka_unit_test(the_oldest_evidence_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
