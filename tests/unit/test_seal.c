/* seal: every change to what was written is found. */
#include "sealed_log.h"

static void write_text(const char *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
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

/* Who has no key of the past begins a chain of his own, and keeps it shorter than the operator's
 * key can check. */
static void a_short_chain_in_the_place_of_all_is_found(void **state)
{
    (void)state;
    struct error err;
    struct findings findings;
    struct seal_first own;
    char key[96];
    write_log(0);
    struct seal_log *log = open_log(0);
    assert_int_equal(seal_begin_key(log, &first, &err), 0);
    append(log, "alert", "{}");
    seal_close(log);
    assert_int_equal(look(&first, &findings).faults, 0);
    snprintf(key, sizeof key, "%s/sealed.key", directory);
    assert_int_equal(unlink(path) + unlink(key), 0);
    log = open_log(0);
    assert_int_equal(seal_begin_key(log, &own, &err), 0);
    fill(log, 3);
    seal_close(log);
    assert_int_equal(look(&own, &findings).faults, 0);
    assert_int_equal(look(&first, &findings).faults, 1);
    assert_int_equal(findings.count[SEAL_CUT_OFF], 1);
    assert_string_equal(findings.text, "the end is cut off: entries 4 to 9 are missing");
    write_text("", 0); /* nor is it enough to leave nothing at all */
    assert_int_equal(unlink(key), 0);
    look(&first, &findings);
    assert_int_equal(findings.count[SEAL_CUT_OFF], 1);
}

/* A daemon that writes may be ahead of the key that was read; the key is still one of its own. */
static void an_old_key_is_the_hosts_own(void **state)
{
    (void)state;
    struct error err;
    struct seal_state had;
    write_log(0);
    assert_int_equal(seal_state_read(directory, &had, &err), 1);
    struct seal_log *log = open_log(0);
    fill(log, 3);
    seal_close(log);
    for (int forged = 0; forged < 2; forged++) {
        struct seal_check *check = seal_check_new(&first, 0, NULL, NULL);
        had.key.byte[0] ^= (uint8_t)forged;
        assert_int_equal(seal_check_file(check, path, &err), 0);
        seal_check_end(check, &had, true);
        assert_int_equal(seal_check_summary(check)->faults, forged);
        seal_check_free(check);
    }
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
        EACH(a_short_chain_in_the_place_of_all_is_found),
        EACH(an_old_key_is_the_hosts_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
