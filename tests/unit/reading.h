/*
 * What the tests of foreign formats share: a file is written, read, and spelled as a person would,
 * one call a line.
 */
#ifndef SKINK_TESTS_READING_H
#define SKINK_TESTS_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profile/pattern.h"
#include "trace/trace.h"

#define ROOM 256

static char folder[] = "/tmp/skink-readers-XXXXXX";
static char path[512]; /* of the file that store() wrote last */

static inline void store(const char *name, const void *data, size_t size)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    autofile FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
}

static inline void store_text(const char *name, const char *text)
{
    store(name, text, strlen(text));
}

/* What was read of a file. */
struct reading {
    struct call calls[ROOM];
    int count; /* before the end or the error */
    int last;  /* what trace_read, or -1 if trace_open, returned in the end */
    struct error err;
    char format[16];
    struct trace_faults faults;
};

/* Reads the file with a few calls at a time. */
static inline struct reading *read_file(const struct trace_options *options)
{
    static struct reading reading;
    reading = (struct reading){.last = -1};
    struct trace_reader *reader = trace_open_as(path, TRACE_ALL, options, &reading.err);
    if (!reader)
        return &reading;
    while ((reading.last = trace_read(reader, reading.calls + reading.count, 3, &reading.err)) > 0)
        reading.count += reading.last;
    snprintf(reading.format, sizeof reading.format, "%s", trace_format(reader));
    reading.faults = *trace_faults(reader);
    trace_close(reader);
    return &reading;
}

/* "TID:PID NAME=VALUE" of a call, "TID:PID fork<PARENT", "TID:PID exec", … */
static inline void spell(const struct call *call, char *text, size_t size)
{
    char name[CALL_NAME], value[32] = "";
    static const char *const marks[] = {"", "exec", "fork", "exit", "lost"};
    if (call->kind == CALL_ENTER) {
        if (call->has_value)
            snprintf(value, sizeof value, "=%lld", (long long)call->value);
        snprintf(text, size, "%u:%u %s%s\n", call->tid, call->pid,
                 call_name(call_number_code(call->number), name), value);
        return;
    }
    if (call->kind == CALL_FORK || call->kind == CALL_LOST)
        snprintf(value, sizeof value, "<%lld", (long long)call->value);
    snprintf(text, size, "%u:%u %s%s\n", call->tid, call->pid, marks[call->kind], value);
}

static inline void assert_reads(const struct reading *reading, const char *format,
                                const char *expected)
{
    char text[ROOM * 32] = "";
    size_t length = 0;
    for (int i = 0; i < reading->count; i++, length += strlen(text + length))
        spell(&reading->calls[i], text + length, sizeof text - length);
    if (reading->last < 0)
        print_error("%s\n", reading->err.text);
    assert_int_equal(reading->last, 0);
    assert_string_equal(reading->format, format);
    assert_string_equal(text, expected);
}

static const struct trace_options STRICT = {0}, LENIENT = {.lenient = true};

/* Every beginning of the text: an error or fewer calls, never more, whatever the format. */
static inline void assert_survives_truncation(const char *name, const char *text,
                                              const char *format)
{
    store_text(name, text);
    struct trace_options options = {.format = format};
    int whole = read_file(&options)->count;
    for (size_t cut = 0; cut < strlen(text); cut++) {
        store(name, text, cut);
        assert_true(read_file(&options)->count <= whole);
        assert_true(read_file(&STRICT)->count <= ROOM);
        options.lenient = true;
        assert_int_equal(read_file(&options)->last, 0);
        options.lenient = false;
    }
}

struct member {
    const char *name, *text;
};

/* Writes the members with libarchive: as a zip file, or the first through a filter alone. */
static inline void pack(const char *name, int (*filter)(struct archive *),
                        const struct member *members, size_t count)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct archive *archive = archive_write_new();
    if (filter) {
        filter(archive);
        archive_write_set_format_raw(archive);
    } else {
        archive_write_set_format_zip(archive);
    }
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)strlen(members[i].text));
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        archive_write_data(archive, members[i].text, strlen(members[i].text));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static inline int remove_entry(const char *name, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat, (void)type, (void)at;
    return remove(name);
}

/* Runs the tests in a folder of their own; what main returns. */
#define run_reading_tests(tests)                                      \
    (!mkdtemp(folder) || cmocka_run_group_tests(tests, NULL, NULL) || \
     nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS))

#endif
