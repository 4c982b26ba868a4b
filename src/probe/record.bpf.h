/* Recording: every call into a ring of its own. */
#ifndef SKINK_PROBE_RECORD_BPF_H
#define SKINK_PROBE_RECORD_BPF_H

#include "probe/report.bpf.h"

/* One record into the ring; false when it is full. The only test for NULL is here: Linux 6.1 takes
 * a second one for a leak (as in threads.bpf.h). */
static __always_inline bool put_record(struct task_struct *task, __u32 index, __u32 kind,
                                       __s64 value, __u32 number)
{
    struct recorded_call *call = bpf_ringbuf_reserve(&recorded, sizeof *call, 0);
    if (!call)
        return false;
    *call = (struct recorded_call){bpf_ktime_get_ns(), value,         task->pid, task->tgid,
                                   (__u16)kind,        (__u16)number, index};
    bpf_ringbuf_submit(call, BPF_RB_NO_WAKEUP);
    return true;
}

static __noinline int record(struct thread *thread, __u32 kind, __s64 value, __u32 number)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (!replica || !replica->recorded)
        return 0;
    /* The gap goes into the stream where it is, before what follows it. */
    if (thread->lost && put_record(task, thread->replica, CALL_LOST, thread->lost, 0))
        thread->lost = 0;
    if (!put_record(task, thread->replica, kind, value, number) && kind == CALL_ENTER) {
        thread->lost++;
        add(replica->counters.lost.calls, 1);
    }
    return 0;
}

static __always_inline __u32 trace_number(__u64 number, bool compat)
{
    __u32 kept = number < CALL_NUMBER_OTHER ? (__u32)number : CALL_NUMBER_OTHER;
    return compat ? kept | CALL_NUMBER_COMPAT : kept;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(on_return, struct pt_regs *regs, long result)
{
    struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
    if (thread && !(thread->flags & THREAD_WAITING))
        record(thread, RECORDED_RESULT, result, 0);
    return 0;
}

#endif
