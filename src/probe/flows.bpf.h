/*
 * Flows: who connects to whom. Nothing here runs on the way of a system call: TCP is seen as its
 * sockets change their state, UDP where a process connects or sends without being connected.
 */
#ifndef SKINK_PROBE_FLOWS_BPF_H
#define SKINK_PROBE_FLOWS_BPF_H

#include <bpf/bpf_endian.h>
#include <linux/in.h>

#include "probe/flow.h"
#include "probe/report.bpf.h"
#include "probe/threads.bpf.h"

const volatile __u32 quota_flows = 200;
volatile bool adopting_connections; /* the second pass of adopt_sockets */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, FLOWS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct flow_key);
    __type(value, struct flow_value);
} flows SEC(".maps");

/* Whose a socket is. A listener's children inherit it, so a connection that is accepted is known
 * though the kernel makes it on nobody's behalf. */
struct owner {
    __u32 replica, generation;
    __u32 role; /* enum flow_role */
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct owner);
} owners SEC(".maps");

#define AF_INET  2
#define AF_INET6 10

/* ---- one entry ---- */

static __always_inline void map_v4(__u8 address[16], __u32 v4)
{
    __builtin_memset(address, 0, 10);
    address[10] = address[11] = 0xff;
    __builtin_memcpy(address + 12, &v4, sizeof v4);
}

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

/* ---- TCP ---- */

static __always_inline void read_addresses(struct sock *sk, __u8 peer[16], __u8 local[16])
{
    if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
        BPF_CORE_READ_INTO((struct in6_addr *)peer, sk, __sk_common.skc_v6_daddr);
        BPF_CORE_READ_INTO((struct in6_addr *)local, sk, __sk_common.skc_v6_rcv_saddr);
    } else {
        map_v4(peer, BPF_CORE_READ(sk, __sk_common.skc_daddr));
        map_v4(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
    }
}

/* What a socket says of its flow. mine: the running process is the one that uses it. */
static __always_inline void read_flow(struct sock *sk, const struct owner *owner, bool mine,
                                      struct flow_key *key, struct flow_value *value)
{
    __u16 local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
    __u16 peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    __builtin_memset(key, 0, sizeof *key);
    __builtin_memset(value, 0, sizeof *value);
    key->replica = owner->replica;
    key->generation = owner->generation;
    key->transport = IPPROTO_TCP;
    key->role = owner->role;
    key->port = owner->role == FLOW_CALLS ? peer_port : local_port;
    read_addresses(sk, key->peer, value->local);
    if (owner->role == FLOW_LISTENS)
        __builtin_memset(key->peer, 0, sizeof key->peer);
    value->first = value->last = bpf_ktime_get_ns();
    value->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
    value->local_port = local_port;
    value->peer_port = peer_port;
    if (mine) {
        value->pid = bpf_get_current_pid_tgid() >> 32;
        bpf_get_current_comm(value->command, sizeof value->command);
    }
}

static __always_inline struct replica *replica_of_owner(const struct owner *owner)
{
    struct replica *replica = get_replica(owner->replica);
    return replica && replica->generation == owner->generation ? replica : NULL;
}

/* The running thread connects or listens: from now on the socket is its replica's. */
static __noinline int own(struct sock *sk, __u32 role)
{
    struct thread *thread = followed(bpf_get_current_task_btf());
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct flow_key key;
    struct flow_value value;
    if (!replica || thread->flags & THREAD_WAITING)
        return 0;
    struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!owner) {
        add(replica->counters.lost.flows, 1);
        return 0;
    }
    *owner = (struct owner){thread->replica, thread->generation, role};
    read_flow(sk, owner, true, &key, &value);
    value.count = value.open = role == FLOW_CALLS;
    return note_flow(replica, &key, &value);
}

/* A connection has come about, or ends. */
static __noinline int changed(struct sock *sk, bool ends, bool accepted)
{
    struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
    struct replica *replica = owner ? replica_of_owner(owner) : NULL;
    struct flow_key key;
    struct flow_value value;
    if (!replica)
        return 0;
    if (accepted)
        owner->role = FLOW_ANSWERS;
    read_flow(sk, owner, false, &key, &value);
    if (ends) {
        struct flow_value *flow = bpf_map_lookup_elem(&flows, &key);
        if (flow && flow->open)
            add(flow->open, -1);
        if (flow)
            flow->last = value.last;
        return 0;
    }
    value.count = value.open = accepted;
    return note_flow(replica, &key, &value);
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int before, int now)
{
    if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
        return 0;
    switch (now) {
    case BPF_TCP_SYN_SENT:
        return own(sk, FLOW_CALLS);
    case BPF_TCP_LISTEN:
        return own(sk, FLOW_LISTENS);
    case BPF_TCP_ESTABLISHED:
        return changed(sk, false, before == BPF_TCP_SYN_RECV);
    case BPF_TCP_CLOSE:
        return changed(sk, true, false);
    default:
        return 0;
    }
}

/* ---- sockets from before we came ---- */

/* Run by user space: finds the listeners of watched threads and the connections that they have. The
 * first pass marks the listeners, by which the second tells accepted connections from made ones. */
SEC("?iter/task_file")
int adopt_sockets(struct bpf_iter__task_file *context)
{
    struct task_struct *task = context->task;
    struct file *file = context->file;
    struct thread *thread = task && file ? followed(task) : NULL;
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct socket *socket = replica ? bpf_sock_from_file(file) : NULL;
    struct sock *sk = socket ? socket->sk : NULL;
    struct flow_key key;
    struct flow_value value;
    if (!sk || thread->flags & THREAD_WAITING)
        return 0;
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    __u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
    if ((family != AF_INET && family != AF_INET6) ||
        BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
        (state != BPF_TCP_LISTEN && state != BPF_TCP_ESTABLISHED) ||
        bpf_sk_storage_get(&owners, sk, NULL, 0))
        return 0;
    struct owner mine = {thread->replica, thread->generation, FLOW_LISTENS};
    read_flow(sk, &mine, false, &key, &value);
    if (state == BPF_TCP_ESTABLISHED) {
        if (!adopting_connections)
            return 0;
        mine.role = bpf_map_lookup_elem(&flows, &key) ? FLOW_ANSWERS : FLOW_CALLS;
        read_flow(sk, &mine, false, &key, &value);
        value.count = value.open = 1;
    }
    struct owner *owner = bpf_sk_storage_get(&owners, sk, &mine, BPF_SK_STORAGE_GET_F_CREATE);
    if (!owner) {
        add(replica->counters.lost.flows, 1);
        return 0;
    }
    value.pid = task->tgid;
    BPF_CORE_READ_STR_INTO(&value.command, task, comm);
    return note_flow(replica, &key, &value);
}

/* ---- UDP ---- */

/* A datagram socket is connected to an address, or sends to one. Such programs cannot ask for a
 * task's storage everywhere; the task's cgroup says whose it is. */
static __always_inline int note_datagram(struct bpf_sock_addr *context, bool v6)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct flow_key key = {};
    struct flow_value value = {};
    key.replica = replica_of_cgroup(key_cgroup(task));
    struct replica *replica = key.replica == PROBE_NONE ? NULL : get_replica(key.replica);
    if (!replica)
        return 1;
    key.generation = replica->generation;
    key.transport = IPPROTO_UDP;
    key.role = FLOW_CALLS;
    key.port = bpf_ntohs(context->user_port);
    if (v6) {
        __u32 words[4] = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2],
                          context->user_ip6[3]};
        __builtin_memcpy(key.peer, words, sizeof words);
    } else {
        map_v4(key.peer, context->user_ip4);
    }
    value.first = value.last = bpf_ktime_get_ns();
    value.count = 1;
    value.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
    value.peer_port = key.port;
    value.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(value.command, sizeof value.command);
    note_flow(replica, &key, &value);
    return 1;
}

SEC("?cgroup/connect4")
int on_connect4(struct bpf_sock_addr *context)
{
    return context->protocol == IPPROTO_UDP ? note_datagram(context, false) : 1;
}

SEC("?cgroup/connect6")
int on_connect6(struct bpf_sock_addr *context)
{
    return context->protocol == IPPROTO_UDP ? note_datagram(context, true) : 1;
}

SEC("?cgroup/sendmsg4")
int on_send4(struct bpf_sock_addr *context)
{
    return note_datagram(context, false);
}

SEC("?cgroup/sendmsg6")
int on_send6(struct bpf_sock_addr *context)
{
    return note_datagram(context, true);
}

#endif
