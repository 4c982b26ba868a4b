/*
 * Unix sockets: which name a process connects or sends to, from the arguments of the call, and who
 * is bound to a name, from its open files. Nobody else sees a unix socket on every kernel; user
 * space joins both by what the name stands for.
 */
#ifndef SKINK_PROBE_FLOW_UNIX_BPF_H
#define SKINK_PROBE_FLOW_UNIX_BPF_H

#include "probe/flow_name.bpf.h"
#include "probe/flow_note.bpf.h"
#include "probe/threads.bpf.h"

/* What every unix flow of the thread's replica has, whatever the name. */
static __always_inline void begin_unix(const struct thread *thread, __u8 role, struct flow_key *key,
                                       struct flow_value *value)
{
    __builtin_memset(key, 0, sizeof *key);
    __builtin_memset(value, 0, sizeof *value);
    key->replica = thread->replica;
    key->generation = thread->generation;
    key->transport = FLOW_UNIX;
    key->role = role;
    value->first = value->last = bpf_ktime_get_ns();
    value->count = 1;
}

/* The name in a sockaddr_un of the process: a path ends at its NUL, an abstract name with its size.
 * False: another family, or no name. */
static __always_inline bool read_name(unsigned long address, __u32 size, char name[FLOW_NAME])
{
    __u16 family = 0;
    if (size <= SUN_PATH || bpf_probe_read_user(&family, sizeof family, (void *)address) != 0 ||
        family != AF_UNIX)
        return false;
    const void *from = (void *)(address + SUN_PATH);
    size -= SUN_PATH;
    if (size > FLOW_NAME_MAX)
        size = FLOW_NAME_MAX;
    if (bpf_probe_read_user(name, 1, from) != 0)
        return false;
    return name[0] == '\0' ? bpf_probe_read_user(name, size, from) == 0
                           : bpf_probe_read_user_str(name, size + 1, from) > 0;
}

/* The running thread connects or sends to this address, perhaps one of a unix socket. */
static __noinline int call_unix(struct thread *thread, unsigned long address, __u32 size)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct flow_key key;
    struct flow_value value;
    if (!replica || !address)
        return 0;
    begin_unix(thread, FLOW_CALLS, &key, &value);
    if (!read_name(address, size, value.name))
        return 0;
    struct task_struct *task = bpf_get_current_task_btf();
    hash_name(value.name, key.peer);
    value.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
    value.pid = task->tgid;
    bpf_get_current_comm(value.command, sizeof value.command);
    return note_flow(replica, &key, &value);
}

/* The name that a socket is bound to, and the file that stands for it. */
static __always_inline bool read_bound(struct unix_sock *sk, struct flow_value *value)
{
    struct unix_address *address = BPF_CORE_READ(sk, addr);
    if (!address)
        return false;
    __u32 size = BPF_CORE_READ(address, len);
    if (size <= SUN_PATH)
        return false;
    size -= SUN_PATH;
    if (size > FLOW_NAME_MAX)
        size = FLOW_NAME_MAX;
    bpf_core_read(value->name, size, &address->name[0].sun_path);
    struct inode *inode = BPF_CORE_READ(sk, path.dentry, d_inode);
    if (inode) {
        value->inode = BPF_CORE_READ(inode, i_ino);
        value->device = BPF_CORE_READ(inode, i_sb, s_dev);
    }
    return true;
}

/* A socket that is open: bound to a name, or else connected to one that is. */
static __noinline int adopt_unix(struct thread *thread, struct replica *replica,
                                 struct task_struct *task, struct sock *sk)
{
    struct flow_key key;
    struct flow_value value;
    if (!thread || !replica || !task || !sk)
        return 0;
    begin_unix(thread, FLOW_LISTENS, &key, &value);
    if (!read_bound((struct unix_sock *)sk, &value)) {
        struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ((struct unix_sock *)sk, peer);
        if (!peer || !read_bound(peer, &value))
            return 0;
        key.role = FLOW_CALLS;
    }
    hash_name(value.name, key.peer);
    struct flow_value *flow = bpf_map_lookup_elem(&flows, &key);
    if (flow) {
        flow->inode = value.inode;
        flow->device = value.device;
        flow->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
        return 0;
    }
    value.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
    value.pid = task->tgid;
    BPF_CORE_READ_STR_INTO(&value.command, task, comm);
    return note_flow(replica, &key, &value);
}

#endif
