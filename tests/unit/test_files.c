/*
 * probe: what is done to files. Real BPF, a real cgroup: skipped without the rights for them. What
 * user space puts into a table the kernel knows, so both make the same fingerprints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/file_calls.h"
#include "trace/call.h"
#include "watched_cgroup.h"

#define TOLD   512
#define WINDOW 6

struct world {
    struct watched_cgroup own;
    struct access_event told[TOLD];
    size_t count;
    bool called[CALL_CODES]; /* in some window that was told */
};

static void note_calls(void *context, const struct report *report)
{
    struct world *world = context;
    uint16_t codes[PATTERN_MAX];
    if (report->pattern != PATTERN_WINDOW)
        return;
    probe_report_codes(world->own.probe, report, codes);
    for (int i = 0; i < WINDOW; i++)
        world->called[codes[i] % CALL_CODES] = true;
}

static void note(void *context, const struct access_event *event)
{
    struct world *world = context;
    if (event->head.replica == world->own.replica && world->count < TOLD)
        world->told[world->count++] = *event;
}

static bool open_world(struct world *world)
{
    const struct probe_options options = {.files = true};
    const struct probe_hooks hooks = {.report = note_calls, .access = note, .context = world};
    memset(world, 0, sizeof *world);
    return watched_cgroup_open(&world->own, options, &hooks, MODE_DETECT);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    if (world && !open_world(world)) {
        free(world);
        *state = NULL;
    }
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (world) {
        watched_cgroup_close(&world->own);
    }
    free(world);
    return 0;
}

/* Does something in the cgroup, in a process of its own. */
static void act(struct world *world, void (*action)(void))
{
    struct error err;
    int status = 1, go[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        if (read(go[0], &byte, 1) != 1)
            _exit(1);
        action();
        _exit(0);
    }
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, child, &err), 0);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(probe_consume(world->own.probe, &err) >= 0);
    close(go[0]);
    close(go[1]);
}

/* How often something was told. */
static size_t told(const struct world *world, enum access_kind kind, const char *path)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += world->told[i].kind == kind && strcmp(world->told[i].path, path) == 0;
    return count;
}

static void judge(struct world *world)
{
    probe_table_accesses(world->own.probe, world->own.table, MODE_DETECT);
}

/* ---- what calls do ---- */

static void use_every_call(void)
{
    struct open_how how = {.flags = O_RDWR};
    syscall(SYS_open, "/none/open", O_RDONLY);
    syscall(SYS_open, "/none/open", O_WRONLY | O_APPEND);
    syscall(SYS_openat, AT_FDCWD, "/none/openat", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    syscall(SYS_openat2, AT_FDCWD, "/none/openat2", &how, sizeof how);
    syscall(SYS_creat, "/none/creat", 0600);
    syscall(SYS_truncate, "/none/truncate", 0);
    syscall(SYS_unlink, "/none/unlink");
    syscall(SYS_unlinkat, AT_FDCWD, "/none/unlinkat", 0);
    syscall(SYS_rename, "/none/from", "/none/to");
    syscall(SYS_renameat2, AT_FDCWD, "/none/from/at", AT_FDCWD, "/none/to/at", 0);
    syscall(SYS_symlink, "/none/target", "/none/symlink");
    syscall(SYS_symlinkat, "/none/target", AT_FDCWD, "/none/symlinkat");
    syscall(SYS_chmod, "/none/chmod", 0600);
    syscall(SYS_fchmodat, AT_FDCWD, "/none/fchmodat", 0600);
    syscall(SYS_mount, "/none/source", "/none/mount", "none", 0, NULL);
    syscall(SYS_openat, AT_FDCWD, "", O_RDONLY);
    execl("/none/program", "program", (char *)NULL);
    execl("/bin/true", "true", (char *)NULL);
}

static void every_call_is_told_with_what_it_does(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    judge(world);
    act(world, use_every_call);
    static const struct {
        enum access_kind kind;
        const char *path;
    } EXPECTED[] = {
        {ACCESS_READ, "/none/open"},       {ACCESS_WRITE, "/none/open"},
        {ACCESS_TRUNCATE, "/none/openat"}, {ACCESS_WRITE, "/none/openat2"},
        {ACCESS_TRUNCATE, "/none/creat"},  {ACCESS_TRUNCATE, "/none/truncate"},
        {ACCESS_CHANGE, "/none/unlink"},   {ACCESS_CHANGE, "/none/unlinkat"},
        {ACCESS_CHANGE, "/none/from"},     {ACCESS_CHANGE, "/none/to"},
        {ACCESS_CHANGE, "/none/from/at"},  {ACCESS_CHANGE, "/none/to/at"},
        {ACCESS_CHANGE, "/none/symlink"},  {ACCESS_CHANGE, "/none/symlinkat"},
        {ACCESS_CHANGE, "/none/chmod"},    {ACCESS_CHANGE, "/none/fchmodat"},
        {ACCESS_CHANGE, "/none/mount"},    {ACCESS_RUN, "/bin/true"},
    };
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++)
        if (told(world, EXPECTED[i].kind, EXPECTED[i].path) != 1)
            fail_msg("%s %d", EXPECTED[i].path, (int)EXPECTED[i].kind);
    assert_int_equal(told(world, ACCESS_CHANGE, "/none/target"), 0);
    assert_int_equal(told(world, ACCESS_CHANGE, "/none/source"), 0);
    assert_int_equal(told(world, ACCESS_RUN, "/none/program"), 0); /* it never ran */
    assert_int_equal(world->told[0].code, SYS_open);
    assert_int_equal(world->told[0].flags, REPORT_NEW);
}

/* The names that the rest of Skink has for the numbers in the table. */
static void the_numbers_are_those_of_calls_that_name_files(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"open",  "creat",  "truncate", "link",
                                        "rmdir", "rename", "mkdir",    "chmod",
                                        "chown", "mknod",  "mount",    "fchmodat2"};
    char name[CALL_NAME];
    size_t calls = 0;
    for (uint16_t code = 0; code < CALL_CODES; code++) {
        if (!FILE_CALLS[code])
            continue;
        bool named = strncmp(call_name(code, name), "#", 1) == 0; /* too new for the library */
        for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
            named |= strstr(name, WORDS[i]) != NULL;
        calls++;
        if (!named)
            fail_msg("%s names no file", name);
    }
    assert_int_equal(calls, 57);
}

/* The ring's own layout is in the mapping; what it says goes to the kernel without a call. */
static void open_by_a_ring(void)
{
    struct io_uring_params told_back = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, &told_back);
    if (ring >= 0) {
        const int both = PROT_READ | PROT_WRITE;
        size_t size = told_back.sq_off.array + sizeof(uint32_t);
        char *queue = mmap(NULL, size, both, MAP_SHARED, ring, IORING_OFF_SQ_RING);
        struct io_uring_sqe *entry =
            mmap(NULL, sizeof *entry, both, MAP_SHARED, ring, IORING_OFF_SQES);
        if (queue == MAP_FAILED || entry == MAP_FAILED)
            _exit(1);
        *entry = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                       .fd = AT_FDCWD,
                                       .addr = (uintptr_t) "/none/by_ring",
                                       .open_flags = O_RDONLY};
        memset(queue + told_back.sq_off.array, 0, sizeof(uint32_t));
        memcpy(queue + told_back.sq_off.tail, &(uint32_t){1}, sizeof(uint32_t));
    }
    long taken = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    if (ring >= 0 && taken != 1)
        _exit(1);
    for (int i = 0; i < WINDOW; i++)
        syscall(SYS_getppid);
}

/* The limit that docs/probe.md tells of: such an open is none to Skink, but the ring is not hidden.
 */
static void a_ring_shows_itself_and_not_what_it_opens(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    judge(world);
    act(world, open_by_a_ring);
    assert_true(world->called[SYS_io_uring_setup]);
    assert_true(world->called[SYS_io_uring_enter]);
    assert_int_equal(told(world, ACCESS_READ, "/none/by_ring"), 0);
}

/* ---- what is known ---- */

static void open_numbers(void)
{
    char path[64];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/none/%d/x%d", i, 7 * i);
        syscall(SYS_open, path, O_RDONLY);
    }
}

static void numbers_are_one_access(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    judge(world);
    act(world, open_numbers);
    assert_int_equal(told(world, ACCESS_READ, "/none/0/x0"), 1);
    size_t all = 0;
    for (size_t i = 0; i < world->count; i++)
        all += strncmp(world->told[i].path, "/none/", 6) == 0;
    assert_int_equal(all, 1);
    const struct replica_counters *counters =
        &probe_replica(world->own.probe, world->own.replica)->counters;
    assert_int_equal(counters->novelties[TABLE_ACCESSES], world->count);
    assert_true(counters->mismatches[TABLE_ACCESSES] >= 300);
}

static void open_some(void)
{
    syscall(SYS_open, "/none/known//12/file34", O_RDONLY);
    syscall(SYS_open, "/none/known/12/file34", O_RDWR);
    syscall(SYS_open, "/none/wide/a", O_RDONLY);
    syscall(SYS_open, "/none/wide/b/c/d/e/f", O_RDONLY);
    syscall(SYS_open, "/none/wide", O_RDONLY);
    syscall(SYS_open, "/none/wide/../secret", O_RDONLY);
    syscall(SYS_open, "/none/wide/b/../../../etc/secret", O_RDONLY);
    syscall(SYS_open, "/none/wider/a", O_RDONLY);
    syscall(SYS_open, "relative", O_RDONLY);
    syscall(SYS_open, "../relative", O_RDONLY);
    syscall(SYS_open, "/relative", O_RDONLY);
}

static void the_kernel_knows_what_user_space_puts_in(void **state)
{
    struct world *world = *state;
    struct error err;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    struct probe *probe = world->own.probe;
    uint32_t table = world->own.table;
    judge(world);
    assert_int_equal(
        probe_table_add_access(probe, table, ACCESS_READ, "/none/known/#/file#", false, &err), 0);
    assert_int_equal(probe_table_add_access(probe, table, ACCESS_READ, "/none/wide/", true, &err),
                     0);
    assert_int_equal(probe_table_add_access(probe, table, ACCESS_READ, "", true, &err), 0);
    act(world, open_some);
    assert_int_equal(told(world, ACCESS_READ, "/none/known//12/file34"), 0);
    assert_int_equal(told(world, ACCESS_WRITE, "/none/known/12/file34"), 1);
    assert_int_equal(told(world, ACCESS_READ, "/none/wide/a"), 0);
    assert_int_equal(told(world, ACCESS_READ, "/none/wide/b/c/d/e/f"), 0);
    assert_int_equal(told(world, ACCESS_READ, "/none/wide"), 1);
    assert_int_equal(told(world, ACCESS_READ, "/none/wide/../secret"), 1);
    assert_int_equal(told(world, ACCESS_READ, "/none/wide/b/../../../etc/secret"), 1);
    assert_int_equal(told(world, ACCESS_READ, "/none/wider/a"), 1);
    assert_int_equal(told(world, ACCESS_READ, "relative"), 0);
    assert_int_equal(told(world, ACCESS_READ, "../relative"), 1);
    assert_int_equal(told(world, ACCESS_READ, "/relative"), 1);
}

static void open_many(void)
{
    char path[64];
    for (int i = 0; i < 26 * 26 * 4; i++) {
        snprintf(path, sizeof path, "/none/%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 26 / 26);
        syscall(SYS_open, path, O_RDONLY);
    }
}

static void what_is_learned_is_told_once_and_known(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    act(world, open_many); /* a new table learns */
    const struct replica_counters *counters =
        &probe_replica(world->own.probe, world->own.replica)->counters;
    uint64_t learned = counters->novelties[TABLE_ACCESSES];
    assert_true(learned >= 26 * 26 * 4);
    assert_true(world->told[0].flags & (REPORT_LEARNED | REPORT_UNPLACED));
    judge(world);
    act(world, open_many);
    assert_int_equal(counters->novelties[TABLE_ACCESSES], learned);
    assert_int_equal(counters->mismatches[TABLE_ACCESSES], 0);
    assert_int_equal(counters->lost.paths, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_of_calls_that_name_files),
        cmocka_unit_test_setup_teardown(every_call_is_told_with_what_it_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ring_shows_itself_and_not_what_it_opens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_one_access, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_kernel_knows_what_user_space_puts_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_learned_is_told_once_and_known, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
