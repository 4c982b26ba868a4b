/*
 * probe: threads that cannot be followed, because the kernel has no memory to keep what is known of
 * them. Real BPF, real cgroups: skipped without the rights for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "watched_cgroup.h"

#define THREADS 2000 /* what is kept of so many takes more than the kernel has at hand */
#define CALLS   64   /* of each thread */
#define STACK   65536
#define LATE    2 /* when the kernel has run out it fetches more, but not for the one who asked */

/* The memory cgroup that the probe's maps are charged to. */
struct room {
    struct cgroup_hierarchy hierarchy;
    char path[64], before[256];
};

static bool enter_room(struct room *room)
{
    struct error err;
    uint64_t key;
    snprintf(room->path, sizeof room->path, "skink-test-memory-%d", (int)getpid());
    return cgroup_hierarchy_with("memory", &room->hierarchy, &err) == 0 &&
           cgroup_of_process(&room->hierarchy, getpid(), room->before, sizeof room->before, &err) ==
               0 &&
           cgroup_make(&room->hierarchy, room->path, &key, &err) == 0 &&
           cgroup_enter(&room->hierarchy, room->path, getpid(), &err) == 0;
}

static FILE *open_setting(const struct room *room, const char *v1, const char *v2, const char *how)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/memory.%s", room->hierarchy.mount, room->path,
             room->hierarchy.v2 ? v2 : v1);
    return fopen(path, how);
}

/* From now on nothing more is to be had. */
static bool close_room(const struct room *room)
{
    unsigned long long used;
    autofile FILE *usage = open_setting(room, "usage_in_bytes", "current", "r");
    autofile FILE *limit = open_setting(room, "limit_in_bytes", "max", "w");
    return usage && limit && fscanf(usage, "%llu", &used) == 1 &&
           fprintf(limit, "%llu", used) > 0 && fflush(limit) == 0;
}

static bool open_room(const struct room *room)
{
    autofile FILE *limit = open_setting(room, "limit_in_bytes", "max", "w");
    return limit && fputs(room->hierarchy.v2 ? "max" : "-1", limit) >= 0 && fflush(limit) == 0;
}

static pthread_barrier_t all_there;

static void *make_calls(void *context)
{
    (void)context;
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < CALLS; i++)
        syscall(SYS_getppid);
    return NULL;
}

static int make_threads(void)
{
    static pthread_t thread[THREADS];
    pthread_attr_t small;
    if (pthread_barrier_init(&all_there, NULL, THREADS) != 0 || pthread_attr_init(&small) != 0 ||
        pthread_attr_setstacksize(&small, STACK) != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], &small, make_calls, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

static void run_threads(const struct watched_cgroup *own)
{
    struct error err;
    int status = 1, go[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(read(go[0], &byte, 1) == 1 ? make_threads() : 1);
    assert_int_equal(cgroup_enter(&own->hierarchy, own->path, child, &err), 0);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
}

struct world {
    struct room room;
    struct watched_cgroup own;
};

static int set_up(void **state)
{
    struct error err;
    const struct probe_options options = {0};
    const struct probe_hooks hooks = {0};
    struct world *world = memory_must(calloc(1, sizeof *world));
    struct room *room = &world->room;
    bool made = enter_room(room) && watched_cgroup_open(&world->own, options, &hooks, MODE_DETECT);
    cgroup_enter(&room->hierarchy, room->before, getpid(), &err);
    *state = made ? world : NULL;
    if (made)
        return 0;
    cgroup_remove(&room->hierarchy, room->path, &err);
    free(world);
    return 0;
}

static int tear_down(void **state)
{
    struct error err;
    struct world *world = *state;
    if (world) {
        watched_cgroup_close(&world->own);
        cgroup_remove(&world->room.hierarchy, world->room.path, &err);
    }
    free(world);
    return 0;
}

/* Each thread is followed or counted. */
static void who_cannot_be_followed_is_counted(void **state)
{
    const struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    const struct replica_counters *counters =
        &probe_replica(world->own.probe, world->own.replica)->counters;
    assert_true(close_room(&world->room));
    run_threads(&world->own);
    uint64_t lost = counters->lost.storage;
    uint64_t calls = counters->calls;
    assert_true(lost <= THREADS);
    assert_true(calls >= (THREADS - lost) * CALLS);
    if (lost == 0) /* as kernels do that take it from what is kept for emergencies */
        print_message("this kernel gives storage beyond the limit of a memory cgroup\n");

    assert_true(open_room(&world->room));
    run_threads(&world->own);
    uint64_t late = counters->lost.storage - lost;
    assert_true(late <= LATE);
    assert_true(counters->calls - calls >= (THREADS - late) * CALLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_cannot_be_followed_is_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
