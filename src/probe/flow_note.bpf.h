/* Flows: one entry of their map, noted and told. */
#ifndef SKINK_PROBE_FLOW_NOTE_BPF_H
#define SKINK_PROBE_FLOW_NOTE_BPF_H

#include "probe/flow.h"
#include "probe/report.bpf.h"

const volatile __u32 quota_flows = 200;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, FLOWS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct flow_key);
    __type(value, struct flow_value);
} flows SEC(".maps");

static __always_inline void tell_flow(struct replica *replica, const struct flow_key *key,
                                      const struct flow_value *value)
{
    /* What is not told now is found when user space next goes through all flows. */
    if (!within_quota(replica, &replica->flows_used, quota_flows))
        return;
    struct flow_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event)
        return;
    fill_head(&event->head, EVENT_FLOW, key->replica, replica, bpf_get_current_task_btf());
    event->key = *key;
    event->value = *value;
    bpf_ringbuf_submit(event, 0);
}

static __always_inline void renew_flow(struct flow_value *flow, const struct flow_value *seen)
{
    flow->last = seen->last;
    add(flow->count, seen->count);
    add(flow->open, seen->open);
    if (seen->local_port)
        flow->local_port = seen->local_port;
    if (seen->peer_port)
        flow->peer_port = seen->peer_port;
}

static __noinline int note_flow(struct replica *replica, struct flow_key *key,
                                const struct flow_value *seen)
{
    if (!replica || !key || !seen)
        return 0;
    struct flow_value *flow = bpf_map_lookup_elem(&flows, key);
    if (!flow && replica->flows_held >= FLOWS_EACH) {
        add(replica->counters.lost.flows, 1);
        __builtin_memset(key->peer, 0, sizeof key->peer);
        flow = bpf_map_lookup_elem(&flows, key);
    }
    if (flow) {
        renew_flow(flow, seen);
        return 0;
    }
    if (bpf_map_update_elem(&flows, key, seen, BPF_NOEXIST) != 0) {
        add(replica->counters.lost.flows, 1);
        return 0;
    }
    add(replica->flows_held, 1);
    tell_flow(replica, key, seen);
    return 0;
}

#endif
