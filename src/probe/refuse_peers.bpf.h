/* Peers that the service is not known to call: connecting to them, or sending without that. */
#ifndef SKINK_PROBE_REFUSE_PEERS_BPF_H
#define SKINK_PROBE_REFUSE_PEERS_BPF_H

#include <bpf/bpf_endian.h>
#include <linux/in.h>

#include "probe/flow_name.bpf.h"
#include "probe/flow_note.bpf.h"
#include "probe/refuse_thread.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, REFUSE_PEERS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct refuse_peer);
    __type(value, struct refuse_peer_value);
} peers SEC(".maps");

/* A sockaddr_in6, and as far as v4 a sockaddr_in. */
struct address {
    __u16 family;
    __be16 port;
    __u32 v4; /* or the flow */
    __u32 v6[4];
    __u32 scope;
};

static __always_inline const struct refuse_peer_value *find_peer(struct refuse_peer *peer,
                                                                 __u8 transport, __u16 port)
{
    peer->transport = transport;
    peer->port = port;
    return bpf_map_lookup_elem(&peers, peer);
}

/* May this address be called? Named by its port, or as a whole, or as one that is nobody's. */
static __noinline int peer_allowed(struct thread *thread, const struct flow_key *to)
{
    if (!thread || !to)
        return 0;
    struct refuse_peer peer = {.replica = thread->replica, .generation = thread->generation};
    __builtin_memcpy(peer.address, to->peer, sizeof peer.address);
    if (find_peer(&peer, to->transport, to->port))
        return 1;
    if (to->transport == FLOW_UNIX)
        return 0;
    const struct refuse_peer_value *value = find_peer(&peer, REFUSE_ADDRESS, 0);
    if (value)
        return value->verdict == REFUSE_NOT;
    __builtin_memset(peer.address, 0, sizeof peer.address);
    return find_peer(&peer, to->transport, to->port) != NULL;
}

/* No address at all, and 127.0.0.2, are this machine's as 127.0.0.1 is. */
static __always_inline void read_v4(__u32 v4, __u8 peer[16])
{
    if (!v4 || (v4 & 0xff) == 127)
        v4 = bpf_htonl(INADDR_LOOPBACK);
    map_v4(peer, v4);
}

static __always_inline void read_v6(const __u32 v6[4], __u8 peer[16])
{
    __builtin_memcpy(peer, v6, 16);
    if (v6[0] || v6[1])
        return;
    if (v6[2] == bpf_htonl(0xffff))
        read_v4(v6[3], peer);
    else if (!v6[2] && !v6[3])
        peer[15] = 1;
}

/* The name in a sockaddr_un, as the calls themselves are read (flow_unix.bpf.h). */
static __always_inline bool read_unix(const void *from, __u32 size, struct flow_key *key,
                                      struct flow_value *value)
{
    if (size <= SUN_PATH)
        return false;
    size -= SUN_PATH;
    if (size > FLOW_NAME_MAX)
        size = FLOW_NAME_MAX;
    if (bpf_probe_read_kernel(value->name, 1, from + SUN_PATH) != 0)
        return false;
    if (value->name[0] == '\0')
        bpf_probe_read_kernel(value->name, size, from + SUN_PATH);
    else
        bpf_probe_read_kernel_str(value->name, size + 1, from + SUN_PATH);
    hash_name(value->name, key->peer);
    return true;
}

/* Who is to be called; false: nobody that could be judged. */
static __always_inline bool read_peer(struct sock *sk, const void *from, __u32 size,
                                      struct flow_key *key, struct flow_value *value)
{
    struct address address = {0};
    bpf_probe_read_kernel(&address, sizeof address, from);
    if (address.family == AF_UNIX)
        return read_unix(from, size, key, value);
    if (address.family != AF_INET && address.family != AF_INET6)
        return false;
    if (address.family == AF_INET)
        read_v4(address.v4, key->peer);
    else
        read_v6(address.v6, key->peer);
    key->port = bpf_ntohs(address.port);
    __u16 protocol = BPF_CORE_READ(sk, sk_protocol);
    key->transport = protocol == IPPROTO_MPTCP ? IPPROTO_TCP : (__u8)protocol;
    return true;
}

static __noinline int judge_peer(struct socket *socket, const void *from, __u32 size)
{
    struct thread *thread = refused_thread();
    struct replica *replica = thread ? refused_replica(thread) : NULL;
    if (!socket || !replica || !(replica->refuse & REFUSE_PEERS))
        return 0;
    struct flow_key key = {.replica = thread->replica, .generation = thread->generation};
    struct flow_value value = {.first = bpf_ktime_get_ns()};
    key.role = FLOW_CALLS;
    if (!read_peer(socket->sk, from, size, &key, &value) || peer_allowed(thread, &key))
        return 0;
    value.last = value.first;
    value.netns = BPF_CORE_READ(socket, sk, __sk_common.skc_net.net, ns.inum);
    value.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(value.command, sizeof value.command);
    add(replica->counters.refused[REFUSED_CONNECT], 1);
    note_flow(replica, &key, &value);
    return -EPERM;
}

SEC("lsm/socket_connect")
int BPF_PROG(refuse_connect, struct socket *socket, void *address, int size)
{
    return judge_peer(socket, address, size);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(refuse_send, struct socket *socket, struct msghdr *message)
{
    const void *name = message->msg_name;
    return name ? judge_peer(socket, name, message->msg_namelen) : 0;
}

#endif
