/*
 * Refusing calls: programs of the Linux security module (LSM) hooks, which the kernel asks after it
 * has found out what a call is about. An object of its own, loaded when something is first to be
 * refused and gone with the last of it; it looks at the probe's own maps.
 */
#include "probe/refuse_files.bpf.h"
#include "probe/refuse_peers.bpf.h"

static __always_inline int refuse_any_mount(void)
{
    struct thread *thread = refused_thread();
    struct replica *replica = thread ? refused_replica(thread) : NULL;
    if (!replica || !(replica->refuse & REFUSE_MOUNTS))
        return 0;
    add(replica->counters.refused[REFUSED_MOUNT], 1);
    return -EPERM;
}

SEC("lsm/sb_mount")
int BPF_PROG(refuse_mount)
{
    return refuse_any_mount();
}

SEC("lsm/move_mount")
int BPF_PROG(refuse_move_mount)
{
    return refuse_any_mount();
}

char LICENSE[] SEC("license") = "GPL";
