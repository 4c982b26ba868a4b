/*
 * The places of replicas, and which cgroup leads to which: what this process has put there is
 * noted, so that what another changes is seen and put back. What the kernel counts there is not
 * compared.
 */
#include <bpf/bpf.h>
#include <stddef.h>

#include "probe/internal.h"

/* Those that this process alone sets, all of 32 bits. */
static const size_t FIELDS[PLACE_FIELDS] = {
    offsetof(struct replica, mode),       offsetof(struct replica, table),
    offsetof(struct replica, generation), offsetof(struct replica, entry),
    offsetof(struct replica, recorded),   offsetof(struct replica, recognised),
    offsetof(struct replica, compared),   offsetof(struct replica, halt),
    offsetof(struct replica, refuse),     offsetof(struct replica, away),
};

static uint32_t *field(struct probe *probe, uint32_t replica, int number)
{
    return (uint32_t *)((char *)&probe->replicas[replica] + FIELDS[number]);
}

struct replica *place_begin(struct probe *probe, uint32_t replica)
{
    pthread_mutex_lock(&probe->changing);
    return &probe->replicas[replica];
}

void place_end(struct probe *probe, uint32_t replica)
{
    for (int i = 0; i < PLACE_FIELDS; i++)
        probe->place[replica].field[i] = *field(probe, replica, i);
    pthread_mutex_unlock(&probe->changing);
}

/* A cgroup leads to one place: the latest that it was given. */
void place_hold(struct probe *probe, uint32_t replica, uint64_t cgroup)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (probe->place[i].cgroup == cgroup)
            probe->place[i].held = false;
    place_begin(probe, replica);
    probe->place[replica].held = true;
    probe->place[replica].strange = false;
    probe->place[replica].cgroup = cgroup;
    place_end(probe, replica);
}

void place_leave(struct probe *probe, uint32_t replica)
{
    probe->place[replica].held = false;
}

/* ---- is it as it was left? ---- */

static int fields_intact(struct probe *probe)
{
    int changed = 0;
    pthread_mutex_lock(&probe->changing);
    for (uint32_t replica = 0; replica < PROBE_REPLICAS; replica++)
        for (int i = 0; probe->place[replica].held && i < PLACE_FIELDS; i++) {
            uint32_t left = probe->place[replica].field[i];
            changed +=
                __atomic_exchange_n(field(probe, replica, i), left, __ATOMIC_SEQ_CST) != left;
        }
    pthread_mutex_unlock(&probe->changing);
    return changed;
}

/* The kernel lets go of a cgroup that ends, before this process hears of it. */
static bool has_gone(const struct probe *probe, uint32_t replica)
{
    const struct probe_hooks *hooks = &probe->hooks;
    return hooks->has_gone && hooks->has_gone(hooks->context, replica);
}

static int ways_lost(struct probe *probe, int map)
{
    int lost = 0;
    for (uint32_t replica = 0; replica < PROBE_REPLICAS; replica++) {
        const struct place *place = &probe->place[replica];
        uint32_t to;
        if (!place->held || (bpf_map_lookup_elem(map, &place->cgroup, &to) == 0 && to == replica) ||
            has_gone(probe, replica))
            continue;
        bpf_map_update_elem(map, &place->cgroup, &replica, BPF_ANY);
        lost++;
    }
    return lost;
}

/* A way to a place that nobody holds may be one that the kernel has just given to a new cgroup: at
 * the next look this process has heard of that. */
static bool is_strange(struct probe *probe, uint64_t cgroup, uint32_t to)
{
    struct place *place = to < PROBE_REPLICAS ? &probe->place[to] : NULL;
    if (!place || (place->held && place->cgroup != cgroup))
        return true;
    bool strange = place->strange;
    place->strange = !place->held;
    return strange;
}

static int ways_added(struct probe *probe, int map)
{
    uint64_t cgroup, next;
    uint32_t to;
    int added = 0;
    bool more = bpf_map_get_next_key(map, NULL, &next) == 0;
    for (int i = 0; more && i < 2 * PROBE_REPLICAS; i++) { /* one who deletes makes it begin anew */
        cgroup = next;
        more = bpf_map_get_next_key(map, &cgroup, &next) == 0;
        if (bpf_map_lookup_elem(map, &cgroup, &to) != 0 || !is_strange(probe, cgroup, to))
            continue;
        bpf_map_delete_elem(map, &cgroup);
        added++;
    }
    return added;
}

int places_intact(struct probe *probe)
{
    int map = bpf_map__fd(probe->bpf->maps.by_cgroup);
    int changed = fields_intact(probe) + ways_lost(probe, map) + ways_added(probe, map);
    if (changed > 0)
        probe_changed(probe);
    return changed;
}
