/* The tables of patterns: made, filled, grown, emptied. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "probe/internal.h"
#include "profile/secret.h"

static uint64_t where(const struct table_range *range)
{
    return (uint64_t)range->first << 8 | (64 - range->bits);
}

static uint64_t places(uint32_t bits)
{
    return (uint64_t)BUCKET_PLACES << bits;
}

int probe_table_new(struct probe *probe, uint32_t *table, struct error *err)
{
    uint32_t index = 0;
    while (index < PROBE_TABLES && probe->table_used[index])
        index++;
    if (index == PROBE_TABLES)
        return error_set(err, EXIT_MACHINE, 0, "more than %d services", PROBE_TABLES);
    struct table *shared = &probe->tables[index];
    memset(shared, 0, sizeof *shared);
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        struct table_range *range = &probe->range[index][kind];
        *range = (struct table_range){.bits = TABLE_BITS_MIN};
        if (pool_take(probe->pool, range->bits, &range->first, err) < 0) {
            while (kind-- > 0)
                pool_give(probe->pool, probe->range[index][kind].first, TABLE_BITS_MIN);
            return -1;
        }
        shared->now[kind] = where(range);
    }
    probe->table_used[index] = true;
    *table = index;
    struct detect_rule rule = DETECT_RULE_DEFAULT;
    probe_table_rule(probe, index, &rule);
    probe_table_accesses(probe, index, MODE_LEARN);
    return 0;
}

static void free_one(struct probe *probe, uint32_t table)
{
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        struct table_range *range = &probe->range[table][kind];
        pool_give(probe->pool, range->first, range->bits);
        *range = (struct table_range){0};
    }
    probe->table_used[table] = false;
}

void probe_table_free(struct probe *probe, const uint32_t *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memset(&probe->tables[tables[i]], 0, sizeof *probe->tables);
    for (size_t i = 0; i < count; i++)
        table_noted(probe, tables[i]);
    if (count > 0) {
        probe_changed(probe);
        pool_grace(); /* a program may still be looking at them */
    }
    for (size_t i = 0; i < count; i++)
        free_one(probe, tables[i]);
}

void probe_table_rule(struct probe *probe, uint32_t table, const struct detect_rule *rule)
{
    struct table *shared = &probe->tables[table];
    shared->frame = rule->frame;
    shared->epoch = rule->epoch;
    shared->threshold[PATTERN_WINDOW] = rule->frame_threshold;
    shared->threshold[PATTERN_BAG] = rule->epoch_threshold;
    table_noted(probe, table);
}

/* The smallest size in which `count` patterns fill at most a quarter, so that it lasts a while. */
static uint32_t bits_for(uint64_t count)
{
    uint32_t bits = TABLE_BITS_MIN;
    while (bits < TABLE_BITS_MAX && places(bits) < 4 * count)
        bits++;
    return bits;
}

/* A larger range that holds all that `old` holds now; nobody knows it yet. */
static int take_larger(struct probe *probe, const struct table_range *old, uint64_t expected,
                       struct table_range *larger, struct error *err)
{
    /* The kernel is ahead of what its reports have told, so the count is only the least there is.
     */
    *larger = (struct table_range){.bits = bits_for(expected), .count = old->count};
    if (larger->bits <= old->bits)
        larger->bits = old->bits + 1;
    for (; larger->bits <= TABLE_BITS_MAX; larger->bits++) {
        if (pool_take(probe->pool, larger->bits, &larger->first, err) < 0)
            return -1;
        if (pool_copy(probe->pool, old->first, old->bits, larger->first, larger->bits) == 0)
            return 0;
        pool_give(probe->pool, larger->first, larger->bits);
    }
    return error_set(err, EXIT_MACHINE, 0, "pattern table: larger than a million patterns");
}

/* A larger range for one kind of a table. */
struct enlargement {
    uint32_t table;
    uint32_t kind; /* enum pattern_kind, or TABLE_ACCESSES */
    struct table_range next;
};

static struct table_range *old_range(struct probe *probe, const struct enlargement *enlargement)
{
    return &probe->range[enlargement->table][enlargement->kind];
}

static void copy_newcomers(struct probe *probe, const struct enlargement *enlargement)
{
    const struct table_range *old = old_range(probe, enlargement);
    uint64_t homeless = pool_copy(probe->pool, old->first, old->bits, enlargement->next.first,
                                  enlargement->next.bits);
    if (homeless > 0) /* a handful of newcomers into a table a quarter full */
        log_warn("pattern table: %llu patterns found no place and will be reported again",
                 (unsigned long long)homeless);
}

/*
 * Larger ranges take over without a pattern or a call lost:
 *   1. they are taken, large enough for all that the old ones hold (take_larger);
 *   2. next is set: new patterns go there, missing ones are looked for there too;
 *   3. a grace period: nobody inserts into the old ranges any more;
 *   4. what the old ones got since the first step is copied too;
 *   5. now = next, a grace period: nobody looks at the old ranges any more;
 *   6. next is cleared, the old ranges are given back.
 * A grace period takes milliseconds, so all that grow at a time share the two.
 */
static void take_over(struct probe *probe, const struct enlargement *list, size_t count)
{
    for (const struct enlargement *e = list; e < list + count; e++)
        __atomic_store_n(&probe->tables[e->table].next[e->kind], where(&e->next), __ATOMIC_SEQ_CST);
    pool_grace();
    for (const struct enlargement *e = list; e < list + count; e++) {
        copy_newcomers(probe, e);
        __atomic_store_n(&probe->tables[e->table].now[e->kind], where(&e->next), __ATOMIC_SEQ_CST);
    }
    pool_grace();
    for (const struct enlargement *e = list; e < list + count; e++) {
        struct table_range *old = old_range(probe, e);
        __atomic_store_n(&probe->tables[e->table].next[e->kind], 0, __ATOMIC_SEQ_CST);
        pool_give(probe->pool, old->first, old->bits);
        *old = e->next;
        table_noted(probe, e->table);
    }
}

static int grow(struct probe *probe, uint32_t table, uint32_t kind, uint64_t expected,
                struct error *err)
{
    struct enlargement one = {.table = table, .kind = kind};
    if (take_larger(probe, old_range(probe, &one), expected, &one.next, err) < 0)
        return -1;
    take_over(probe, &one, 1);
    return 0;
}

static int insert(struct probe *probe, uint32_t table, uint32_t kind, uint64_t fingerprint,
                  struct error *err)
{
    struct table_range *range = &probe->range[table][kind];
    enum bucket_answer answer;
    while ((answer = pool_insert(probe->pool, range->first, range->bits, fingerprint)) ==
           BUCKET_FULL)
        if (grow(probe, table, kind, range->count, err) < 0)
            return -1;
    if (answer == BUCKET_MISSING)
        range->count++;
    if (range->count * 2 > places(range->bits))
        probe->must_grow = true;
    return 0;
}

int probe_table_add(struct probe *probe, uint32_t table, enum pattern_kind kind,
                    const uint16_t *codes, struct error *err)
{
    return insert(probe, table, kind,
                  secret_fingerprint(&probe->secret, kind, probe->length[kind], codes), err);
}

int probe_table_add_access(struct probe *probe, uint32_t table, enum access_kind kind,
                           const char *path, bool below, struct error *err)
{
    return insert(probe, table, TABLE_ACCESSES, secret_access(&probe->secret, kind, path, below),
                  err);
}

void probe_table_accesses(struct probe *probe, uint32_t table, enum replica_mode mode)
{
    bool files = probe->bpf->rodata->files;
    if (probe->tables[table].accesses == MODE_LEARN)
        table_learned(probe, table);
    __atomic_store_n(&probe->tables[table].accesses, files ? mode : MODE_OFF, __ATOMIC_SEQ_CST);
    table_noted(probe, table);
}

static int fill_accesses(struct probe *probe, uint32_t table, const struct access_set *known,
                         struct error *err)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct known_access *access = &known->list[i];
        if (probe_table_add_access(probe, table, access->kind, access->path, access->below, err) <
            0)
            return -1;
    }
    return 0;
}

int probe_table_fill(struct probe *probe, uint32_t table, const struct profile *profile,
                     struct error *err)
{
    for (int kind = 0; kind < PATTERN_KINDS; kind++) {
        size_t count = profile_count(profile, kind);
        if (bits_for(count) > probe->range[table][kind].bits &&
            grow(probe, table, kind, count, err) < 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            if (probe_table_add(probe, table, kind, profile_pattern(profile, kind, i), err) < 0)
                return -1;
    }
    return fill_accesses(probe, table, profile_accesses_known(profile), err);
}

uint64_t probe_table_count(const struct probe *probe, uint32_t table, enum pattern_kind kind)
{
    return probe->range[table][kind].count;
}

/* Learned, but without a place: put in once its table has grown. */
static void keep_unplaced(struct probe *probe, const struct told_pattern *told)
{
    if (probe->unplaced_count == probe->unplaced_room) {
        probe->unplaced_room = probe->unplaced_room ? 2 * probe->unplaced_room : 64;
        probe->unplaced =
            reallocarray(probe->unplaced, probe->unplaced_room, sizeof *probe->unplaced);
        if (!probe->unplaced)
            abort();
    }
    probe->unplaced[probe->unplaced_count++] = *told;
    probe->range[told->table][told->kind].crowded = true;
    probe->must_grow = true;
}

void table_reported(struct probe *probe, const struct told_pattern *told, uint32_t flags)
{
    if (told->table >= PROBE_TABLES || !probe->table_used[told->table] || told->kind >= TABLE_KINDS)
        return;
    struct table_range *range = &probe->range[told->table][told->kind];
    if (flags & REPORT_LEARNED) {
        range->count++;
        if (range->count * 2 > places(range->bits))
            probe->must_grow = true;
    } else if (flags & REPORT_UNPLACED) {
        keep_unplaced(probe, told);
    }
}

static bool is_due(const struct table_range *range)
{
    return (range->crowded || range->count * 2 > places(range->bits)) &&
           range->bits < TABLE_BITS_MAX;
}

/* It goes on waiting, so that it is not told again and again. */
static void count_lost(struct probe *probe, uint32_t replica)
{
    if (replica < PROBE_REPLICAS)
        __atomic_fetch_add(&probe->replicas[replica].counters.lost.table, 1, __ATOMIC_RELAXED);
}

static void place_unplaced(struct probe *probe)
{
    struct error err;
    int waiting = bpf_map__fd(probe->bpf->maps.waiting);
    for (size_t i = 0; i < probe->unplaced_count; i++) {
        const struct told_pattern *one = &probe->unplaced[i];
        struct waiting_key key = {one->fingerprint, one->table, one->kind};
        if (probe->table_used[one->table] &&
            insert(probe, one->table, one->kind, one->fingerprint, &err) < 0) {
            log_warn("%s", err.text);
            count_lost(probe, one->replica);
        } else {
            bpf_map_delete_elem(waiting, &key);
        }
    }
    probe->unplaced_count = 0;
}

void tables_grow(struct probe *probe)
{
    struct enlargement list[PROBE_TABLES * TABLE_KINDS];
    size_t count = 0;
    struct error err;
    if (!probe->must_grow)
        return;
    probe->must_grow = false;
    for (uint32_t table = 0; table < PROBE_TABLES; table++)
        for (uint32_t kind = 0; kind < TABLE_KINDS; kind++) {
            const struct table_range *range = &probe->range[table][kind];
            if (!probe->table_used[table] || !is_due(range))
                continue;
            list[count] = (struct enlargement){.table = table, .kind = kind};
            if (take_larger(probe, range, range->count, &list[count].next, &err) < 0)
                log_warn("%s", err.text);
            else
                count++;
        }
    if (count > 0)
        take_over(probe, list, count);
    place_unplaced(probe);
}

void probe_report_codes(const struct probe *probe, const struct report *report, uint16_t *codes)
{
    uint32_t length = probe->length[report->pattern];
    for (uint32_t i = 0; i < length; i++)
        codes[i] = report->history[(report->position - length + i) % HISTORY] % CALL_CODES;
}
