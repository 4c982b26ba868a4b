/* readers: each foreign format gives the calls expected of it, and survives what is done to it. */
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
static char path[128]; /* of the file that store() wrote last */

static void store(const char *name, const void *data, size_t size)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    autofile FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
}

static void store_text(const char *name, const char *text)
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
static struct reading *read_file(const struct trace_options *options)
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
static void spell(const struct call *call, char *text, size_t size)
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

static void assert_reads(const struct reading *reading, const char *format, const char *expected)
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
static void assert_survives_truncation(const char *name, const char *text, const char *format)
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

/* ---- plain words ---- */

static void plain_numbers(void **state)
{
    (void)state;
    store_text("numbers", "0 1\n\n  257\t231\n40000");
    assert_reads(read_file(&STRICT), "plain",
                 "1:1 read\n1:1 write\n1:1 openat\n1:1 exit_group\n1:1 #511\n");
    struct trace_options i386 = {.i386 = true};
    assert_reads(read_file(&i386), "plain",
                 "1:1 restart_syscall/32\n1:1 exit/32\n1:1 remap_file_pages/32\n"
                 "1:1 fgetxattr/32\n1:1 #511/32\n");
}

static void plain_names(void **state)
{
    (void)state;
    const char *text = "openat read mmap2\nclose/32 #500 exit_group\n";
    store_text("names", text);
    assert_reads(read_file(&STRICT), "plain",
                 "1:1 openat\n1:1 read\n1:1 mmap2/32\n1:1 close/32\n1:1 #500\n1:1 exit_group\n");
    assert_survives_truncation("names", text, "plain");
}

static void plain_faults(void **state)
{
    (void)state;
    store_text("faults", "read write read write read write read write read write read write\n"
                         "read write read write\nread no_such_call 12x write");
    struct reading *reading = read_file(&STRICT);
    assert_int_equal(reading->last, -1);
    assert_int_equal(reading->count, 17);
    assert_non_null(strstr(reading->err.text, "faults: line 3: no call has this name"));
    reading = read_file(&LENIENT);
    assert_int_equal(reading->last, 0);
    assert_int_equal(reading->count, 19);
    assert_int_equal(reading->calls[17].number, CALL_NUMBER_OTHER);
    assert_int_equal(reading->faults.unnamed, 1);
    assert_int_equal(reading->faults.skipped, 1);
    assert_non_null(
        strstr(reading->faults.first, "line 3: no call has this name: \"no_such_call\""));
}

/* A word across the pieces in which a file is read stays one word; lines may be long. */
static void long_texts(void **state)
{
    (void)state;
    size_t words = 300000, count = 0;
    autofree char *text = malloc(words * 4 + 1);
    for (size_t i = 0; i < words; i++)
        memcpy(text + 4 * i, i % 1000 == 999 ? "231\n" : "257 ", 4);
    store("long", text, words * 4);
    struct error err;
    struct call calls[1000];
    struct trace_reader *reader = trace_open(path, TRACE_CALLS, &err);
    for (int got; (got = trace_read(reader, calls, 1000, &err)) != 0; count += (size_t)got)
        for (int i = 0; i < got; i++)
            assert_int_equal(calls[i].number, (count + (size_t)i) % 1000 == 999 ? 231 : 257);
    trace_close(reader);
    assert_int_equal(count, words);

    autofree char *endless = malloc(3000000);
    memset(endless, '1', 3000000);
    store("endless", endless, 3000000);
    struct trace_options plain = {.format = "plain", .lenient = true};
    assert_int_equal(read_file(&plain)->last, -1);
}

/* ---- ADFA-LD and UNM ---- */

static void adfa_ld(void **state)
{
    (void)state;
    store_text("UTD-0001.txt", "6 6 63 42 ");
    assert_reads(read_file(&STRICT), "adfa-ld",
                 "1:1 close/32\n1:1 close/32\n1:1 dup2/32\n1:1 pipe/32\n");
}

static void unm(void **state)
{
    (void)state;
    const char *text = "8471 5  \n8471 3\n\n  8472 5\n8471 1\n";
    store_text("one.int", text);
    assert_reads(read_file(&STRICT), "unm",
                 "8471:8471 fstat\n8471:8471 close\n8472:8472 fstat\n8471:8471 write\n");
    assert_survives_truncation("one.int", text, "unm");
    store_text("wrong.int", "8471 5\n8471\n8471 3\n8471 x\n-1 4\n");
    struct trace_options options = {.format = "unm"};
    struct reading *reading = read_file(&options);
    assert_int_equal(reading->last, -1);
    assert_non_null(strstr(reading->err.text, "wrong.int: line 2: "));
    options.lenient = true;
    reading = read_file(&options);
    assert_int_equal(reading->count, 2);
    assert_int_equal(reading->faults.skipped, 3);
}

/* ---- packing ---- */

struct member {
    const char *name, *text;
};

/* Writes the members with libarchive: as a zip file, or the first through a filter alone. */
static void pack(const char *name, int (*filter)(struct archive *), const struct member *members,
                 size_t count)
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

static size_t file_size(void)
{
    autofile FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    return (size_t)ftell(file);
}

static void packed_traces(void **state)
{
    (void)state;
    static const struct member member = {"one.txt", "openat read close\n"};
    static const char expected[] = "1:1 openat\n1:1 read\n1:1 close\n";
    pack("one.gz", archive_write_add_filter_gzip, &member, 1);
    assert_reads(read_file(&STRICT), "plain", expected);
    pack("one.xz", archive_write_add_filter_xz, &member, 1);
    assert_reads(read_file(&STRICT), "plain", expected);
    pack("one.zst", archive_write_add_filter_zstd, &member, 1);
    assert_reads(read_file(&STRICT), "plain", expected);
    pack("one.zip", NULL, &member, 1);
    assert_reads(read_file(&STRICT), "plain", expected);
}

/* A packed file that was cut off is an error at every length. */
static void truncated_packing(void **state)
{
    (void)state;
    static const struct member member = {"one.txt", "openat read close fstat read close mmap"};
    int (*const filters[])(struct archive *) = {
        archive_write_add_filter_gzip, archive_write_add_filter_xz, archive_write_add_filter_zstd};
    for (size_t i = 0; i < 3; i++) {
        pack("whole", filters[i], &member, 1);
        size_t size = file_size();
        autofree char *data = malloc(size);
        FILE *file = fopen(path, "rb");
        assert_int_equal(fread(data, 1, size, file), size);
        fclose(file);
        for (size_t cut = 0; cut < size; cut++) {
            store("cut", data, cut);
            const struct reading *reading = read_file(&STRICT);
            assert_true(reading->last < 0 || reading->count == 7);
        }
    }
}

static void zip_files_of_several(void **state)
{
    (void)state;
    static const struct member none[] = {{"a.txt", "read"}, {"b.txt", "write"}};
    pack("several.zip", NULL, none, 2);
    struct reading *reading = read_file(&STRICT);
    assert_int_equal(reading->last, -1);
    assert_non_null(strstr(reading->err.text, "holds 2 files"));
}

static void refused_files(void **state)
{
    (void)state;
    static const char *const foreign[] = {"", "\n", "hello world\n", "\177ELF"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        store_text("foreign", foreign[i]);
        const struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, -1);
        assert_non_null(strstr(reading->err.text, "no trace of a known format"));
    }
    struct trace_options wrong = {.format = "vhs"};
    assert_non_null(strstr(read_file(&wrong)->err.text, "no such format"));
    snprintf(path, sizeof path, "%s/nothing", folder);
    assert_non_null(strstr(read_file(&STRICT)->err.text, "cannot open"));
}

static int remove_entry(const char *name, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat, (void)type, (void)at;
    return remove(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_numbers),
        cmocka_unit_test(plain_names),
        cmocka_unit_test(plain_faults),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(adfa_ld),
        cmocka_unit_test(unm),
        cmocka_unit_test(packed_traces),
        cmocka_unit_test(truncated_packing),
        cmocka_unit_test(zip_files_of_several),
        cmocka_unit_test(refused_files),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) || failed;
}
