/* respond: what the names that a profile knows stand for in a replica. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/resolve.h"

/* A root of its own, the known accesses, and what they resolve to. */
struct room {
    char path[64];
    int root;
    struct access_set known, names;
};

static const char *at(const struct room *room, const char *path)
{
    static char whole[PATH_MAX];
    snprintf(whole, sizeof whole, "%s%s", room->path, path);
    return whole;
}

static void make_directory(const struct room *room, const char *path)
{
    assert_int_equal(mkdir(at(room, path), 0755), 0);
}

static void make_file(const struct room *room, const char *path)
{
    int fd = open(at(room, path), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static void make_link(const struct room *room, const char *path, const char *target)
{
    assert_int_equal(symlink(target, at(room, path)), 0);
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    strcpy(room->path, "/tmp/skink-resolve-XXXXXX");
    assert_non_null(mkdtemp(room->path));
    room->root = open(room->path, O_PATH | O_DIRECTORY);
    make_directory(room, "/usr");
    make_directory(room, "/usr/lib");
    make_directory(room, "/usr/lib/x86_64-linux-gnu");
    make_file(room, "/usr/lib/x86_64-linux-gnu/libssl.so.3.0.9");
    make_link(room, "/usr/lib/x86_64-linux-gnu/libssl.so.3", "libssl.so.3.0.9");
    make_link(room, "/lib", "usr/lib");
    make_directory(room, "/srv");
    make_file(room, "/srv/app");
    *state = room;
    return 0;
}

static int take_down(void **state)
{
    struct room *room = *state;
    char command[128];
    access_set_free(&room->known);
    access_set_free(&room->names);
    close(room->root);
    snprintf(command, sizeof command, "rm -r %s", room->path);
    assert_int_equal(system(command), 0);
    free(room);
    return 0;
}

static void know(struct room *room, enum access_kind kind, const char *path, bool below)
{
    access_set_add(&room->known, kind, path, below);
}

static void resolve(struct room *room, char *cwd, uint64_t since)
{
    const struct resolve_view view = {.root = room->root, .cwd = cwd};
    resolve_names(&room->names, &room->known, &view, 1, since);
}

static void resolve_now(struct room *room)
{
    resolve(room, "/srv", clock_realtime() + NS_PER_S);
}

static bool has(const struct room *room, enum access_kind kind, const char *path)
{
    return access_set_has(&room->names, kind, path, false);
}

static void links_are_followed(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_READ, "/lib/x86_64-linux-gnu/libssl.so.3", false);
    know(room, ACCESS_RUN, "/lib/../lib/x86_64-linux-gnu/./libssl.so.3", false);
    know(room, ACCESS_READ, "/srv/app", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/usr/lib/x86_64-linux-gnu/libssl.so.3.0.9"));
    assert_true(has(room, ACCESS_RUN, "/usr/lib/x86_64-linux-gnu/libssl.so.3.0.9"));
    assert_int_equal(room->names.count, 2); /* what stands for itself is not said again */
}

static void what_is_not_there_keeps_its_name(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_WRITE, "/lib/cache/17.tmp", false);
    know(room, ACCESS_READ, "/lib/none/", true);
    resolve_now(room);
    assert_true(has(room, ACCESS_WRITE, "/usr/lib/cache/4.tmp"));
    assert_true(has(room, ACCESS_READ, "/usr/lib/cache/4.tmp")); /* who writes it may read it */
    assert_true(has(room, ACCESS_READ, "/usr/lib/none/what/ever"));
    assert_false(has(room, ACCESS_READ, "/usr/lib/other"));
}

static void relative_names_begin_where_processes_are(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_READ, "app", false);
    know(room, ACCESS_READ, "../usr", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/srv/app"));
    assert_true(has(room, ACCESS_READ, "/usr"));
    assert_false(has(room, ACCESS_READ, "/app"));
}

static void relative_names_begin_in_directories_that_are_read(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_READ, "libssl.so.3", false);
    know(room, ACCESS_READ, "/lib/x86_64-linux-gnu", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/usr/lib/x86_64-linux-gnu/libssl.so.3.0.9"));
}

static void all_of_the_root_is_never_known(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_READ, "", true);
    resolve(room, "/", clock_realtime() + NS_PER_S);
    assert_int_equal(room->names.count, 0);
    resolve(room, "/srv", clock_realtime() + NS_PER_S);
    assert_true(has(room, ACCESS_READ, "/srv/data/file"));
    assert_false(has(room, ACCESS_READ, "/usr/file"));
}

static void an_intruders_link_is_not_followed(void **state)
{
    struct room *room = *state;
    uint64_t since = clock_realtime();
    nanosleep(&(struct timespec){.tv_nsec = 20 * (long)NS_PER_MS}, NULL); /* a tick of the kernel */
    make_link(room, "/srv/cache", "/etc");
    know(room, ACCESS_READ, "/srv/cache/shadow", false);
    resolve(room, "/srv", since);
    assert_int_equal(room->names.count, 0);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/etc/shadow"));
}

static void nothing_leads_out_of_the_root(void **state)
{
    struct room *room = *state;
    make_link(room, "/srv/out", "../../../../etc");
    know(room, ACCESS_READ, "/srv/out/shadow", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/etc/shadow")); /* the replica's own */
}

static void loops_end(void **state)
{
    struct room *room = *state;
    make_link(room, "/srv/a", "b");
    make_link(room, "/srv/b", "a/a");
    know(room, ACCESS_READ, "/srv/a/file", false);
    resolve_now(room);
    assert_int_equal(room->names.count, 0);
}

static void processes_are_numbers(void **state)
{
    struct room *room = *state;
    make_directory(room, "/proc");
    know(room, ACCESS_READ, "/proc/self/stat", false);
    know(room, ACCESS_READ, "/proc/thread-self/comm", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_READ, "/proc/4711/stat"));
    assert_true(has(room, ACCESS_READ, "/proc/4711/task/4712/comm"));
    assert_int_equal(room->names.count, 2);
}

static void files_without_a_name(void **state)
{
    struct room *room = *state;
    know(room, ACCESS_WRITE, "/srv", false);
    resolve_now(room);
    assert_true(has(room, ACCESS_WRITE, "/srv/#1048577 (deleted)")); /* O_TMPFILE */
}

static void my_own_view(void **state)
{
    char path[64] = "/tmp/skink-resolve-XXXXXX", cwd[PATH_MAX];
    size_t count;
    (void)state;
    assert_non_null(mkdtemp(path));
    char file[128];
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    FILE *out = fopen(file, "w");
    fprintf(out, "%d\n%d\n", (int)getpid(), (int)getpid());
    fclose(out);
    struct resolve_view *views = resolve_views(path, clock_realtime() + NS_PER_S, &count);
    assert_int_equal(count, 1); /* the same one once */
    assert_string_equal(views->cwd, getcwd(cwd, sizeof cwd));
    resolve_views_free(views, count);
    views = resolve_views(path, clock_realtime() - 3600 * NS_PER_S, &count);
    assert_int_equal(count, 0); /* it was not there then */
    resolve_views_free(views, count);
    unlink(file);
    rmdir(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_are_followed),
        TEST(what_is_not_there_keeps_its_name),
        TEST(relative_names_begin_where_processes_are),
        TEST(relative_names_begin_in_directories_that_are_read),
        TEST(all_of_the_root_is_never_known),
        TEST(an_intruders_link_is_not_followed),
        TEST(nothing_leads_out_of_the_root),
        TEST(loops_end),
        TEST(processes_are_numbers),
        TEST(files_without_a_name),
        cmocka_unit_test(my_own_view),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
