/* trace: what is written is what is read, and every damage is told from the file's content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profile/pattern.h"
#include "trace/call.h"
#include "trace/trace.h"

static char path[32]; /* of a file in memory */

static const struct trace_head HEAD = {.host = "web-1",
                                       .kernel = "6.1.0",
                                       .command = "nginx -g 'daemon off;'",
                                       .started = 1574370749000000000ULL,
                                       .results = true};

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

/* Calls of a few threads with marks among them; wild: every field takes any value it can. */
static struct call *make_calls(size_t count, uint64_t seed, bool wild)
{
    struct call *calls = calloc(count, sizeof *calls);
    assert_non_null(calls);
    uint64_t time = HEAD.started;
    for (size_t i = 0; i < count; i++) {
        struct call *call = &calls[i];
        uint32_t thread = (uint32_t)random_next(&seed);
        time += random_next(&seed) % 10000;
        if (wild)
            time ^= random_next(&seed) << 40;
        call->time = time;
        call->tid = wild ? thread : 1000 + thread % 7;
        call->pid = wild ? thread / 3 : 1000 + thread % 7 / 4;
        call->kind = random_next(&seed) % 50 ? CALL_ENTER : 1 + random_next(&seed) % 4;
        if (call->kind == CALL_ENTER) {
            call->number = (uint16_t)(wild ? random_next(&seed) : random_next(&seed) % 20);
            call->has_value = random_next(&seed) % 3;
        }
        if (call->kind != CALL_ENTER || call->has_value)
            call->value = (int64_t)(random_next(&seed) << (wild ? 33 : 0)) - 40;
    }
    return calls;
}

static void write_trace(const struct call *calls, size_t count, size_t step)
{
    struct error err;
    struct trace_writer *writer = trace_create(path, &HEAD, &err);
    assert_non_null(writer);
    for (size_t i = 0; i < count; i += step) {
        size_t part = count - i < step ? count - i : step;
        assert_int_equal(trace_write(writer, calls + i, part, &err), 0);
    }
    assert_int_equal(trace_finish(writer, &err), 0);
}

/* What a reader with these columns gives back for a call. */
static struct call expected(const struct call *call, unsigned columns)
{
    struct call want = *call;
    if (!(columns & TRACE_TIMES))
        want.time = 0;
    if (!(columns & TRACE_RESULTS) && want.kind == CALL_ENTER) {
        want.has_value = false;
        want.value = 0;
    }
    return want;
}

static void check_reading(const struct call *calls, size_t count, unsigned columns, size_t step)
{
    struct error err;
    struct trace_reader *reader = trace_open(path, columns, &err);
    assert_non_null(reader);
    assert_memory_equal(trace_head(reader), &HEAD, sizeof HEAD);
    autofree struct call *read = calloc(step, sizeof *read);
    size_t at = 0;
    for (int got; (got = trace_read(reader, read, step, &err)) != 0; at += (size_t)got) {
        assert_true(got > 0 && at + (size_t)got <= count);
        for (int i = 0; i < got; i++) {
            struct call want = expected(&calls[at + (size_t)i], columns);
            assert_int_equal(read[i].time, want.time);
            assert_int_equal(read[i].value, want.value);
            assert_int_equal(read[i].tid, want.tid);
            assert_int_equal(read[i].pid, want.pid);
            assert_int_equal(read[i].number, want.number);
            assert_int_equal(read[i].kind, want.kind);
            assert_int_equal(read[i].has_value, want.has_value);
        }
    }
    assert_int_equal(at, count);
    trace_close(reader);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 1000, 65535, 65536, 65537, 200000};
    static const size_t steps[] = {1, 7, 4096, 70000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        autofree struct call *calls = make_calls(counts[i], i, i % 2);
        write_trace(calls, counts[i], steps[i % 4]);
        for (unsigned columns = TRACE_CALLS; columns <= TRACE_ALL; columns++)
            check_reading(calls, counts[i], columns, steps[(i + columns) % 4]);
    }
}

/* Reads the whole file; 0 at its end, -1 with err when it is refused. */
static int read_through(struct error *err)
{
    struct trace_reader *reader = trace_open(path, TRACE_ALL, err);
    if (!reader)
        return -1;
    struct call calls[512];
    int got;
    while ((got = trace_read(reader, calls, 512, err)) > 0) {
    }
    if (got < 0) /* a failure stays */
        assert_int_equal(trace_read(reader, calls, 512, err), -1);
    trace_close(reader);
    return got;
}

static void assert_refused(void)
{
    struct error err = {0};
    assert_int_equal(read_through(&err), -1);
    assert_int_equal(err.code, EXIT_USAGE);
    assert_non_null(strstr(err.text, path));
    assert_true(strstr(err.text, "offset ") || strstr(err.text, "line "));
}

static void store(const void *data, size_t size)
{
    autofile FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
}

static uint8_t *load(size_t *size)
{
    struct stat stat;
    autofile FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &stat), 0);
    *size = (size_t)stat.st_size;
    uint8_t *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    return data;
}

static uint8_t *small_trace(size_t *size)
{
    autofree struct call *calls = make_calls(300, 42, false);
    write_trace(calls, 300, 300);
    return load(size);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    size_t size;
    autofree uint8_t *data = small_trace(&size);
    for (size_t cut = 0; cut < size; cut++) {
        store(data, cut);
        assert_refused();
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    size_t size;
    autofree uint8_t *data = small_trace(&size);
    for (size_t i = 0; i < size; i++) {
        data[i] ^= (uint8_t)(1 << i % 8);
        store(data, size);
        assert_refused();
        data[i] ^= (uint8_t)(1 << i % 8);
    }
}

static void what_came_before_a_cut_is_still_read(void **state)
{
    (void)state;
    struct error err;
    size_t size;
    autofree struct call *calls = make_calls(100000, 3, false);
    write_trace(calls, 100000, 100000);
    autofree uint8_t *data = load(&size);
    store(data, size - 100);
    struct trace_reader *reader = trace_open(path, TRACE_CALLS, &err);
    autofree struct call *read = calloc(100000, sizeof *read);
    assert_int_equal(trace_read(reader, read, 100000, &err), 65536);
    assert_int_equal(trace_read(reader, read, 100000, &err), -1);
    assert_non_null(strstr(err.text, "truncated"));
    trace_close(reader);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    static const char *const foreign[] = {"", "\n", "execve(\"/bin/sh\")\n", "skinktr",
                                          "SKINKTR\n"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        store(foreign[i], strlen(foreign[i]));
        assert_refused();
    }
    size_t size;
    autofree uint8_t *data = small_trace(&size);
    data[size] = '\n';
    store(data, size + 1);
    assert_refused();
    data[8]++; /* the version */
    store(data, size);
    struct error err;
    assert_int_equal(read_through(&err), -1);
    assert_non_null(strstr(err.text, "version"));
    assert_null(trace_open("/nonexistent/trace", TRACE_ALL, &err));
    assert_null(trace_open("/tmp", TRACE_ALL, &err));
}

/* Blocks of two whole files put together: each is sound, the sequence is not. */
static void spliced_files_are_refused(void **state)
{
    (void)state;
    size_t size, other_size;
    autofree uint8_t *data = small_trace(&size);
    autofree struct call *calls = make_calls(300, 43, false);
    write_trace(calls, 300, 300);
    autofree uint8_t *other = load(&other_size);
    assert_memory_equal(data, other, 416);
    size_t end = 40;
    memcpy(data + size - end, other + other_size - end, end);
    store(data, size);
    assert_refused();
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct error err = {0};
    struct trace_writer *writer = trace_create("/dev/full", &HEAD, &err);
    assert_non_null(writer);
    autofree struct call *calls = make_calls(70000, 5, true);
    assert_int_equal(trace_write(writer, calls, 70000, &err), -1);
    assert_non_null(strstr(err.text, "No space left"));
    assert_int_equal(trace_finish(writer, &err), -1);

    writer = trace_create("/dev/full", &HEAD, &err);
    assert_int_equal(trace_finish(writer, &err), -1);
    assert_null(trace_create("/nonexistent/trace", &HEAD, &err));
}

/* A loop of calls as servers make them costs what the format promises. */
static void a_call_costs_about_two_bytes(void **state)
{
    (void)state;
    static const uint16_t loop[] = {232, 288, 45, 257, 262, 40, 0, 3, 44, 20};
    size_t count = 200000, size;
    autofree struct call *calls = make_calls(count, 9, false);
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct call){.time = HEAD.started + i * 2000 + calls[i].time % 1000,
                                 .tid = 1000 + (uint32_t)(i / 20 % 4),
                                 .pid = 1000,
                                 .number = loop[i % 10]};
    write_trace(calls, count, count);
    free(load(&size));
    assert_in_range(size, 1, 2 * count);
}

static void names_and_numbers(void **state)
{
    (void)state;
    char text[CALL_NAME];
    assert_string_equal(call_name(0, text), "read");
    assert_string_equal(call_name(257, text), "openat");
    assert_string_equal(call_name(call_code(295, true), text), "openat/32");
    assert_string_equal(call_name(500, text), "#500");
    assert_string_equal(call_name(call_code(500, true), text), "#500/32");
    for (uint32_t code = 0; code < CALL_CODES; code++) {
        int number = call_by_name(call_name(code, text));
        assert_true(number >= 0);
        assert_int_equal(call_number_code((uint16_t)number), code);
    }
    assert_int_equal(call_number_code(CALL_NUMBER_OTHER), CALL_OTHER);
    assert_int_equal(call_number_code(CALL_NUMBER_OTHER | CALL_NUMBER_COMPAT),
                     CALL_OTHER + CALL_COMPAT);
    static const char *const unknown[] = {
        "",       "/32",      "#",         "#x",
        "#40000", "openat64", "openat/64", "a name that is much longer than any call has ever had"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(call_by_name(unknown[i]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(what_came_before_a_cut_is_still_read),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(spliced_files_are_refused),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_call_costs_about_two_bytes),
        cmocka_unit_test(names_and_numbers),
    };
    autoclose int fd = memfd_create("trace", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
