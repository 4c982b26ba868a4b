/* A sealed log in a directory of its own, written and looked at. */
#ifndef SKINK_TESTS_SEALED_LOG_H
#define SKINK_TESTS_SEALED_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/seal.h"

#define ENTRIES 7

static char directory[64], path[96];
static struct seal_first first;

/* ---- a log to look at ---- */

static struct seal_log *open_log(uint64_t file_max)
{
    struct error err = {0};
    struct seal_log *log = seal_open(directory, file_max, NULL, NULL, &err);
    if (!log)
        print_error("%s\n", err.text);
    assert_non_null(log);
    return log;
}

static void append(struct seal_log *log, const char *kind, const char *body)
{
    struct error err = {0};
    if (seal_append(log, kind, body, &err) < 0)
        fail_msg("%s", err.text);
}

static void fill(struct seal_log *log, int entries)
{
    char body[64];
    for (int i = 0; i < entries; i++) {
        snprintf(body, sizeof body, "{\"number\":%d,\"text\":\"something happened\"}", i);
        append(log, "alert", body);
    }
}

/* A log whose first key is kept, with so many alerts and an end. */
static void write_log(uint64_t file_max)
{
    struct error err = {0};
    struct seal_log *log = open_log(file_max);
    assert_int_equal(seal_begin_key(log, &first, &err), 0);
    fill(log, ENTRIES);
    append(log, "stop", "{}");
    seal_close(log);
}

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/skink-seal-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/sealed.log", directory);
    return 0;
}

static int remove_one(const char *name, const struct stat *status, int flag, struct FTW *place)
{
    (void)status, (void)flag, (void)place;
    return remove(name);
}

static int remove_directory(void **state)
{
    (void)state;
    umount2(directory, MNT_DETACH);
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct text {
    char *data;
    size_t size;
};

static struct text read_text(void)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    struct text text = {calloc(1, (size_t)status.st_size + 1), (size_t)status.st_size};
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(text.data, 1, text.size, file), text.size);
    fclose(file);
    return text;
}

/* ---- looking ---- */

struct findings {
    int count[SEAL_FAULTS];
    uint64_t entry; /* of the first fault */
    char text[256];
    char notice[256]; /* the last one */
};

static void note(void *context, const struct seal_finding *finding)
{
    struct findings *findings = context;
    if (findings->text[0] == '\0' && !seal_is_notice(finding->fault)) {
        findings->entry = finding->entry;
        snprintf(findings->text, sizeof findings->text, "%s", finding->text);
    }
    if (seal_is_notice(finding->fault))
        snprintf(findings->notice, sizeof findings->notice, "%s", finding->text);
    findings->count[finding->fault]++;
}

static struct seal_summary look_from(const struct seal_first *key, uint64_t from,
                                     struct findings *findings)
{
    struct error err = {0};
    struct seal_state state;
    struct seal_check *check = seal_check_new(key, from, note, findings);
    char **files = seal_files(directory);
    *findings = (struct findings){0};
    for (char **file = files; *file; file++)
        assert_int_equal(seal_check_file(check, *file, &err), 0);
    seal_files_free(files);
    int had = seal_state_read(directory, &state, &err);
    seal_check_end(check, had == 1 ? &state : NULL, false);
    struct seal_summary summary = *seal_check_summary(check);
    seal_check_free(check);
    return summary;
}

static struct seal_summary look(const struct seal_first *key, struct findings *findings)
{
    return look_from(key, 0, findings);
}

#endif
