/* Flows: attaching what sees them, and going through them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "probe/internal.h"

#define FORGOTTEN (3600 * NS_PER_S) /* a flow without connections leaves the kernel after this */

void flows_programs(const struct probe *probe, struct bpf_program *programs[FLOW_DATAGRAM_PROGRAMS])
{
    struct bpf_program *const all[FLOW_DATAGRAM_PROGRAMS] = {
        probe->bpf->progs.on_connect4, probe->bpf->progs.on_connect6, probe->bpf->progs.on_send4,
        probe->bpf->progs.on_send6,    probe->bpf->progs.on_receive4, probe->bpf->progs.on_receive6,
    };
    memcpy(programs, all, sizeof all);
}

void flows_configure(struct probe *probe, bool on)
{
    struct bpf_program *programs[FLOW_DATAGRAM_PROGRAMS];
    flows_programs(probe, programs);
    bpf_program__set_autoload(probe->bpf->progs.on_tcp_state, on);
    bpf_program__set_autoload(probe->bpf->progs.adopt_sockets, on);
    for (int i = 0; i < FLOW_DATAGRAM_PROGRAMS; i++)
        bpf_program__set_autoload(programs[i], on);
    if (!on)
        bpf_map__set_max_entries(probe->bpf->maps.flows, 1);
}

/* The root of the v2 hierarchy, under which every process is, also on hosts that use v1. */
static int open_unified(void)
{
    struct mntent entry;
    char text[4096];
    int fd = -1;
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    while (mounts && fd < 0 && getmntent_r(mounts, &entry, text, sizeof text))
        if (strcmp(entry.mnt_type, "cgroup2") == 0)
            fd = open(entry.mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mounts)
        endmntent(mounts);
    return fd;
}

void flows_attach(struct probe *probe)
{
    struct bpf_program *programs[FLOW_DATAGRAM_PROGRAMS];
    autoclose int root = open_unified();
    flows_programs(probe, programs);
    for (int i = 0; i < FLOW_DATAGRAM_PROGRAMS; i++) {
        probe->datagrams[i] = root < 0 ? NULL : bpf_program__attach_cgroup(programs[i], root);
        if (!probe->datagrams[i]) {
            log_warn("UDP flows are not seen: %s",
                     root < 0 ? "no cgroup v2 hierarchy is mounted" : strerror(errno));
            return;
        }
    }
}

void flows_detach(struct probe *probe)
{
    for (int i = 0; i < FLOW_DATAGRAM_PROGRAMS; i++)
        bpf_link__destroy(probe->datagrams[i]);
}

int probe_flows_adopt(struct probe *probe, struct error *err)
{
    for (int pass = 0; pass < 2; pass++) {
        probe->bpf->bss->adopting_connections = pass;
        if (probe_walk(probe->bpf->progs.adopt_sockets, err) < 0)
            return error_context(err, "sockets from before");
    }
    return 0;
}

static void forget(struct probe *probe, const struct flow_key *key)
{
    if (bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.flows), key) == 0 &&
        probe->replicas[key->replica].generation == key->generation)
        __atomic_fetch_sub(&probe->replicas[key->replica].flows_held, 1, __ATOMIC_RELAXED);
}

/* Is it of no use any more: its replica has gone, or nothing has used it for long? */
static bool stale(const struct probe *probe, const struct flow_key *key,
                  const struct flow_value *value, uint64_t now)
{
    return key->replica >= PROBE_REPLICAS ||
           probe->replicas[key->replica].generation != key->generation ||
           (value->open == 0 && key->role != FLOW_LISTENS &&
            clock_passed(now, value->last) > FORGOTTEN);
}

void probe_flows_each(struct probe *probe, probe_flow_hook *hook, void *context)
{
    int map = bpf_map__fd(probe->bpf->maps.flows);
    uint64_t now = clock_monotonic();
    struct flow_key key, next;
    struct flow_value value;
    bool more = bpf_map_get_next_key(map, NULL, &next) == 0;
    while (more) {
        key = next;
        more = bpf_map_get_next_key(map, &key, &next) == 0;
        if (bpf_map_lookup_elem(map, &key, &value) != 0)
            continue;
        if (value.open > 0)
            value.last = now;
        hook(context, &key, &value);
        if (stale(probe, &key, &value, now))
            forget(probe, &key);
    }
}
