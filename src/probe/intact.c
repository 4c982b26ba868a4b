/* What another has changed in the kernel is noticed, and put back. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "probe/internal.h"

#define TURNS   3 /* looks in which all patterns are compared */
#define SETTLES 2 /* looks at a table that is learned no more that find what was learned last */

void table_noted(struct probe *probe, uint32_t table)
{
    probe->expected[table] = probe->tables[table];
}

#define TABLE_BYTES (offsetof(struct table, accesses) + sizeof(__u32)) /* the rest is padding */

/* The tables: nobody but this process writes them. */
static int tables_intact(struct probe *probe)
{
    int changed = 0;
    for (uint32_t i = 0; i < PROBE_TABLES; i++) {
        if (memcmp(&probe->tables[i], &probe->expected[i], TABLE_BYTES) == 0)
            continue;
        probe->tables[i] = probe->expected[i];
        changed++;
    }
    if (changed > 0)
        probe_changed(probe);
    return changed;
}

/* ---- the patterns ---- */

void table_learned(struct probe *probe, uint32_t table)
{
    if (table < PROBE_TABLES)
        probe->settles[table] = SETTLES;
}

/* Does the kernel itself insert there, or did it a moment ago? */
static bool is_learned(struct probe *probe, uint32_t table, uint32_t kind)
{
    bool now = kind == TABLE_ACCESSES && probe->tables[table].accesses == MODE_LEARN;
    for (uint32_t i = 0; i < PROBE_REPLICAS && !now; i++)
        now = probe->replica_used[i] && probe->replicas[i].mode == MODE_LEARN &&
              probe->replicas[i].table == table;
    if (now)
        table_learned(probe, table);
    return probe->settles[table] > 0;
}

/* Whether it is learned is asked after the look: the kernel says so before it inserts. */
static uint64_t range_intact(struct probe *probe, uint32_t table, uint32_t kind)
{
    const struct table_range *range = &probe->range[table][kind];
    struct pool_change change = {0};
    pool_look(probe->pool, range->first, range->bits, &change);
    if (change.added == 0)
        return change.lost;
    bool learned = is_learned(probe, table, kind);
    pool_settle(probe->pool, range->first, range->bits, learned);
    return change.lost + (learned ? 0 : change.added);
}

/* A part of the tables at a time; all of them within TURNS looks. */
static uint64_t patterns_intact(struct probe *probe)
{
    uint64_t changed = 0;
    probe->turn = (probe->turn + 1) % TURNS;
    for (uint32_t i = probe->turn; i < PROBE_TABLES; i += TURNS) {
        for (uint32_t kind = 0; probe->table_used[i] && kind < TABLE_KINDS; kind++)
            changed += range_intact(probe, i, kind);
        probe->settles[i] -= probe->settles[i] > 0;
    }
    return changed;
}

/* ---- the links ---- */

/* Does the kernel still run this program for this link? A detached link of a cgroup has no cgroup,
 * and a link can be given another program (BPF_LINK_UPDATE). */
static bool link_intact(const struct bpf_link *link, const struct bpf_program *program)
{
    struct bpf_link_info info = {0};
    struct bpf_prog_info ours = {0};
    uint32_t size = sizeof info, ours_size = sizeof ours;
    if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) < 0 ||
        bpf_obj_get_info_by_fd(bpf_program__fd(program), &ours, &ours_size) < 0)
        return false;
    return info.prog_id == ours.id &&
           (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != 0);
}

int links_intact(const struct bpf_object_skeleton *skeleton)
{
    int lost = 0;
    for (int i = 0; i < skeleton->prog_cnt; i++) {
        const struct bpf_prog_skeleton *one = &skeleton->progs[i];
        if (!*one->link || link_intact(*one->link, *one->prog))
            continue;
        bpf_link__destroy(*one->link);
        *one->link = bpf_program__attach(*one->prog);
        lost++;
    }
    return lost;
}

/* The links of a cgroup are the ones that anybody with rights can detach: all anew. */
static int datagrams_intact(struct probe *probe)
{
    struct bpf_program *programs[FLOW_DATAGRAM_PROGRAMS];
    int lost = 0;
    flows_programs(probe, programs);
    for (int i = 0; i < FLOW_DATAGRAM_PROGRAMS; i++)
        lost += probe->datagrams[i] && !link_intact(probe->datagrams[i], programs[i]);
    if (lost > 0) {
        flows_detach(probe);
        memset(probe->datagrams, 0, sizeof probe->datagrams);
        flows_attach(probe);
    }
    return lost;
}

int probe_intact(struct probe *probe, char *found, size_t size)
{
    int tables = tables_intact(probe);
    uint64_t patterns = patterns_intact(probe);
    int places = places_intact(probe);
    int refusing = refusing_intact(probe);
    int links = links_intact(probe->bpf->skeleton) + datagrams_intact(probe);
    if (patterns > 0)
        snprintf(found, size, "another has changed %" PRIu64 " patterns in the kernel; put back",
                 patterns);
    else if (tables > 0)
        snprintf(found, size, "another has changed %d pattern tables in the kernel; put back",
                 tables);
    else if (places > 0)
        snprintf(found, size,
                 "another has changed in %d points which replicas are watched; put back", places);
    else if (refusing > 0)
        snprintf(found, size, "another has changed in %d points what calls are refused; put back",
                 refusing);
    else if (links > 0)
        snprintf(found, size,
                 "another has detached or replaced %d programs in the kernel; attached again",
                 links);
    return patterns > 0 || tables + places + refusing + links > 0 ? -1 : 0;
}
