/* profile/access.h, profile/accesses.h: accesses as they are folded, hashed, and known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/accesses.h"
#include "profile/secret.h"

static void fold(const char *path, const char *expected)
{
    char folded[ACCESS_PATH];
    snprintf(folded, sizeof folded, "%s", path);
    access_fold(folded);
    assert_string_equal(folded, expected);
    access_fold(folded);
    assert_string_equal(folded, expected);
}

static void runs_of_digits_and_slashes_become_one(void **state)
{
    (void)state;
    fold("", "");
    fold("/proc/4711/task/12/stat", "/proc/#/task/#/stat");
    fold("/a//b///c", "/a/b/c");
    fold("base/16384/2619_fsm", "base/#/#_fsm");
    fold("/tmp/#sql-2f_1", "/tmp/#sql-#f_#");
    fold("12#34", "#");
}

/* Whoever reads the folded path finds what whoever read the path itself has found. */
static void a_path_and_its_folded_form_share_their_fingerprints(void **state)
{
    (void)state;
    struct pattern_secret secret;
    secret_draw(&secret);
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        static const char LETTERS[] = "/.a1#";
        char path[ACCESS_PATH] = "", folded[ACCESS_PATH] = "";
        struct access_prints prints, again;
        for (long length = random() % (ACCESS_PATH - 1); length-- > 0;)
            path[length] = LETTERS[random() % 5];
        memcpy(folded, path, sizeof folded);
        access_fold(folded);
        access_prints_make(&prints, &secret, ACCESS_READ, path);
        access_prints_make(&again, &secret, ACCESS_READ, folded);
        assert_memory_equal(&prints, &again, sizeof prints);
        access_prints_make(&again, &secret, ACCESS_WRITE, folded);
        assert_int_not_equal(prints.path, again.path);
    }
}

/* A set knows exactly what a table with its fingerprints knows: so the kernel's does, too. */
static bool table_has(const struct access_set *set, const struct pattern_secret *secret,
                      enum access_kind kind, const char *path)
{
    struct access_prints prints;
    access_prints_make(&prints, secret, kind, path);
    for (size_t i = 0; i < set->count; i++) {
        const struct known_access *known = &set->list[i];
        uint64_t fingerprint = secret_access(secret, known->kind, known->path, known->below);
        bool above = false;
        for (size_t k = 0; k < ACCESS_ABOVE; k++)
            above |= prints.above[k] == fingerprint;
        if (fingerprint == prints.path || above)
            return true;
    }
    return false;
}

static const char *draw_path(char path[ACCESS_PATH])
{
    static const char *const NAMES[] = {"..", "a", "b", "c7", "d"};
    size_t used = random() % 4 ? 1 : 0;
    snprintf(path, ACCESS_PATH, "/");
    for (long depth = random() % 12; depth-- > 0;)
        used += (size_t)snprintf(path + used, ACCESS_PATH - used, "%s/", NAMES[random() % 5]);
    snprintf(path + used, ACCESS_PATH - used, "%c%c", (char)('a' + random() % 26),
             (char)('a' + random() % 2));
    return path;
}

static void a_set_knows_what_its_fingerprints_know(void **state)
{
    (void)state;
    struct pattern_secret secret;
    char path[ACCESS_PATH];
    secret_draw(&secret);
    srandom(2);
    for (int round = 0; round < 20; round++) {
        struct access_set set = {0};
        for (int i = 0; i < 60 * round; i++)
            access_set_add(&set, (enum access_kind)(random() % 2), draw_path(path), false);
        for (int i = 0; i < 300; i++) {
            enum access_kind kind = (enum access_kind)(random() % 2);
            draw_path(path);
            assert_int_equal(access_set_has(&set, kind, path, false),
                             table_has(&set, &secret, kind, path));
        }
        access_set_free(&set);
    }
}

/* ---- directories ---- */

static bool read_has(const struct access_set *set, const char *path)
{
    return access_set_has(set, ACCESS_READ, path, false);
}

static void a_directory_of_ever_new_names_is_opened(void **state)
{
    (void)state;
    struct access_set set = {0};
    const struct known_access *by = NULL;
    char path[64];
    for (int i = 0; i < ACCESS_WIDE; i++) {
        snprintf(path, sizeof path, "/tmp/php%c/x", 'a' + i);
        by = access_set_add(&set, ACCESS_READ, path, false);
        assert_non_null(by);
        assert_false(by->below);
    }
    assert_null(access_set_add(&set, ACCESS_READ, "/tmp/phpa/x", false));
    assert_false(read_has(&set, "/tmp/other"));
    by = access_set_add(&set, ACCESS_READ, "/tmp/last", false);
    assert_true(by && by->below);
    assert_string_equal(by->path, "/tmp/");
    assert_int_equal(set.count, 1);
    assert_true(read_has(&set, "/tmp/other"));
    assert_true(read_has(&set, "/tmp/deeper/and/deeper"));
    assert_false(read_has(&set, "/tmp"));
    assert_false(read_has(&set, "/tmpother"));
    assert_false(read_has(&set, "/tmp/../etc/shadow"));
    assert_false(read_has(&set, "/tmp/a/../../etc/shadow"));
    assert_false(access_set_has(&set, ACCESS_RUN, "/tmp/other", false));
    access_set_free(&set);
}

static void the_root_is_never_opened(void **state)
{
    (void)state;
    struct access_set set = {0};
    char path[64];
    for (int c = 'a'; c <= 'z'; c++) {
        snprintf(path, sizeof path, "/%c/file", c);
        assert_non_null(access_set_add(&set, ACCESS_READ, path, false));
    }
    assert_int_equal(set.count, 26);
    assert_false(read_has(&set, "/etc/shadow"));
    access_set_free(&set);
}

static void relative_names_have_a_directory_of_their_own(void **state)
{
    (void)state;
    struct access_set set = {0};
    char path[64];
    for (int c = 'a'; c <= 'z'; c++) {
        snprintf(path, sizeof path, "%c.tmp", c);
        access_set_add(&set, ACCESS_READ, path, false);
    }
    assert_int_equal(set.count, 1);
    assert_true(read_has(&set, "other/name"));
    assert_false(read_has(&set, "../other/name"));
    assert_false(read_has(&set, "other/../../name"));
    assert_false(read_has(&set, "/other"));
    access_set_free(&set);
}

static void assert_same(const struct access_set *a, const struct access_set *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->list[i].kind, b->list[i].kind);
        assert_int_equal(a->list[i].below, b->list[i].below);
        assert_string_equal(a->list[i].path, b->list[i].path);
    }
}

/* What is opened does not depend on the order, nor on whether parts of it were opened before. */
static void the_order_does_not_matter(void **state)
{
    (void)state;
    enum { MANY = 400 };
    static char path[MANY][ACCESS_PATH];
    srandom(3);
    for (int round = 0; round < 20; round++) {
        struct access_set forth = {0}, back = {0}, half = {0}, both = {0};
        for (int i = 0; i < MANY; i++)
            access_set_add(&forth, ACCESS_READ, draw_path(path[i]), false);
        for (int i = MANY; i-- > 0;)
            access_set_add(&back, ACCESS_READ, path[i], false);
        for (int i = 0; i < MANY; i++)
            access_set_add(i % 3 ? &half : &both, ACCESS_READ, path[i], false);
        access_set_join(&both, &half);
        assert_same(&forth, &back);
        assert_same(&forth, &both);
        access_set_join(&both, &forth);
        assert_same(&forth, &both);
        access_set_free(&forth);
        access_set_free(&back);
        access_set_free(&half);
        access_set_free(&both);
    }
}

static void one_more_temporary_file_resembles_the_others(void **state)
{
    (void)state;
    struct access_set set = {0};
    access_set_add(&set, ACCESS_WRITE, "/dev/shm/wgunicorn-ab0cdefg", false);
    access_set_add(&set, ACCESS_WRITE, "/srv/lizard-bbbbb.jpg", false);
    access_set_add(&set, ACCESS_READ, "/etc/shop/key-abcdef", false);
    assert_true(access_set_resembles(&set, ACCESS_WRITE, "/dev/shm/wgunicorn-ss1gi_zh"));
    assert_false(access_set_resembles(&set, ACCESS_CHANGE, "/dev/shm/wgunicorn-ss1gi_zh"));
    assert_false(access_set_resembles(&set, ACCESS_WRITE, "/dev/wgunicorn-ss1gi_zh"));
    assert_false(access_set_resembles(&set, ACCESS_WRITE, "/dev/shm/wgunicorn-a"));
    assert_false(access_set_resembles(&set, ACCESS_WRITE, "/dev/shm/wgunicorn-ss1gi.so"));
    assert_false(access_set_resembles(&set, ACCESS_WRITE, "/dev/shm/other-ss1gi_zh"));
    assert_false(access_set_resembles(&set, ACCESS_WRITE, "/srv/lizard-aaaaa.php"));
    assert_false(access_set_resembles(&set, ACCESS_READ, "/etc/shop/key-ghijkl"));
    access_set_free(&set);
}

static void a_full_set_takes_no_more(void **state)
{
    (void)state;
    struct access_set set = {0};
    char path[64];
    for (int i = 0; i <= ACCESS_MAX; i++) {
        snprintf(path, sizeof path, "/%c%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 676 % 26, 'a' + i / 17576);
        assert_int_equal(access_set_add(&set, ACCESS_READ, path, false) != NULL, i < ACCESS_MAX);
    }
    access_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_digits_and_slashes_become_one),
        cmocka_unit_test(a_path_and_its_folded_form_share_their_fingerprints),
        cmocka_unit_test(a_set_knows_what_its_fingerprints_know),
        cmocka_unit_test(a_directory_of_ever_new_names_is_opened),
        cmocka_unit_test(the_root_is_never_opened),
        cmocka_unit_test(relative_names_have_a_directory_of_their_own),
        cmocka_unit_test(the_order_does_not_matter),
        cmocka_unit_test(one_more_temporary_file_resembles_the_others),
        cmocka_unit_test(a_full_set_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
