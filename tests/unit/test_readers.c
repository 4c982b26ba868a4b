/* readers: words and pairs give the calls expected of them, packed or not; what is foreign is
 * refused. */
#include "reading.h"

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
        snprintf(text + 4 * i, 5, "%s", i % 1000 == 999 ? "231\n" : "257 ");
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
    const char *text = "6 6 63 42 ";
    store_text("UTD-0001.txt", text);
    assert_reads(read_file(&STRICT), "adfa-ld",
                 "1:1 close/32\n1:1 close/32\n1:1 dup2/32\n1:1 pipe/32\n");
    assert_survives_truncation("UTD-0001.txt", text, "adfa-ld");
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

/* Cuts the file at path everywhere: each beginning is an error, or holds all of the calls. */
static void assert_cuts_are_noticed(int calls)
{
    size_t size = file_size();
    autofree char *data = malloc(size);
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(data, 1, size, file), size);
    fclose(file);
    for (size_t cut = 0; cut < size; cut++) {
        store("cut", data, cut);
        const struct reading *reading = read_file(&STRICT);
        assert_true(reading->last < 0 || reading->count == calls);
    }
}

static void truncated_packing(void **state)
{
    (void)state;
    static const struct member member = {"one.txt", "openat read close fstat read close mmap"};
    int (*const filters[])(struct archive *) = {
        archive_write_add_filter_gzip, archive_write_add_filter_xz, archive_write_add_filter_zstd};
    for (size_t i = 0; i < 3; i++) {
        pack("whole", filters[i], &member, 1);
        assert_cuts_are_noticed(7);
    }
    pack("whole.zip", NULL, &member, 1);
    assert_cuts_are_noticed(7);
    static const struct member published[] = {{"a.json", "{}"},
                                              {"a.sc",
                                               "1631252162155148290 0 70 apache2 70 getpid > \n"
                                               "1631252162155148300 0 70 apache2 70 getpid < \n"},
                                              {"a.pcap", "capture"},
                                              {"a.res", "1,2\n"}};
    pack("published.zip", NULL, published, 4);
    assert_cuts_are_noticed(1);
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
    return run_reading_tests(tests);
}
