#include "probe/pool.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "probe/event.h"

#define SEGMENT_BUCKETS (1U << PROBE_SEGMENT_BITS)
#define SEGMENT_BYTES   (SEGMENT_BUCKETS * sizeof(struct bucket))
#define ORDERS          (TABLE_BITS_MAX + 1)
#define GRACE_FALLBACK  100000 /* microseconds, where membarrier is not to be had */

/* Free ranges of one order, as a stack of first buckets. */
struct free_list {
    uint32_t *first;
    size_t count, room;
};

struct pool {
    int map;
    struct bucket *segment[PROBE_SEGMENTS]; /* mapped; NULL: not made yet */
    struct bucket *seen[PROBE_SEGMENTS];    /* what is to be found there (pool_look) */
    uint32_t segments;
    struct free_list free[ORDERS]; /* a buddy allocator: a range lies at a multiple of its size */
};

static void push(struct free_list *list, uint32_t first)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 16;
        list->first = reallocarray(list->first, list->room, sizeof *list->first);
        if (!list->first)
            abort();
    }
    list->first[list->count++] = first;
}

struct pool *pool_new(int map)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        abort();
    pool->map = map;
    uint32_t ranges = PROBE_SEGMENTS * SEGMENT_BUCKETS >> TABLE_BITS_MAX;
    while (ranges-- > 0) /* lowest last, so that it is taken first */
        push(&pool->free[TABLE_BITS_MAX], ranges << TABLE_BITS_MAX);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        if (pool->segment[i])
            munmap(pool->segment[i], SEGMENT_BYTES);
        free(pool->seen[i]);
    }
    for (size_t i = 0; i < ORDERS; i++)
        free(pool->free[i].first);
    free(pool);
}

static int make_segment(struct pool *pool, uint32_t number, struct error *err)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "skink_segment", sizeof(uint32_t),
                            sizeof(struct bucket), SEGMENT_BUCKETS, &options);
    if (fd < 0)
        return error_set(err, EXIT_MACHINE, errno, "pattern table: cannot make a segment");
    void *memory = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int failed = memory == MAP_FAILED ? errno : 0;
    if (!failed && bpf_map_update_elem(pool->map, &number, &fd, BPF_ANY) != 0) {
        failed = errno;
        munmap(memory, SEGMENT_BYTES);
    }
    close(fd); /* the map of segments and the mapping keep it */
    if (failed)
        return error_set(err, EXIT_MACHINE, failed, "pattern table: cannot add a segment");
    pool->segment[number] = memory;
    pool->seen[number] = memory_must(calloc(SEGMENT_BUCKETS, sizeof(struct bucket)));
    pool->segments++;
    return 0;
}

/* Makes the segments that a range lies in. */
static int back(struct pool *pool, uint32_t first, uint32_t bits, struct error *err)
{
    uint32_t last = first + (1U << bits) - 1;
    for (uint32_t i = first >> PROBE_SEGMENT_BITS; i <= last >> PROBE_SEGMENT_BITS; i++)
        if (!pool->segment[i] && make_segment(pool, i, err) < 0)
            return -1;
    return 0;
}

static struct bucket *bucket_at(const struct pool *pool, uint32_t number)
{
    return pool->segment[number >> PROBE_SEGMENT_BITS] + (number & (SEGMENT_BUCKETS - 1));
}

static struct bucket *seen_at(const struct pool *pool, uint32_t number)
{
    return pool->seen[number >> PROBE_SEGMENT_BITS] + (number & (SEGMENT_BUCKETS - 1));
}

int pool_take(struct pool *pool, uint32_t bits, uint32_t *first, struct error *err)
{
    uint32_t order = bits;
    while (order < ORDERS && pool->free[order].count == 0)
        order++;
    if (order == ORDERS)
        return error_set(err, EXIT_MACHINE, 0, "pattern table: the limit of %llu MiB is reached",
                         (unsigned long long)PROBE_SEGMENTS * SEGMENT_BYTES >> 20);
    struct free_list *list = &pool->free[order];
    *first = list->first[--list->count];
    while (order > bits) { /* the upper halves stay free */
        order--;
        push(&pool->free[order], *first + (1U << order));
    }
    if (back(pool, *first, bits, err) < 0) {
        push(&pool->free[bits], *first);
        return -1;
    }
    for (uint32_t i = 0; i < 1U << bits; i++) {
        memset(bucket_at(pool, *first + i), 0, sizeof(struct bucket));
        memset(seen_at(pool, *first + i), 0, sizeof(struct bucket));
    }
    return 0;
}

/* Takes a range out of its free list; false when it is not free. */
static bool take_out(struct free_list *list, uint32_t first)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->first[i] != first)
            continue;
        list->first[i] = list->first[--list->count];
        return true;
    }
    return false;
}

void pool_give(struct pool *pool, uint32_t first, uint32_t bits)
{
    while (bits < TABLE_BITS_MAX && take_out(&pool->free[bits], first ^ 1U << bits)) {
        first &= ~(1U << bits);
        bits++;
    }
    push(&pool->free[bits], first);
}

void pool_grace(void)
{
    /* MEMBARRIER_CMD_GLOBAL ends after an RCU grace period; the probe's programs run within RCU. */
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        usleep(GRACE_FALLBACK);
}

static enum bucket_answer insert_at(struct pool *pool, uint32_t number, uint64_t fingerprint)
{
    const struct bucket *bucket = bucket_at(pool, number);
    enum bucket_answer answer = bucket_insert(bucket_at(pool, number), fingerprint);
    for (int i = 0; answer != BUCKET_FULL && i < BUCKET_PLACES; i++)
        if (bucket->place[i] == fingerprint)
            seen_at(pool, number)->place[i] = fingerprint;
    return answer;
}

enum bucket_answer pool_insert(struct pool *pool, uint32_t first, uint32_t bits,
                               uint64_t fingerprint)
{
    uint32_t number = first + table_index(fingerprint, bits);
    enum bucket_answer answer = insert_at(pool, number, fingerprint);
    return answer != BUCKET_FULL ? answer : insert_at(pool, number ^ 1, fingerprint);
}

uint64_t pool_copy(struct pool *pool, uint32_t from, uint32_t from_bits, uint32_t to,
                   uint32_t to_bits)
{
    uint64_t homeless = 0;
    for (uint32_t i = 0; i < 1U << from_bits; i++) {
        const struct bucket *bucket = bucket_at(pool, from + i);
        for (int place = 0; place < BUCKET_PLACES && bucket->place[place]; place++)
            homeless += pool_insert(pool, to, to_bits, bucket->place[place]) == BUCKET_FULL;
    }
    return homeless;
}

/* ---- is it as it was left? ---- */

void pool_look(struct pool *pool, uint32_t first, uint32_t bits, struct pool_change *change)
{
    for (uint32_t i = 0; i < 1U << bits; i++) {
        struct bucket *there = bucket_at(pool, first + i);
        const struct bucket *seen = seen_at(pool, first + i);
        if (memcmp(there, seen, sizeof *there) == 0)
            continue;
        for (int k = 0; k < BUCKET_PLACES; k++) {
            change->added += seen->place[k] == 0 && there->place[k] != 0;
            if (seen->place[k] == 0 || there->place[k] == seen->place[k])
                continue;
            there->place[k] = seen->place[k];
            change->lost++;
        }
    }
}

void pool_settle(struct pool *pool, uint32_t first, uint32_t bits, bool learned)
{
    for (uint32_t i = 0; i < 1U << bits; i++) {
        struct bucket *there = bucket_at(pool, first + i);
        struct bucket *seen = seen_at(pool, first + i);
        if (learned)
            *seen = *there;
        else
            *there = *seen;
    }
}

uint64_t pool_bytes(const struct pool *pool)
{
    return (uint64_t)pool->segments * SEGMENT_BYTES;
}
