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

/* ---- strace ---- */

static const char STRACE[] =
    "execve(\"./a\", [\"./a\"], 0x7ffc /* 37 vars */) = 0\n"
    "brk(NULL)                               = 0x55a8be950000\n"
    "openat(AT_FDCWD, \"a) = 7\", O_RDONLY) = -1 ENOENT (No such file or directory)\n"
    "fcntl(10, F_GETFL)                      = 0x2 (flags O_RDWR)\n"
    "umask(022)                              = 022\n"
    "poll([{fd=3}], 1, -1)                   = ? ERESTART_RESTARTBLOCK (Interrupted by signal)\n"
    "--- SIGCHLD {si_signo=SIGCHLD, si_status=0} ---\n"
    "read(3</etc/passwd>, \"x\"..., 10)        = 10 <0.000012>\n"
    "syscall_0x1f4(0, 0)                     = -1 (errno 38)\n"
    "accept4(3,  <detached ...>\n"
    "exit_group(0)                           = ?\n"
    "+++ exited with 0 +++\n";

static void strace_of_one(void **state)
{
    (void)state;
    store_text("one.strace", STRACE);
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 execve=0\n1:1 exec\n1:1 brk=94183240302592\n1:1 openat=-2\n1:1 fcntl=2\n"
                 "1:1 umask=18\n1:1 poll=-516\n1:1 read=10\n1:1 #500=-1\n1:1 accept4\n"
                 "1:1 exit_group\n1:1 exit\n");
    assert_survives_truncation("one.strace", STRACE, "strace");
}

/* strace -f on a terminal, where its messages cut lines in two. */
static const char STRACE_THREADS[] =
    "getpid()                                = 70\n"
    "clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f}strace: Process 71 attached\n"
    " => {parent_tid=[71]}, 88)              = 71\n"
    "[pid    71] futex(0x7f, FUTEX_WAIT, 2, NULL <unfinished ...>\n"
    "[pid    70] clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>\n"
    "strace: Process 72 attached\n"
    "[pid    72] getppid()                  = 70\n"
    "[pid    70] <... clone resumed>)       = 72\n"
    "[pid    72] +++ killed by SIGKILL (core dumped) +++\n"
    "[pid    71] <... futex resumed>)       = -1 EAGAIN (Resource temporarily unavailable)\n"
    "[pid    71] execve(\"/bin/b\", [\"b\"], 0x7f /* 9 vars */ <unfinished ...>\n"
    "[pid    70] <... nanosleep resumed>)   = ?\n"
    "+++ superseded by execve in pid 71 +++\n"
    "<... execve resumed>)                   = 0\n"
    "exit_group(1)                           = ?\n"
    "+++ exited with 1 +++\n";

static void strace_of_threads(void **state)
{
    (void)state;
    store_text("threads.strace", STRACE_THREADS);
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 getpid=70\n1:1 clone3=71\n71:1 fork<1\n71:1 futex=-11\n1:1 clone=72\n"
                 "72:72 fork<1\n72:72 getppid=70\n72:72 exit\n71:1 execve=0\n1:1 nanosleep\n"
                 "71:1 exit\n1:1 exec\n1:1 exit_group\n1:1 exit\n");
    assert_survives_truncation("threads.strace", STRACE_THREADS, "strace");
}

/* strace -f -o FILE: every line begins with its thread. */
static void strace_into_a_file(void **state)
{
    (void)state;
    store_text("file.strace", "70    1574370749.000001 fork()   = 71\n"
                              "71    1574370749.000003 getpid() = 71\n"
                              "70    1574370749.000005 wait4(-1, <unfinished ...>\n"
                              "71    1574370749.000007 +++ exited with 0 +++\n"
                              "70    1574370749.000009 <... wait4 resumed>NULL, 0, NULL) = 71\n"
                              "70    1574370749.000011 fork()   = 71\n");
    const struct reading *reading = read_file(&STRICT);
    assert_reads(reading, "strace",
                 "70:70 fork=71\n71:71 fork<70\n71:71 getpid=71\n70:70 wait4=71\n71:71 exit\n"
                 "70:70 fork=71\n71:71 fork<70\n");
    assert_int_equal(reading->calls[2].time, 1574370749000003000);
    assert_int_equal(reading->calls[3].time, 1574370749000005000);
}

static void strace_times(void **state)
{
    (void)state;
    const uint64_t s = 1000000000, day = 86400 * s;
    const struct {
        const char *text;
        uint64_t first, second;
    } cases[] = {
        {"10:00:01 brk(0) = 0\n10:00:02 brk(0) = 0\n", 36001 * s, 36002 * s},
        {"23:59:59.5 brk(0) = 0\n00:00:00.25 brk(0) = 0\n", day - s / 2, day + s / 4},
        {"1574370749.000001 brk(0) = 0\n1574370750.000000002 brk(0) = 0\n", 1574370749 * s + 1000,
         1574370750 * s + 2},
        {"     0.000000 brk(0) = 0\n     1.500000 brk(0) = 0\n", 1, 3 * s / 2},
        {"10:00:01 (+     0.000000) brk(0) = 0\n10:00:02 (+     1.0) brk(0) = 0\n", 36001 * s,
         36002 * s},
        {"[pid 9] 10:00:01.5 brk(0) = 0\n9 10:00:02 brk(0) = 0\n", 36001 * s + s / 2, 36002 * s},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_text("times.strace", cases[i].text);
        const struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, 0);
        assert_int_equal(reading->count, 2);
        assert_int_equal(reading->calls[0].time, cases[i].first);
        assert_int_equal(reading->calls[1].time, cases[i].second);
    }
}

static void strace_of_32_bits(void **state)
{
    (void)state;
    store_text("narrow.strace", "execve(\"./a\", [\"./a\"], 0x7ffc) = 0\n"
                                "[ Process PID=70 runs in 32 bit mode. ]\n"
                                "close(3) = 0\n"
                                "socketcall(1, 0xff) = 0\n");
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 execve=0\n1:1 exec\n1:1 close/32=0\n1:1 socketcall/32=0\n");
}

static void strace_faults(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "read(3, \"abc", "read(3) = x",        "read 3 = 4", "no_such_call(3) = 0",
        "+++ exited",    "<... read resumed>", "--- SIGINT", "syscall_0xg(1) = 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128];
        snprintf(text, sizeof text, "brk(0) = 0\n%s\nbrk(0) = 1\n", wrong[i]);
        store_text("wrong.strace", text);
        struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, -1);
        assert_int_equal(reading->count, 1);
        assert_non_null(strstr(reading->err.text, "wrong.strace: line 2: "));
        reading = read_file(&LENIENT);
        assert_int_equal(reading->last, 0);
        assert_int_equal(reading->faults.skipped + reading->faults.unnamed, 1);
        assert_int_equal(reading->count, 2 + reading->faults.unnamed);
    }
}

/* A call that takes long does not keep all others waiting: memory is bounded. */
static void strace_of_a_long_call(void **state)
{
    (void)state;
    size_t size = 0;
    autofree char *text = NULL;
    FILE *stream = open_memstream(&text, &size);
    fputs("70 accept(3, <unfinished ...>\n", stream);
    for (int i = 0; i < 10000; i++)
        fprintf(stream, "71 lseek(3, 0, SEEK_CUR) = %d\n", i);
    fputs("70 <... accept resumed>) = 4\n70 close(4) = 0\n", stream);
    fclose(stream);
    store("long.strace", text, size);
    struct error err;
    struct call calls[20000];
    struct trace_reader *reader = trace_open(path, TRACE_ALL, &err);
    assert_int_equal(trace_read(reader, calls, 20000, &err), 10002);
    assert_int_equal(calls[0].tid, 70);
    assert_false(calls[0].has_value);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(calls[1 + i].value, i);
    assert_int_equal(calls[10001].tid, 70);
    trace_close(reader);
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
        cmocka_unit_test(strace_of_one),
        cmocka_unit_test(strace_of_threads),
        cmocka_unit_test(strace_into_a_file),
        cmocka_unit_test(strace_times),
        cmocka_unit_test(strace_of_32_bits),
        cmocka_unit_test(strace_faults),
        cmocka_unit_test(strace_of_a_long_call),
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
