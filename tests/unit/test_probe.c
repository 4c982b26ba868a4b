/*
 * probe: the pool of buckets, and the tables that grow while the kernel learns into them. Real BPF,
 * real cgroups: skipped without the rights for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/mirror.h"
#include "probe/pool.h"
#include "watched_cgroup.h"

#define CALLS  60000 /* a stream of these has far more patterns than a table begins with */
#define CHUNK  1000
#define MADE   (CALLS + 2 * (CALLS / CHUNK - 1) + 1) /* with its pauses and exit_group */
#define RANGES 200

/* Calls that do nothing, for a stream with very many different windows. */
static const long HARMLESS[] = {SYS_getpid, SYS_getppid, SYS_gettid,  SYS_getuid, SYS_geteuid,
                                SYS_getgid, SYS_getegid, SYS_getpgrp, SYS_umask,  SYS_sched_yield};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* ---- the pool ---- */

static int map_of_segments(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, segment, .map_flags = BPF_F_MMAPABLE);
    int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test_segment", 4, sizeof(struct bucket),
                               1 << PROBE_SEGMENT_BITS, &segment);
    if (inner < 0)
        return -1;
    LIBBPF_OPTS(bpf_map_create_opts, outer, .inner_map_fd = (uint32_t)inner);
    int map = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "test_pool", 4, 4, PROBE_SEGMENTS, &outer);
    close(inner);
    return map;
}

struct range {
    uint32_t first, bits;
};

static void assert_apart(const struct range *a, const struct range *b)
{
    assert_true(a->first + (1U << a->bits) <= b->first || b->first + (1U << b->bits) <= a->first);
}

static void ranges_never_overlap(void **state)
{
    (void)state;
    struct error err;
    struct range taken[RANGES];
    size_t count = 0;
    uint32_t seed = 7;
    int map = map_of_segments();
    if (map < 0)
        skip();
    struct pool *pool = pool_new(map);
    for (int step = 0; step < 2000; step++) {
        if (count < RANGES && next_random(&seed) % 3 != 0) {
            struct range *range = &taken[count];
            range->bits = TABLE_BITS_MIN + next_random(&seed) % 7;
            assert_int_equal(pool_take(pool, range->bits, &range->first, &err), 0);
            assert_int_equal(range->first % (1U << range->bits), 0);
            for (size_t i = 0; i < count; i++)
                assert_apart(&taken[i], range);
            /* What a range held before must not be found in it again. */
            assert_int_equal(pool_insert(pool, range->first, range->bits, 42ULL << 40),
                             BUCKET_MISSING);
            assert_int_equal(pool_insert(pool, range->first, range->bits, 42ULL << 40),
                             BUCKET_KNOWN);
            count++;
        } else if (count > 0) {
            size_t i = next_random(&seed) % count;
            pool_give(pool, taken[i].first, taken[i].bits);
            taken[i] = taken[--count];
        }
    }
    while (count > 0) {
        count--;
        pool_give(pool, taken[count].first, taken[count].bits);
    }
    /* Everything has grown together again: the largest ranges are to be had. */
    struct range large = {.bits = TABLE_BITS_MAX};
    assert_int_equal(pool_take(pool, large.bits, &large.first, &err), 0);
    assert_int_equal(large.first, 0);
    pool_free(pool);
    close(map);
}

static void copies_keep_every_pattern(void **state)
{
    (void)state;
    struct error err;
    uint32_t small, large;
    int map = map_of_segments();
    if (map < 0)
        skip();
    struct pool *pool = pool_new(map);
    assert_int_equal(pool_take(pool, 6, &small, &err), 0);
    assert_int_equal(pool_take(pool, 8, &large, &err), 0);
    int inserted = 0;
    uint64_t fingerprint = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 450; i++)
        inserted +=
            pool_insert(pool, small, 6, fingerprint * (uint64_t)(2 * i + 1)) == BUCKET_MISSING;
    assert_true(inserted > 400);
    assert_int_equal(pool_copy(pool, small, 6, large, 8), 0);
    for (int i = 0; i < 450; i++)
        if (pool_insert(pool, small, 6, fingerprint * (uint64_t)(2 * i + 1)) == BUCKET_KNOWN)
            assert_int_equal(pool_insert(pool, large, 8, fingerprint * (uint64_t)(2 * i + 1)),
                             BUCKET_KNOWN);
    pool_free(pool);
    close(map);
}

/* Another writes into the first segment as bpftool does. */
static void write_bucket(int map, const struct bucket *bucket)
{
    const uint32_t first = 0;
    uint32_t id;
    assert_int_equal(bpf_map_lookup_elem(map, &first, &id), 0);
    int segment = bpf_map_get_fd_by_id(id);
    assert_true(segment >= 0);
    assert_int_equal(bpf_map_update_elem(segment, &first, bucket, BPF_ANY), 0);
    close(segment);
}

static struct pool_change look(struct pool *pool, uint32_t first)
{
    struct pool_change change = {0};
    pool_look(pool, first, TABLE_BITS_MIN, &change);
    return change;
}

static void what_another_does_is_seen(void **state)
{
    (void)state;
    struct error err;
    uint32_t first;
    int map = map_of_segments();
    if (map < 0)
        skip();
    struct pool *pool = pool_new(map);
    assert_int_equal(pool_take(pool, TABLE_BITS_MIN, &first, &err), 0);
    assert_int_equal(first, 0);
    pool_insert(pool, first, TABLE_BITS_MIN, 1);
    pool_insert(pool, first, TABLE_BITS_MIN, 2);
    assert_int_equal(look(pool, first).lost + look(pool, first).added, 0);
    write_bucket(map, &(struct bucket){{1, 0, 0}}); /* taken out */
    assert_int_equal(look(pool, first).lost, 1);
    assert_int_equal(look(pool, first).lost, 0);
    assert_int_equal(pool_insert(pool, first, TABLE_BITS_MIN, 2), BUCKET_KNOWN);
    write_bucket(map, &(struct bucket){{1, 2, 3}}); /* put in */
    assert_int_equal(look(pool, first).added, 1);
    pool_settle(pool, first, TABLE_BITS_MIN, false);
    assert_int_equal(look(pool, first).added, 0);
    assert_int_equal(pool_insert(pool, first, TABLE_BITS_MIN, 3), BUCKET_MISSING);
    write_bucket(map, &(struct bucket){{1, 2, 3, 4}}); /* learned by the kernel */
    pool_settle(pool, first, TABLE_BITS_MIN, true);
    assert_int_equal(look(pool, first).added, 0);
    assert_int_equal(pool_insert(pool, first, TABLE_BITS_MIN, 4), BUCKET_KNOWN);
    pool_free(pool);
    close(map);
}

/* ---- tables that grow under the kernel's hands ---- */

struct world {
    struct watched_cgroup own;
    uint64_t reports;
    struct profile *profile; /* what the reports told */
};

static void count_report(void *context, const struct report *report)
{
    struct world *world = context;
    if (report->head.replica != world->own.replica)
        return;
    world->reports++;
    uint16_t codes[PATTERN_MAX];
    probe_report_codes(world->own.probe, report, codes);
    profile_add(world->profile, report->pattern, codes);
}

static bool open_world(struct world *world)
{
    const struct probe_options options = {.learn_quota = UINT32_MAX};
    const struct probe_hooks hooks = {.report = count_report, .context = world};
    memset(world, 0, sizeof *world);
    if (!watched_cgroup_open(&world->own, options, &hooks, MODE_LEARN))
        return false;
    world->profile = profile_new("test", "-", 6, 6);
    return true;
}

static void close_world(struct world *world)
{
    watched_cgroup_close(&world->own);
    profile_free(world->profile);
}

/* The same calls in every child: blocked in a read while it is moved into the cgroup, and again
 * every so many calls until its reports have been read, however busy the machine is. */
static void stream(int go, int done)
{
    char byte;
    uint32_t seed = 1;
    for (int i = 0; i < CALLS; i++) {
        if (i % CHUNK == 0 && (write(done, "x", 1) != 1 || read(go, &byte, 1) != 1))
            _exit(1);
        syscall(HARMLESS[next_random(&seed) % (sizeof HARMLESS / sizeof *HARMLESS)], 022);
    }
    syscall(SYS_exit_group, 0); /* a sanitizer's _exit makes calls of its own */
}

/* Waits until a process sleeps: then it has entered the call that it blocks in. */
static void wait_asleep(pid_t pid)
{
    char path[64];
    char state = 'R';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

static void run_stream(struct world *world)
{
    struct error err;
    int go[2];
    int done[2];
    int status = 1;
    char byte;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        close(done[0]);
        stream(go[0], done[1]);
    }
    close(done[1]);
    assert_int_equal(read(done[0], &byte, 1), 1);
    wait_asleep(child);
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, child, &err), 0);
    do {
        assert_true(probe_consume(world->own.probe, &err) >= 0);
        assert_int_equal(write(go[1], "x", 1), 1);
    } while (read(done[0], &byte, 1) == 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(probe_consume(world->own.probe, &err) >= 0);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
    close(done[0]);
}

/* A world for each test, whose cgroup goes also when the test fails. */
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
    if (*state)
        close_world(*state);
    free(*state);
    return 0;
}

static void tables_grow_without_loss(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    run_stream(world);
    const struct replica_counters *counters =
        &probe_replica(world->own.probe, world->own.replica)->counters;
    uint64_t windows = probe_table_count(world->own.probe, world->own.table, PATTERN_WINDOW);
    assert_int_equal(counters->lost.reports + counters->lost.quota + counters->lost.storage +
                         counters->lost.table,
                     0);
    assert_true(windows > 40000); /* of 512 places at first */
    /* Every pattern in the table was told, and every one told is in the table. */
    assert_int_equal(windows, profile_count(world->profile, PATTERN_WINDOW));
    assert_int_equal(probe_table_count(world->own.probe, world->own.table, PATTERN_BAG),
                     profile_count(world->profile, PATTERN_BAG));
    assert_int_equal(counters->calls, MADE);
    /* Whatever was learned while the table grew is known now. */
    probe_replica_set(world->own.probe, world->own.replica, world->own.table, MODE_DETECT);
    uint64_t before = world->reports;
    uint64_t mismatches = counters->mismatches[PATTERN_WINDOW] + counters->mismatches[PATTERN_BAG];
    run_stream(world);
    assert_int_equal(counters->mismatches[PATTERN_WINDOW] + counters->mismatches[PATTERN_BAG],
                     mismatches);
    assert_int_equal(world->reports, before);
    assert_int_equal(counters->calls, 2 * MADE);
}

static void a_repeated_novelty_is_reported_once(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    probe_replica_set(world->own.probe, world->own.replica, world->own.table, MODE_DETECT);
    run_stream(world);
    const struct replica *replica = probe_replica(world->own.probe, world->own.replica);
    /* Nothing is known, so every window is a mismatch; told are no more than the quota allows. */
    assert_int_equal(replica->counters.mismatches[PATTERN_WINDOW], MADE - 5);
    assert_true(world->reports <= 2 * 500 + replica->counters.lost.quota);
    assert_true(replica->novelties_held <= PROBE_NOVELTIES_EACH);
    assert_true(replica->counters.lost.quota > 0);
    probe_novelties_forget(world->own.probe, world->own.replica);
    assert_int_equal(replica->novelties_held, 0);
}

/* ---- what another does to the places of replicas ---- */

/* This process's own: other tests run beside it, but none has the key. */
static int map_with(const char *name, uint64_t key)
{
    uint32_t id = 0, value;
    while (bpf_map_get_next_id(id, &id) == 0) {
        struct bpf_map_info info = {0};
        uint32_t size = sizeof info;
        int fd = bpf_map_get_fd_by_id(id);
        if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
            strcmp(info.name, name) == 0 && bpf_map_lookup_elem(fd, &key, &value) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static void assert_noticed(struct probe *probe, const char *what)
{
    char found[128] = "";
    assert_int_equal(probe_intact(probe, found, sizeof found), -1);
    if (!strstr(found, what))
        fail_msg("%s", found);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
}

static void a_cgroup_led_elsewhere_is_led_back(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    struct probe *probe = world->own.probe;
    uint64_t own = world->own.cgroup, foreign = own + 12345;
    uint32_t to = PROBE_REPLICAS - 1, there;
    char found[128];
    int map = map_with("by_cgroup", own);
    assert_true(map >= 0);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
    assert_int_equal(bpf_map_delete_elem(map, &own), 0);
    assert_noticed(probe, "in 1 points which replicas are watched");
    assert_int_equal(bpf_map_update_elem(map, &own, &to, BPF_ANY), 0);
    assert_noticed(probe, "in 1 points");
    assert_int_equal(bpf_map_lookup_elem(map, &own, &there), 0);
    assert_int_equal(there, world->own.replica);
    assert_int_equal(bpf_map_update_elem(map, &foreign, &there, BPF_ANY), 0);
    assert_noticed(probe, "in 1 points");
    assert_int_not_equal(bpf_map_lookup_elem(map, &foreign, &there), 0);
    /* A place that nobody holds may have been given to a new cgroup a moment ago, but not for long.
     */
    assert_int_equal(bpf_map_update_elem(map, &foreign, &to, BPF_ANY), 0);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
    assert_noticed(probe, "in 1 points");
    assert_int_not_equal(bpf_map_lookup_elem(map, &foreign, &there), 0);
    close(map);
}

static void a_cgroup_given_another_place_is_left_there(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    struct probe *probe = world->own.probe;
    struct error err;
    char found[128];
    uint32_t later;
    assert_int_equal(probe_replica_add(probe, world->own.cgroup, ENTRY_JOIN, world->own.table,
                                       MODE_LEARN, &later, &err),
                     0);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
    probe_replica_remove(probe, world->own.replica, world->own.cgroup);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
    world->own.replica = later;
}

static void a_replica_switched_off_is_switched_on(void **state)
{
    struct world *world = *state;
    if (!world) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    struct probe *probe = world->own.probe;
    struct replica *place = (struct replica *)probe_replica(probe, world->own.replica);
    enum replica_mode before = place->mode;
    char found[128];
    place->mode = MODE_OFF;
    assert_noticed(probe, "in 1 points");
    assert_int_equal(place->mode, before);
    place->away = place->generation = 7;
    assert_noticed(probe, "in 2 points");
    /* What this process orders is no tampering. */
    assert_int_equal(
        probe_replica_halt(probe, world->own.replica, place->generation, HALT_STOP, true), 0);
    probe_replica_set(probe, world->own.replica, world->own.table, MODE_DETECT);
    assert_int_equal(probe_intact(probe, found, sizeof found), 0);
    assert_int_equal(place->halt, HALT_STOP);
}

/* ---- a map of which this process knows what it holds ---- */

static bool is_even(const void *key, const void *value, const void *context)
{
    (void)value, (void)context;
    return *(const uint64_t *)key % 2 == 0;
}

static void a_mirror_shows_what_another_did(void **state)
{
    int map = bpf_map_create(BPF_MAP_TYPE_HASH, "test_mirror", sizeof(uint64_t), sizeof(uint32_t),
                             4096, NULL);
    uint64_t key, foreign = 99999;
    uint32_t value, lie = 7;
    (void)state;
    if (map < 0) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    struct mirror *mirror = mirror_new(map, sizeof key, sizeof value, 4096);
    for (key = 0; key < 4095; key++) {
        value = (uint32_t)key;
        assert_int_equal(mirror_put(mirror, &key, &value), 0);
    }
    assert_int_equal(mirror_intact(mirror), 0);
    bpf_map_update_elem(map, &foreign, &lie, BPF_ANY);
    for (key = 0; key < 3; key++)
        bpf_map_delete_elem(map, &key);
    bpf_map_update_elem(map, &key, &lie, BPF_ANY); /* 3 */
    assert_int_equal(mirror_intact(mirror), 5);
    assert_int_equal(mirror_intact(mirror), 0);
    assert_int_not_equal(bpf_map_lookup_elem(map, &foreign, &value), 0);
    assert_int_equal(bpf_map_lookup_elem(map, &key, &value), 0);
    assert_int_equal(value, 3);
    mirror_remove(mirror, is_even, NULL);
    key = 2;
    assert_int_not_equal(bpf_map_lookup_elem(map, &key, &value), 0);
    assert_int_equal(mirror_intact(mirror), 0);
    mirror_free(mirror);
    close(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_never_overlap),
        cmocka_unit_test(copies_keep_every_pattern),
        cmocka_unit_test(what_another_does_is_seen),
        cmocka_unit_test(a_mirror_shows_what_another_did),
        cmocka_unit_test_setup_teardown(tables_grow_without_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeated_novelty_is_reported_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cgroup_led_elsewhere_is_led_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cgroup_given_another_place_is_left_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_replica_switched_off_is_switched_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
