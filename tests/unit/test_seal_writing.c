/* seal: what was written is found whole, whatever ended the daemon. */
#include "sealed_log.h"

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

static void what_is_old_goes_and_the_log_says_so(void **state)
{
    struct error err = {0};
    struct findings findings;
    (void)state;
    write_log(1000);
    struct seal_log *log = open_log(1000);
    fill(log, ENTRIES);
    assert_int_equal(seal_prune(log, 0, &err), 0); /* all stay */
    look(&first, &findings);
    assert_int_equal(findings.count[SEAL_MISSING], 0);
    assert_int_equal(seal_prune(log, 2, &err), 0);
    assert_int_equal(seal_prune(log, 2, &err), 0); /* nothing to do */
    append(log, "stop", "{}");
    seal_close(log);
    struct seal_summary summary = look_from(&first, SEAL_AS_TOLD, &findings);
    assert_string_equal(findings.text, "");
    assert_int_equal(findings.count[SEAL_PRUNED], 1);
    assert_true(summary.first > 0 && summary.sealed == summary.entries);
    look_from(NULL, SEAL_AS_TOLD, &findings);
    assert_int_equal(findings.count[SEAL_PRUNED], 1);
    look(&first, &findings); /* who says that it begins at 0 is told that it does not */
    assert_non_null(strstr(findings.text, "beginning is missing"));
    /* One more, by another's hand. */
    char **files = seal_files(directory);
    assert_int_equal(unlink(files[0]), 0);
    seal_files_free(files);
    look_from(&first, SEAL_AS_TOLD, &findings);
    assert_int_equal(findings.count[SEAL_PRUNED], 0);
    assert_non_null(strstr(findings.text, "beginning is missing"));
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
    assert_int_equal(findings.count[SEAL_HANDED_OVER], 1); /* and that the rest was not checked */
    assert_string_equal(findings.notice,
                        "another key was made here: from entry 10 on that one is needed");
    summary = look(&second, &findings);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.sealed, 3);
    assert_int_equal(findings.count[SEAL_HANDED_OVER], 0);
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
        EACH(a_torn_entry_is_told_from_a_cut),
        EACH(a_kill_between_entry_and_key),
        EACH(files_change_and_the_chain_goes_on),
        EACH(what_is_old_goes_and_the_log_says_so),
        EACH(another_key_takes_over),
        EACH(a_hand_in_the_file_is_noticed),
        EACH(a_full_disk_is_lived_through),
        EACH(one_writer_at_a_time),
        EACH(the_key_file_is_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
