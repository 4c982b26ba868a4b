/*
 * Flows: who connects to whom. Nothing here runs on the way of a system call: TCP is seen as its
 * sockets change their state, UDP where a process connects, sends or receives without being
 * connected. Unix sockets: flow_unix.bpf.h.
 */
#ifndef SKINK_PROBE_FLOWS_BPF_H
#define SKINK_PROBE_FLOWS_BPF_H

#include <bpf/bpf_endian.h>
#include <linux/in.h>

#include "probe/flow_note.bpf.h"
#include "probe/flow_unix.bpf.h"

volatile bool adopting_connections; /* the second pass of adopt_sockets */

/* Whose a socket is. A listener's children inherit it, so a connection that is accepted is known
 * though the kernel makes it on nobody's behalf. */
struct owner {
    __u32 replica, generation;
    __u16 role; /* enum flow_role */
    __u16 port; /* its own, of a connection that was accepted: the socket loses it as it closes */
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct owner);
} owners SEC(".maps");

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
    key->port = owner->role == FLOW_CALLS     ? peer_port
                : owner->role == FLOW_ANSWERS ? owner->port
                                              : local_port;
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
static __noinline int own(struct sock *sk, __u16 role)
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
    *owner = (struct owner){thread->replica, thread->generation, role, 0};
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
    if (accepted) {
        owner->role = FLOW_ANSWERS;
        owner->port = BPF_CORE_READ(sk, __sk_common.skc_num);
    }
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

/* A listener of TCP, or a connection. In the first pass the listeners, by which the second tells
 * accepted connections from made ones. */
static __noinline int adopt_tcp(struct thread *thread, struct replica *replica,
                                struct task_struct *task, struct sock *sk)
{
    __u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
    struct flow_key key;
    struct flow_value value;
    if (!thread || !replica || !task || !sk)
        return 0;
    if ((state != BPF_TCP_LISTEN && state != BPF_TCP_ESTABLISHED) ||
        bpf_sk_storage_get(&owners, sk, NULL, 0))
        return 0;
    struct owner mine = {thread->replica, thread->generation, FLOW_LISTENS,
                         BPF_CORE_READ(sk, __sk_common.skc_num)};
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

/* Run by user space: finds the sockets of watched threads. */
SEC("?iter/task_file")
int adopt_sockets(struct bpf_iter__task_file *context)
{
    struct task_struct *task = context->task;
    struct file *file = context->file;
    struct thread *thread = task && file ? followed(task) : NULL;
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct socket *socket = replica ? bpf_sock_from_file(file) : NULL;
    struct sock *sk = socket ? socket->sk : NULL;
    if (!sk || thread->flags & THREAD_WAITING)
        return 0;
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    if (family == AF_UNIX)
        return adopt_unix(thread, replica, task, sk);
    if ((family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
        return adopt_tcp(thread, replica, task, sk);
    return 0;
}

/* ---- UDP ---- */

/* What a datagram says of its flow. Such programs cannot ask for a task's storage everywhere; the
 * task's cgroup says whose it is. */
static __always_inline struct replica *read_datagram(struct bpf_sock_addr *context, bool v6,
                                                     struct flow_key *key, struct flow_value *value)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct bpf_sock *sk = context->sk;
    __builtin_memset(key, 0, sizeof *key);
    __builtin_memset(value, 0, sizeof *value);
    key->replica = replica_of_cgroup(key_cgroup(task));
    struct replica *replica = key->replica == PROBE_NONE ? NULL : get_replica(key->replica);
    if (!replica)
        return NULL;
    key->generation = replica->generation;
    key->transport = IPPROTO_UDP;
    if (v6) {
        __u32 words[4] = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2],
                          context->user_ip6[3]};
        __builtin_memcpy(key->peer, words, sizeof words);
    } else {
        map_v4(key->peer, context->user_ip4);
    }
    value->first = value->last = bpf_ktime_get_ns();
    value->count = 1;
    value->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
    value->peer_port = bpf_ntohs(context->user_port);
    value->local_port = sk ? sk->src_port : 0;
    value->pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(value->command, sizeof value->command);
    return replica;
}

/*
 * A datagram socket is connected to an address, sends to one, or has received from one. Who of two
 * began is the caller: what goes the other way between the same ports is a reply, and no flow.
 */
static __always_inline int note_datagram(struct bpf_sock_addr *context, bool v6, __u8 role)
{
    struct flow_key key;
    struct flow_value value;
    struct replica *replica = read_datagram(context, v6, &key, &value);
    if (!replica)
        return 1;
    bool calls = role == FLOW_CALLS;
    key.role = calls ? FLOW_ANSWERS : FLOW_CALLS;
    key.port = calls ? value.local_port : value.peer_port;
    if (bpf_map_lookup_elem(&flows, &key))
        return 1;
    key.role = role;
    key.port = calls ? value.peer_port : value.local_port;
    note_flow(replica, &key, &value);
    return 1;
}

SEC("?cgroup/connect4")
int on_connect4(struct bpf_sock_addr *context)
{
    return context->protocol == IPPROTO_UDP ? note_datagram(context, false, FLOW_CALLS) : 1;
}

SEC("?cgroup/connect6")
int on_connect6(struct bpf_sock_addr *context)
{
    return context->protocol == IPPROTO_UDP ? note_datagram(context, true, FLOW_CALLS) : 1;
}

SEC("?cgroup/sendmsg4")
int on_send4(struct bpf_sock_addr *context)
{
    return note_datagram(context, false, FLOW_CALLS);
}

SEC("?cgroup/sendmsg6")
int on_send6(struct bpf_sock_addr *context)
{
    return note_datagram(context, true, FLOW_CALLS);
}

SEC("?cgroup/recvmsg4")
int on_receive4(struct bpf_sock_addr *context)
{
    return note_datagram(context, false, FLOW_ANSWERS);
}

SEC("?cgroup/recvmsg6")
int on_receive6(struct bpf_sock_addr *context)
{
    return note_datagram(context, true, FLOW_ANSWERS);
}

#endif
