/* Replicas: which cgroups are watched, the places prepared for new ones, what they showed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "probe/internal.h"

#define NEWCOMERS_PREPARED 48

uint32_t replica_place(const struct probe *probe)
{
    uint32_t index = 0;
    while (index < PROBE_REPLICAS && probe->replica_used[index])
        index++;
    return index < PROBE_REPLICAS ? index : PROBE_NONE;
}

/* Takes a place and clears it, but for its generation. */
static int take_place(struct probe *probe, uint32_t *index, struct error *err)
{
    *index = replica_place(probe);
    if (*index == PROBE_NONE)
        return error_set(err, EXIT_MACHINE, 0, "more than %d replicas at a time", PROBE_REPLICAS);
    struct replica *replica = &probe->replicas[*index];
    uint32_t generation = replica->generation;
    memset(replica, 0, sizeof *replica);
    replica->generation = generation;
    probe->replica_used[*index] = true;
    return 0;
}

int probe_replica_add(struct probe *probe, uint64_t cgroup, enum replica_entry entry,
                      uint32_t table, enum replica_mode mode, uint32_t *replica, struct error *err)
{
    if (take_place(probe, replica, err) < 0)
        return -1;
    struct replica *place = &probe->replicas[*replica];
    place->entry = entry;
    place->table = table;
    place->mode = mode;
    place->recognised = true;
    if (bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.by_cgroup), &cgroup, replica, BPF_ANY)) {
        probe->replica_used[*replica] = false;
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot watch another cgroup");
    }
    place_hold(probe, *replica, cgroup);
    return 0;
}

void probe_replica_set(struct probe *probe, uint32_t replica, uint32_t table,
                       enum replica_mode mode)
{
    struct replica *place = place_begin(probe, replica);
    if (place->mode == MODE_LEARN)
        table_learned(probe, place->table);
    place->recognised = true;
    __atomic_store_n(&place->table, table, __ATOMIC_SEQ_CST);
    __atomic_store_n(&place->mode, mode, __ATOMIC_SEQ_CST);
    place_end(probe, replica);
    probe_changed(probe);
}

void probe_replica_lost(struct probe *probe, uint32_t replica)
{
    __atomic_fetch_add(&probe->replicas[replica].counters.lost.reports, 1, __ATOMIC_RELAXED);
}

void probe_replica_record(struct probe *probe, uint32_t replica, bool on)
{
    place_begin(probe, replica)->recorded = on;
    place_end(probe, replica);
}

void probe_replica_compare(struct probe *probe, uint32_t replica, bool on)
{
    place_begin(probe, replica)->compared = on;
    place_end(probe, replica);
}

void probe_apart_forget(struct probe *probe, uint32_t table, enum pattern_kind kind,
                        uint64_t fingerprint)
{
    struct waiting_key key = {.fingerprint = fingerprint, .table = table, .pattern = kind};
    bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.apart), &key);
}

int probe_replica_halt(struct probe *probe, uint32_t replica, uint32_t generation,
                       enum replica_halt halt, bool on)
{
    struct replica *place = place_begin(probe, replica);
    bool there = place->generation == generation;
    if (there && on)
        __atomic_or_fetch(&place->halt, halt, __ATOMIC_SEQ_CST);
    else if (there)
        __atomic_and_fetch(&place->halt, ~(uint32_t)halt, __ATOMIC_SEQ_CST);
    place_end(probe, replica);
    return there ? 0 : -1;
}

uint32_t probe_replica_of(const struct probe *probe, uint64_t cgroup)
{
    uint32_t index;
    int map = bpf_map__fd(probe->bpf->maps.by_cgroup);
    return bpf_map_lookup_elem(map, &cgroup, &index) == 0 ? index : PROBE_NONE;
}

void probe_replica_away(struct probe *probe, uint64_t cgroup, bool away)
{
    uint32_t index = probe_replica_of(probe, cgroup);
    if (index == PROBE_NONE)
        return;
    struct replica *place = place_begin(probe, index);
    __atomic_store_n(&place->away, away, __ATOMIC_SEQ_CST);
    place_end(probe, index);
    probe_changed(probe);
}

int probe_replica_restored(struct probe *probe, uint32_t replica, struct error *err)
{
    struct replica *place = &probe->replicas[replica];
    place->entry = ENTRY_JOIN; /* all that is in it */
    int failed = probe_adopt(probe, err);
    place->entry = ENTRY_CONTAINER;
    return failed;
}

void probe_replica_remove(struct probe *probe, uint32_t replica, uint64_t cgroup)
{
    if (probe->replicas[replica].mode == MODE_LEARN)
        table_learned(probe, probe->replicas[replica].table);
    place_leave(probe, replica);
    probe->replicas[replica].mode = MODE_OFF;
    probe->replicas[replica].halt = 0;
    refusing_forget(probe, replica);
    if (probe_replica_of(probe, cgroup) == replica)
        bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.by_cgroup), &cgroup);
    probe_novelties_forget(probe, replica);
    probe->replicas[replica].generation++;
    probe_changed(probe);
    probe->replica_used[replica] = false;
}

const struct replica *probe_replica(const struct probe *probe, uint32_t replica)
{
    return &probe->replicas[replica];
}

void probe_replica_reset_peaks(struct probe *probe, uint32_t replica)
{
    probe->replicas[replica].counters.frame_peak = 0;
    probe->replicas[replica].counters.epoch_peak = 0;
}

static int prepare_newcomer(struct probe *probe, struct error *err)
{
    struct newcomer newcomer;
    if (probe_table_new(probe, &newcomer.table, err) < 0)
        return -1;
    if (take_place(probe, &newcomer.replica, err) < 0) {
        probe_table_free(probe, &newcomer.table, 1);
        return -1;
    }
    if (bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.newcomers), NULL, &newcomer, BPF_ANY)) {
        probe->replica_used[newcomer.replica] = false;
        probe_table_free(probe, &newcomer.table, 1);
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot prepare for new containers");
    }
    probe->prepared++;
    return 0;
}

int probe_prepare_newcomers(struct probe *probe, struct error *err)
{
    while (probe->prepared < NEWCOMERS_PREPARED)
        if (prepare_newcomer(probe, err) < 0)
            return -1;
    return 0;
}

void newcomer_taken(struct probe *probe, const struct cgroup_event *event)
{
    if (event->head.replica == PROBE_NONE)
        return;
    probe->prepared--;
    /* It may have ended before this was heard. */
    if (probe_replica_of(probe, event->cgroup) == event->head.replica)
        place_hold(probe, event->head.replica, event->cgroup);
}

int probe_expect(struct probe *probe, const char *cgroup_path, enum replica_entry entry,
                 struct error *err)
{
    char key[PROBE_CGROUP_PATH] = {0};
    uint32_t value = entry;
    memccpy(key, cgroup_path, '\0', sizeof key - 1);
    if (bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.expected), key, &value, BPF_ANY) != 0)
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot expect the cgroup %s",
                         cgroup_path);
    return 0;
}

void probe_expect_no_more(struct probe *probe, const char *cgroup_path)
{
    char key[PROBE_CGROUP_PATH] = {0};
    memccpy(key, cgroup_path, '\0', sizeof key - 1);
    bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.expected), key);
}

bool probe_novelty(const struct probe *probe, uint32_t replica, uint32_t kind, uint64_t fingerprint,
                   struct novelty_count *count)
{
    struct novelty_key key = {.fingerprint = fingerprint, .replica = replica, .pattern = kind};
    return bpf_map_lookup_elem(bpf_map__fd(probe->bpf->maps.novelties), &key, count) == 0;
}

void probe_novelties_forget(struct probe *probe, uint32_t replica)
{
    int map = bpf_map__fd(probe->bpf->maps.novelties);
    struct novelty_key key;
    struct novelty_key next;
    if (probe->replicas[replica].novelties_held == 0)
        return;
    int more = bpf_map_get_next_key(map, NULL, &next) == 0;
    while (more) {
        key = next;
        more = bpf_map_get_next_key(map, &key, &next) == 0;
        if (key.replica == replica)
            bpf_map_delete_elem(map, &key);
    }
    probe->replicas[replica].novelties_held = 0;
}
