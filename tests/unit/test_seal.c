/* seal: what was written is found whole, and every change to it is found. */
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

static void write_text(const char *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ---- looking ---- */

struct findings {
    int count[SEAL_TORN + 1];
    uint64_t entry; /* of the first fault */
    char text[256];
};

static void note(void *context, const struct seal_finding *finding)
{
    struct findings *findings = context;
    if (findings->text[0] == '\0' && finding->fault != SEAL_TORN) {
        findings->entry = finding->entry;
        snprintf(findings->text, sizeof findings->text, "%s", finding->text);
    }
    findings->count[finding->fault]++;
}

static struct seal_summary look(const struct seal_first *key, struct findings *findings)
{
    struct error err = {0};
    struct seal_state state;
    struct seal_check *check = seal_check_new(key, 0, note, findings);
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

/* The same of a text that is no file. */
static uint64_t faults_of(const char *text, size_t size, const struct seal_first *key)
{
    struct error err = {0};
    struct seal_state state;
    struct seal_check *check = seal_check_new(key, 0, NULL, NULL);
    assert_int_equal(seal_state_read(directory, &state, &err), 1);
    seal_check_text(check, "sealed.log", text, size);
    seal_check_end(check, &state, false);
    uint64_t faults = seal_check_summary(check)->faults;
    seal_check_free(check);
    return faults;
}

static void a_log_is_whole(void **state)
{
    (void)state;
    struct findings findings;
    write_log(0);
    struct seal_summary summary = look(&first, &findings);
    assert_string_equal(findings.text, "");
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.entries, ENTRIES + 2);
    assert_int_equal(summary.sealed, ENTRIES + 2);
    assert_true(summary.closed);
    summary = look(NULL, &findings);
    assert_int_equal(summary.faults + summary.sealed, 0);
}

static void every_bit_counts(void **state)
{
    (void)state;
    write_log(0);
    struct text text = read_text();
    for (size_t i = 0; i < text.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            if (faults_of(text.data, text.size, &first) == 0)
                fail_msg("bit %d of byte %zu", bit, i);
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
        }
    free(text.data);
}

/* Without the key, too, but in the last entry: nothing follows it that would tell. */
static void the_chain_alone_finds_bits(void **state)
{
    (void)state;
    write_log(0);
    struct text text = read_text();
    size_t last = text.size - 1;
    while (text.data[last - 1] != '\n')
        last--;
    for (size_t i = 0; i < last; i++) {
        text.data[i] ^= 1;
        if (faults_of(text.data, text.size, NULL) == 0)
            fail_msg("byte %zu", i);
        text.data[i] ^= 1;
    }
    free(text.data);
}

static void every_cut_is_found(void **state)
{
    (void)state;
    write_log(0);
    struct text text = read_text();
    for (size_t size = 0; size < text.size; size++) {
        assert_int_not_equal(faults_of(text.data, size, &first), 0);
        assert_int_not_equal(faults_of(text.data, size, NULL), 0);
    }
    free(text.data);
}

/* Lines of the text, each with its newline. */
static size_t lines_of(const struct text *text, const char *line[64])
{
    size_t count = 0;
    for (const char *at = text->data; at < text->data + text->size; at = strchr(at, '\n') + 1)
        line[count++] = at;
    line[count] = text->data + text->size;
    return count;
}

/* The lines in this order, as a text. */
static struct text arrange(const char *line[64], const size_t *order, size_t count)
{
    struct text text = {0};
    FILE *out = open_memstream(&text.data, &text.size);
    for (size_t i = 0; i < count; i++)
        fwrite(line[order[i]], 1, (size_t)(line[order[i] + 1] - line[order[i]]), out);
    fclose(out);
    return text;
}

static void deleted_swapped_and_repeated_lines_are_found(void **state)
{
    (void)state;
    const char *line[64];
    size_t order[64];
    write_log(0);
    struct text text = read_text();
    size_t count = lines_of(&text, line);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b <= count; b++) {
            size_t used = 0;
            for (size_t i = 0; i < count; i++) /* a is left out, and put before b */
                if (i != a) {
                    if (i == b)
                        order[used++] = a;
                    order[used++] = i;
                }
            bool same = b == a + 1;
            struct text changed = arrange(line, order, used);
            for (int keyed = 0; keyed < 2; keyed++) {
                uint64_t faults = faults_of(changed.data, changed.size, keyed ? &first : NULL);
                if ((faults == 0) != (same && used == count))
                    fail_msg("line %zu before %zu: %llu faults", a, b, (unsigned long long)faults);
            }
            free(changed.data);
            order[0] = b < count ? b : a;
            for (size_t i = 0; i < count; i++)
                order[i + 1] = i;
            changed = arrange(line, order, count + 1);
            assert_int_not_equal(faults_of(changed.data, changed.size, NULL), 0);
            free(changed.data);
        }
    free(text.data);
}

static void the_place_is_named(void **state)
{
    (void)state;
    struct findings findings;
    write_log(0);
    struct text text = read_text();
    char *place = strstr(text.data, "\"number\":4");
    place[9] = '5';
    write_text(text.data, text.size);
    look(&first, &findings);
    assert_int_equal(findings.entry, 5);
    assert_string_equal(findings.text, "entry 5 was changed");
    place[9] = '4';
    char *line = strstr(text.data, "{\"seq\":6,");
    char *next = strchr(line, '\n') + 1;
    memmove(line, next, text.size - (size_t)(next - text.data) + 1);
    write_text(text.data, strlen(text.data));
    look(&first, &findings);
    assert_string_equal(findings.text, "entry 6 is missing");
    assert_int_equal(findings.count[SEAL_CHANGED], 0);
    free(text.data);
}

/* Who takes the host over has its key, and can write on, but not write anew. */
static void the_past_cannot_be_forged(void **state)
{
    (void)state;
    struct error err;
    struct seal_state stolen;
    struct findings findings;
    write_log(0);
    assert_int_equal(seal_state_read(directory, &stolen, &err), 1);
    struct text text = read_text();
    struct seal_first forged = {.first = 3, .key = stolen.key};
    assert_int_not_equal(faults_of(text.data, text.size, &forged), 0);
    free(text.data);
    assert_int_equal(unlink(path), 0); /* a log that claims to be the whole one */
    struct seal_log *log = open_log(0);
    append(log, "alert", "{}");
    seal_close(log);
    assert_int_not_equal(look(&first, &findings).faults, 0);
    assert_int_equal(findings.count[SEAL_MISSING], 1);
}

/* ---- writing ---- */

static void a_torn_entry_is_told_from_a_cut(void **state)
{
    (void)state;
    struct findings findings;
    write_log(0);
    FILE *file = fopen(path, "a"); /* as a daemon leaves it that is killed while it writes */
    fputs("{\"seq\":9,\"time\":\"2026-", file);
    fclose(file);
    assert_int_equal(look(&first, &findings).faults, 0);
    assert_int_equal(findings.count[SEAL_TORN], 1);
    struct seal_log *log = open_log(0);
    append(log, "start", "{}");
    seal_close(log);
    struct seal_summary summary = look(&first, &findings);
    assert_int_equal(summary.faults + summary.torn, 0);
    assert_int_equal(summary.entries, ENTRIES + 4); /* "torn", and the start */
    struct text text = read_text();
    assert_non_null(strstr(text.data, "\"kind\":\"torn\",\"body\":{\"bytes\":22}"));
    free(text.data);
}

static void a_kill_between_entry_and_key(void **state)
{
    (void)state;
    struct error err;
    struct findings findings;
    char key[96], before[512] = "";
    write_log(0);
    snprintf(key, sizeof key, "%s/sealed.key", directory);
    int fd = open(key, O_RDWR);
    ssize_t size = read(fd, before, sizeof before);
    struct seal_log *log = open_log(0);
    append(log, "start", "{}");
    seal_close(log);
    assert_int_equal(pwrite(fd, before, (size_t)size, 0), size);
    close(fd);
    assert_int_equal(look(&first, &findings).faults, 0);
    log = open_log(0);
    assert_int_equal(seal_look(log, &err), 0);
    append(log, "start", "{}");
    append(log, "start", "{}");
    seal_close(log);
    assert_int_equal(look(&first, &findings).faults, 0);
    fd = open(key, O_RDWR); /* an old key is no such kill */
    assert_int_equal(pwrite(fd, before, (size_t)size, 0), size);
    close(fd);
    look(&first, &findings);
    assert_int_equal(findings.count[SEAL_KEY], 1);
}

/* One in the middle, then the first, too. */
static void remove_both(const char *oldest, const char *second)
{
    struct findings findings;
    assert_int_equal(unlink(second), 0);
    look(&first, &findings);
    assert_int_equal(findings.count[SEAL_MISSING], 1);
    assert_int_equal(unlink(oldest), 0);
    look(&first, &findings);
    assert_non_null(strstr(findings.text, "beginning is missing"));
}

static void files_change_and_the_chain_goes_on(void **state)
{
    (void)state;
    struct findings findings;
    write_log(1000);
    struct seal_log *log = open_log(1000);
    fill(log, ENTRIES);
    seal_close(log);
    struct seal_summary summary = look(&first, &findings);
    assert_string_equal(findings.text, "");
    assert_int_equal(summary.sealed, summary.entries);
    char **files = seal_files(directory);
    if (!files[0] || !files[1] || !files[2])
        fail_msg("it is all in one file");
    else
        remove_both(files[0], files[1]);
    seal_files_free(files);
}

static void another_key_takes_over(void **state)
{
    (void)state;
    struct error err;
    struct findings findings;
    struct seal_first second;
    write_log(0);
    struct seal_log *log = open_log(0);
    assert_int_equal(seal_begin_key(log, &second, &err), 0);
    fill(log, 3);
    seal_close(log);
    assert_int_equal(second.first, ENTRIES + 3);
    struct seal_summary summary = look(&first, &findings);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.sealed, ENTRIES + 3);
    summary = look(&second, &findings);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.sealed, 3);
}

static void a_hand_in_the_file_is_noticed(void **state)
{
    (void)state;
    struct error err;
    struct findings findings;
    write_log(0);
    struct seal_log *log = open_log(0);
    assert_int_equal(seal_look(log, &err), 0);
    struct text text = read_text();
    assert_int_equal(truncate(path, (off_t)text.size - 10), 0);
    append(log, "alert", "{\"after\":\"the cut\"}");
    assert_int_equal(seal_look(log, &err), -1);
    assert_non_null(strstr(err.text, "another has changed it"));
    assert_int_equal(seal_look(log, &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(seal_look(log, &err), -1);
    assert_non_null(strstr(err.text, "moved or removed"));
    append(log, "alert", "{}");
    seal_close(log);
    free(text.data);
    text = read_text();
    assert_non_null(strstr(text.data, "\"kind\":\"tampered\""));
    assert_int_not_equal(look(&first, &findings).faults, 0);
    free(text.data);
}

static void a_full_disk_is_lived_through(void **state)
{
    (void)state;
    struct error err;
    struct findings findings;
    int written = 0;
    char ballast[96];
    if (geteuid() != 0 || mount("none", directory, "tmpfs", 0, "size=64k") != 0)
        skip();
    struct seal_log *log = open_log(0);
    assert_int_equal(seal_begin_key(log, &first, &err), 0);
    snprintf(ballast, sizeof ballast, "%s/ballast", directory);
    FILE *file = fopen(ballast, "w");
    for (int i = 0; i < 40 << 10; i++)
        fputc('x', file);
    fclose(file);
    while (written < 1000 && seal_append(log, "alert", "{\"text\":\"full?\"}", &err) == 0)
        written++;
    assert_in_range(written, 10, 999);
    assert_int_equal(seal_append(log, "alert", "{}", &err), -1);
    assert_int_equal(look(&first, &findings).faults, 0);
    assert_int_equal(unlink(ballast), 0);
    append(log, "alert", "{\"text\":\"room again\"}");
    seal_close(log);
    assert_int_equal(look(&first, &findings).faults, 0);
    struct text text = read_text();
    assert_non_null(strstr(text.data, "\"kind\":\"lost\",\"body\":{\"entries\":2}"));
    free(text.data);
}

static void one_writer_at_a_time(void **state)
{
    (void)state;
    struct error err;
    struct seal_log *log = open_log(0);
    assert_null(seal_open(directory, 0, NULL, NULL, &err));
    assert_true(seal_in_use(directory));
    seal_close(log);
    assert_false(seal_in_use(directory));
}

static void the_key_file_is_for_one(void **state)
{
    (void)state;
    struct error err;
    struct stat status;
    struct seal_first again;
    char key[96];
    write_log(0);
    snprintf(key, sizeof key, "%s/operator.key", directory);
    assert_int_equal(seal_first_write(key, &first, &err), 0);
    assert_int_equal(stat(key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0400);
    assert_int_equal(seal_first_write(key, &first, &err), -1);
    assert_int_equal(seal_first_read(key, &again, &err), 0);
    assert_memory_equal(&again, &first, sizeof again);
    assert_int_equal(seal_first_parse("skink-log-key 1\nfirst 0\nkey 00\n", "x", &again, &err), -1);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        EACH(a_log_is_whole),
        EACH(every_bit_counts),
        EACH(the_chain_alone_finds_bits),
        EACH(every_cut_is_found),
        EACH(deleted_swapped_and_repeated_lines_are_found),
        EACH(the_place_is_named),
        EACH(the_past_cannot_be_forged),
        EACH(a_torn_entry_is_told_from_a_cut),
        EACH(a_kill_between_entry_and_key),
        EACH(files_change_and_the_chain_goes_on),
        EACH(another_key_takes_over),
        EACH(a_hand_in_the_file_is_noticed),
        EACH(a_full_disk_is_lived_through),
        EACH(one_writer_at_a_time),
        EACH(the_key_file_is_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
