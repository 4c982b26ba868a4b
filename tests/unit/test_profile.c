/* profile: the set of patterns, the gaps, the file and its place on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "profile/profile.h"

static void windows_are_ordered_and_bags_are_not(void **state)
{
    (void)state;
    struct profile *profile = profile_new("web", "1", 3, 4);
    uint16_t window[] = {1, 2, 3}, turned[] = {3, 2, 1};
    uint16_t bag[] = {7, 0, 7, 513}, same[] = {513, 7, 7, 0}, other[] = {513, 7, 0, 0};
    assert_true(profile_add(profile, PATTERN_WINDOW, window));
    assert_false(profile_add(profile, PATTERN_WINDOW, window));
    assert_true(profile_has(profile, PATTERN_WINDOW, window));
    assert_false(profile_has(profile, PATTERN_WINDOW, turned));
    assert_true(profile_add(profile, PATTERN_BAG, bag));
    assert_false(profile_add(profile, PATTERN_BAG, same));
    assert_true(profile_has(profile, PATTERN_BAG, same));
    assert_false(profile_has(profile, PATTERN_BAG, other));
    assert_int_equal(profile_count(profile, PATTERN_BAG), 1);
    uint16_t sorted[] = {0, 7, 7, 513};
    assert_memory_equal(profile_pattern(profile, PATTERN_BAG, 0), sorted, sizeof sorted);
    profile_free(profile);
}

/* The digits of i in base CALL_CODES. */
static const uint16_t *spell(uint32_t i, uint16_t codes[PATTERN_MAX])
{
    memset(codes, 0, PATTERN_MAX * sizeof *codes);
    codes[0] = i % CALL_CODES;
    codes[5] = (uint16_t)(i / CALL_CODES);
    return codes;
}

static void a_million_patterns_fit(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    struct profile *profile = profile_new("web", "1", 6, 6);
    uint16_t codes[PATTERN_MAX];
    for (uint32_t i = 0; i < MANY; i++)
        assert_true(profile_add(profile, PATTERN_WINDOW, spell(i, codes)));
    for (uint32_t i = 0; i < MANY; i++)
        assert_false(profile_add(profile, PATTERN_WINDOW, spell(i, codes)));
    assert_int_equal(profile_count(profile, PATTERN_WINDOW), MANY);
    assert_memory_equal(profile_pattern(profile, PATTERN_WINDOW, 123456), spell(123456, codes),
                        6 * sizeof *codes);
    assert_false(profile_has(profile, PATTERN_WINDOW, spell(MANY, codes)));
    profile_free(profile);
}

static void names_are_fit_for_terminal_and_json(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\033[2Jweb\x7f", "?[2Jweb?"},
        {"a\xffz", "a?z"},
        {"\xc0\xafz", "??z"},
        {"\xed\xa0\x80", "???"},
        {"\xf0\x9f\xa6\x8e", "\xf0\x9f\xa6\x8e"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xc3", "?"},
        {"\xc2\x85", "??"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct profile *profile = profile_new(CASES[i][0], "-", 6, 6);
        assert_string_equal(profile_facts(profile)->service, CASES[i][1]);
        profile_free(profile);
    }
}

static void gaps_are_named(void **state)
{
    (void)state;
    char text[256], tiny[12];
    struct profile *profile = profile_new("web", "1", 6, 6);
    struct profile_facts *facts = profile_facts(profile);
    facts->lost = 3;
    facts->calls = 10;
    facts->min_calls = 1000;
    profile_growth(profile)->in_a_row = 2;
    assert_int_equal(profile_gaps(profile),
                     PROFILE_NOT_STEADY | PROFILE_LOSSES | PROFILE_FEW_CALLS | PROFILE_NO_START);
    assert_string_equal(profile_state(profile, text, sizeof text),
                        "incomplete: not steady yet (2 of 5 intervals), 3 lost while learning, "
                        "few calls (10 of 1000), no start seen");
    assert_string_equal(profile_state(profile, tiny, sizeof tiny), "incomplete:");
    facts->lost = 0;
    facts->calls = 1000;
    facts->starts = 1;
    assert_int_equal(profile_gaps(profile), PROFILE_NOT_STEADY);
    profile_growth(profile)->learned = true;
    assert_int_equal(profile_gaps(profile), 0);
    assert_string_equal(profile_state(profile, text, sizeof text), "complete");
    profile_free(profile);
}

static void thresholds_have_floor_and_ceiling(void **state)
{
    (void)state;
    uint32_t frame, epoch;
    struct profile_facts facts = {.frame = 20, .epoch = 500};
    profile_propose(&facts, &frame, &epoch);
    assert_int_equal(frame, 10);
    assert_int_equal(epoch, 50);
    facts.window = 6; /* two calls out of place make 12 mismatches */
    profile_propose(&facts, &frame, &epoch);
    assert_int_equal(frame, 15);
    facts.window = 16; /* one makes 16 */
    profile_propose(&facts, &frame, &epoch);
    assert_int_equal(frame, 20);
    facts.window = 3;
    facts.frame_peak = 12;
    facts.epoch_peak = 60;
    profile_propose(&facts, &frame, &epoch);
    assert_int_equal(frame, 13);
    assert_int_equal(epoch, 61);
    facts.frame_peak = 20;
    facts.epoch_peak = UINT32_MAX;
    profile_propose(&facts, &frame, &epoch);
    assert_int_equal(frame, 20);
    assert_int_equal(epoch, 500);
}

static struct profile *example(void)
{
    struct profile *profile = profile_new("web", "sha256:ab", 3, 2);
    struct profile_facts *facts = profile_facts(profile);
    struct growth *growth = profile_growth(profile);
    uint16_t windows[][3] = {{0, 1, 2}, {1, 2, 1023}}, bags[][2] = {{0, 0}, {5, 512}};
    for (int i = 0; i < 2; i++) {
        profile_add(profile, PATTERN_WINDOW, windows[i]);
        profile_add(profile, PATTERN_BAG, bags[i]);
    }
    access_set_add(&profile_accesses(profile)->own, ACCESS_READ, "/etc/passwd", false);
    access_set_add(&profile_accesses(profile)->own, ACCESS_RUN, "bin/", true);
    access_set_add(&profile_accesses(profile)->aside, ACCESS_CHANGE, "/x", false);
    growth_update(&profile_accesses(profile)->growth, 1, 1, 3, false);
    facts->calls = 1ULL << 40;
    facts->starts = 2;
    facts->frame_peak = 3;
    for (uint64_t i = 0; i < 7; i++)
        growth_update(growth, i * growth->rule.interval_ns, i + 1, i * i, i == 2);
    return profile;
}

static void the_file_keeps_everything(void **state)
{
    (void)state;
    struct error err;
    size_t size, again_size;
    struct profile *profile = example();
    autofree char *data = profile_serialize(profile, &size);
    struct profile *again = profile_parse(data, size, "f", &err);
    assert_non_null(again);
    assert_memory_equal(profile_facts(profile), profile_facts(again), sizeof(struct profile_facts));
    assert_int_equal(profile_growth(again)->count, profile_growth(profile)->count);
    assert_true(profile_growth(again)->learned == profile_growth(profile)->learned);
    assert_int_equal(profile_count(again, PATTERN_WINDOW), 2);
    assert_int_equal(profile_pattern(again, PATTERN_WINDOW, 1)[2], 1023);
    autofree char *again_data = profile_serialize(again, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(data, again_data, size);
    profile_free(again);
    profile_free(profile);
}

static void every_damage_is_noticed(void **state)
{
    (void)state;
    struct error err;
    size_t size;
    struct profile *profile = example();
    autofree unsigned char *data = profile_serialize(profile, &size);
    for (size_t cut = 0; cut < size; cut++) {
        autofree unsigned char *part = malloc(cut + 1);
        memcpy(part, data, cut);
        assert_null(profile_parse(part, cut, "f", &err));
    }
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (unsigned char)(1 << bit);
            assert_null(profile_parse(data, size, "f", &err));
            data[i] ^= (unsigned char)(1 << bit);
        }
    profile_free(profile);
}

static void refused(const void *data, size_t size, const char *why)
{
    struct error err;
    assert_null(profile_parse(data, size, "f", &err));
    if (!strstr(err.text, why))
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, why);
}

static void foreign_and_newer_files_are_refused(void **state)
{
    (void)state;
    size_t size;
    struct profile *profile = example();
    autofree char *data = profile_serialize(profile, &size);
    refused("", 0, "f: not a Skink profile: the file is empty");
    refused("#!/bin/sh\n", 10, "f: not a Skink profile: another mark at byte 0");
    data[8] = 4;
    refused(data, size, "f: profile format 4 at byte 8, this Skink reads 3 (upgrade Skink)");
    data[8] = 0;
    refused(data, size, "the format's version is 0");
    profile_free(profile);
}

/* Where the content of a section lies, and its length. */
static unsigned char *section(unsigned char *data, size_t size, const char *tag, uint64_t *length)
{
    char padded[8] = {0};
    memccpy(padded, tag, '\0', sizeof padded);
    unsigned char *head = memmem(data, size, padded, sizeof padded);
    assert_non_null(head);
    memcpy(length, head + 8, 8);
    *length = le64toh(*length);
    return head + 16;
}

/* Makes the checksum of a section right again, so that what is inside it gets read. */
static void seal(unsigned char *content, uint64_t length)
{
    uint64_t checksum = htole64(XXH64(content - 16, length + 16, 0));
    memcpy(content + length, &checksum, sizeof checksum);
}

static void nonsense_under_a_right_checksum_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        size_t at;
        unsigned char value;
        const char *why;
    } CASES[] = {
        {"facts", 0, 255, "it ends within the service at byte"},
        {"facts", 2, 0, "the service is no name at byte 34"},
        {"facts", 2, 27, "the service is no name at byte 34"},
        {"facts", 2 + 3 + 2 + 9, 17, "window is 17, not 2 to 16, at byte 48"},
        {"facts", 2 + 3 + 2 + 9 + 8, 1, "bag is 1, not 2 to 16"},
        {"growth", 24, 0, "needed is 0"},
        {"growth", 40, 2, "learned is 2"},
        {"growth", 23, 255, "sigma is no number"},
        {"growth", 64, 1, "elapsed is"}, /* so that the first point lies behind the second */
        {"windows", 1, 4, "call code 1024 at byte"},
        {"windows", 7, 0, NULL}, /* 0 2 1023: as good as any */
        {"windows", 6, 0, "a pattern of no source at byte"},
        {"windows", 6, 3, "a pattern of an unlisted source at byte"},
        {"bags", 0, 6, "a bag out of order"},
        {"sources", 0, 1, "the learning source is none of the list"},
        {"accesses", 0, ACCESS_KINDS, "access 5 at byte"},
        {"accesses", 1, 4, "access 1024 at byte"},
        {"accesses", 1, 1, "an access to no directory at byte"},
        {"accesses", 2, 0xff, "it ends within an access at byte"},
        {"accesses", 4, '7', "an access to no file at byte"}, /* not folded */
        {"accesses", 6, 0, "an access to no file at byte"},
        {"accesses", 15 + 4, '/', NULL},
        {"accgrow", 24, 0, "needed is 0"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t size;
        uint64_t length;
        struct error err;
        struct profile *profile = example();
        autofree unsigned char *data = profile_serialize(profile, &size);
        unsigned char *content = section(data, size, CASES[i].section, &length);
        content[CASES[i].at] = CASES[i].value;
        if (CASES[i].at == 64)
            memset(content + 64, 0xff, 8);
        seal(content, length);
        profile_free(profile);
        if (CASES[i].why) {
            refused(data, size, CASES[i].why);
        } else {
            profile = profile_parse(data, size, "f", &err);
            assert_non_null(profile);
            profile_free(profile);
        }
    }
}

static void duplicates_are_damage(void **state)
{
    (void)state;
    size_t size;
    uint64_t length;
    struct profile *profile = example();
    autofree unsigned char *data = profile_serialize(profile, &size);
    unsigned char *content = section(data, size, "windows", &length);
    memcpy(content + 7, content, 7);
    seal(content, length);
    refused(data, size, "a pattern that is there already at byte");
    profile_free(profile);
}

/* A file of format 2 is one of format 3 without the last two sections. */
static void files_without_accesses_are_read(void **state)
{
    (void)state;
    struct error err;
    size_t size;
    uint64_t length;
    struct profile *profile = example();
    autofree unsigned char *data = profile_serialize(profile, &size);
    size_t end = (size_t)(section(data, size, "accesses", &length) - 16 - data);
    data[8] = 2;
    refused(data, size, "bytes too many");
    struct profile *old = profile_parse(data, end, "f", &err);
    assert_non_null(old);
    assert_int_equal(profile_size(old), profile_size(profile));
    assert_int_equal(profile_accesses(old)->own.count, 0);
    assert_false(profile_accesses(old)->growth.learned);
    data[8] = 3;
    refused(data, end, "it ends within a section's name");
    profile_free(old);
    profile_free(profile);
}

static void names_become_distinct_files(void **state)
{
    (void)state;
    static const char *const CASES[][3] = {
        {"web", "1.2", "d/web@1.2.profile"},
        {"a/b", "-", "d/a%2Fb@-.profile"},
        {"a%2Fb", "-", "d/a%252Fb@-.profile"},
        {"..", "..", "d/%2E.@%2E..profile"},
        {"", "", "d/@.profile"},
        {"a@b", "c", "d/a%40b@c.profile"},
        {"a", "b@c", "d/a@b%40c.profile"},
        {"caf\xc3\xa9", "sha256:0", "d/caf%C3%A9@sha256%3A0.profile"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        autofree char *path = profile_path("d", CASES[i][0], CASES[i][1]);
        assert_string_equal(path, CASES[i][2]);
    }
    char wide[PROFILE_NAME];
    memset(wide, '/', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    autofree char *one = profile_path("d", wide, wide);
    wide[0] = ':';
    autofree char *two = profile_path("d", wide, wide);
    assert_true(strlen(one) - 2 + strlen(".XXXXXX") <= NAME_MAX);
    assert_string_not_equal(one + 100, two + 100);
    wide[0] = '/';
    autofree char *three = profile_path("d", wide, wide);
    assert_string_equal(one, three);
}

/* Number of entries in a directory, "." and ".." not counted. */
static int entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void writing_replaces_the_whole_file(void **state)
{
    (void)state;
    struct error err;
    size_t size;
    char dir[] = "/tmp/skink-profile-XXXXXX";
    assert_non_null(mkdtemp(dir));
    autofree char *path = profile_path(dir, "web", "1");
    struct profile *profile = example();
    autofree char *data = profile_serialize(profile, &size);
    assert_int_equal(profile_write(path, "old and longer", 14, &err), 0);
    assert_int_equal(profile_write(path, data, size, &err), 0);
    assert_int_equal(entries(dir), 1);
    struct profile *again = profile_load(path, &err);
    assert_non_null(again);
    assert_string_equal(profile_facts(again)->version, "sha256:ab");
    profile_free(again);
    profile_free(profile);
    unlink(path);
    assert_null(profile_load(path, &err));
    assert_int_equal(err.errnum, ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(profile_load(path, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* cannot be replaced by a file */
    assert_int_equal(profile_write(path, data, size, &err), -1);
    assert_int_equal(entries(dir), 1);
    rmdir(path);
    rmdir(dir);
    assert_int_equal(profile_write(path, data, size, &err), -1);
}

/* Last: it leaves the process in a mount namespace of its own. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    struct error err;
    char dir[] = "/tmp/skink-profile-XXXXXX", old[] = "old", kept[8] = "";
    assert_non_null(mkdtemp(dir));
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", dir, "tmpfs", 0, "size=64k") < 0) {
        print_message("a mount namespace needs root: not tested\n");
        rmdir(dir);
        skip();
    }
    autofree char *path = profile_path(dir, "web", "1");
    autofree char *large = calloc(1, 1 << 20);
    assert_int_equal(profile_write(path, old, sizeof old, &err), 0);
    assert_int_equal(profile_write(path, large, 1 << 20, &err), -1);
    assert_int_equal(err.errnum, ENOSPC);
    assert_int_equal(entries(dir), 1);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, kept, sizeof kept), sizeof old);
    close(fd);
    assert_string_equal(kept, old);
    assert_int_equal(umount(dir), 0);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_ordered_and_bags_are_not),
        cmocka_unit_test(a_million_patterns_fit),
        cmocka_unit_test(names_are_fit_for_terminal_and_json),
        cmocka_unit_test(gaps_are_named),
        cmocka_unit_test(thresholds_have_floor_and_ceiling),
        cmocka_unit_test(the_file_keeps_everything),
        cmocka_unit_test(every_damage_is_noticed),
        cmocka_unit_test(foreign_and_newer_files_are_refused),
        cmocka_unit_test(nonsense_under_a_right_checksum_is_refused),
        cmocka_unit_test(duplicates_are_damage),
        cmocka_unit_test(files_without_accesses_are_read),
        cmocka_unit_test(names_become_distinct_files),
        cmocka_unit_test(writing_replaces_the_whole_file),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
