/* Whose call is to be refused. */
#ifndef SKINK_PROBE_REFUSE_THREAD_BPF_H
#define SKINK_PROBE_REFUSE_THREAD_BPF_H

#include <asm-generic/errno-base.h>

#include "probe/refuse.h"
#include "probe/report.bpf.h"

/* The running thread as the probe follows it, NULL when nobody watches it. A worker of io_uring is
 * born without a fork that could be seen: it is what its process is. */
static __always_inline struct thread *refused_thread(void)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    return thread ? thread : bpf_task_storage_get(&threads, task->group_leader, 0, 0);
}

/* Its replica, NULL when nothing is refused to it. The runtime's preparations are not its own
 * calls, and those of CRIU, made in its name while it stands still, are not either. */
static __always_inline struct replica *refused_replica(const struct thread *thread)
{
    if (thread->flags & THREAD_WAITING)
        return NULL;
    struct replica *replica = replica_of(thread);
    return replica && replica->refuse && !replica->away ? replica : NULL;
}

#endif
