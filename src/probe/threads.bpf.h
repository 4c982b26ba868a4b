/* The life of threads: who is followed, and from when on. */
#ifndef SKINK_PROBE_THREADS_BPF_H
#define SKINK_PROBE_THREADS_BPF_H

#include "probe/files.bpf.h"
#include "probe/record.bpf.h"
#include "probe/report.bpf.h"

static __always_inline void begin_window(struct thread *thread)
{
    /* The frame goes on: who execs does not shake off what it has done. */
    if (thread->position > thread->frame_position) {
        __u64 since = thread->position - thread->frame_position;
        thread->frame = since < FRAME_MAX ? thread->frame << since : 0;
    }
    thread->frame_position = window_length ? window_length - 1 : 0;
    thread->position = thread->flushed = 0;
    thread->window = thread->bag = 0;
}

/* From now on this task is one of the replica's. flags: enum thread_flags. */
static __always_inline struct thread *follow(struct task_struct *task, __u32 index,
                                             struct replica *replica, __u32 flags)
{
    struct thread *thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!thread) {
        add(replica->counters.lost.storage, 1);
        return NULL;
    }
    thread->position = thread->frame = 0;
    begin_window(thread);
    thread->version = 0;
    thread->replica = index;
    thread->generation = replica->generation;
    thread->flags = flags;
    thread->unread = 0;
    return thread;
}

/* The thread's storage, NULL when nobody watches it (any more). */
static __always_inline struct thread *followed(struct task_struct *task)
{
    struct thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    return thread && replica_of(thread) ? thread : NULL;
}

/*
 * Room for a process event. Its callers alone test for NULL: Linux 6.1 forgets that memory of a
 * ring has passed that test, and takes a second one for a leak.
 */
static __always_inline struct process_event *reserve_process(struct replica *replica)
{
    return within_quota(replica, &replica->process_used, quota_process)
               ? bpf_ringbuf_reserve(&events, sizeof(struct process_event), 0)
               : NULL;
}

/* A process event without program and arguments. flags: enum process_flags. */
static __always_inline void say(__u32 kind, __u32 index, struct replica *replica,
                                struct task_struct *task, struct task_struct *parent, __u32 flags)
{
    struct process_event *event = reserve_process(replica);
    if (!event) {
        add(replica->counters.lost.process, 1);
        return;
    }
    fill_head(&event->head, kind, index, replica, task);
    if (parent)
        event->head.parent = parent->tgid;
    event->flags = flags;
    event->arguments_size = 0;
    event->program[0] = '\0';
    bpf_ringbuf_submit(event, 0);
}

/* From here on a process is part of the replica's behaviour: is it the first one? */
static __always_inline __u32 begin(struct replica *replica)
{
    if (replica->begun || __sync_fetch_and_add(&replica->begun, 1) != 0)
        return 0;
    replica->counters.starts = 1;
    return PROCESS_ENTRY;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
    struct thread *from = followed(parent);
    /* A watched thread's child stays with its replica wherever it is born; a runtime may clone the
     * first process right into the container's cgroup. */
    __u32 index = from ? from->replica : replica_of_cgroup(key_cgroup(child));
    struct replica *replica = index == PROBE_NONE ? NULL : get_replica(index);
    if (!replica)
        return 0;
    __u32 flags = replica->entry == ENTRY_JOIN ? 0 : THREAD_WAITING;
    if (from)
        flags = from->flags & THREAD_WAITING;
    if (!follow(child, index, replica, flags) || flags)
        return 0;
    if (recording && replica->recorded && !put_record(child, index, CALL_FORK, parent->pid, 0))
        add(replica->counters.lost.calls, 1);
    if (child->tgid != parent->tgid)
        say(EVENT_FORK, index, replica, child, parent, from ? 0 : begin(replica));
    return 0;
}

/* Does this exec begin (or continue) the service's behaviour? */
static __always_inline bool is_entry(const struct replica *replica, struct task_struct *task)
{
    if (replica->entry == ENTRY_RESTORE)
        return false;
    return replica->entry != ENTRY_CONTAINER ||
           BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != host_mounts;
}

static __always_inline void say_exec(struct task_struct *task, struct replica *replica, __u32 index,
                                     struct linux_binprm *program, __u32 flags)
{
    struct process_event *event = reserve_process(replica);
    if (!event) {
        add(replica->counters.lost.process, 1);
        return;
    }
    fill_head(&event->head, EVENT_EXEC, index, replica, task);
    event->flags = flags;
    bpf_probe_read_kernel_str(event->program, sizeof event->program, program->filename);
    unsigned long start = BPF_CORE_READ(task, mm, arg_start);
    unsigned long size = BPF_CORE_READ(task, mm, arg_end) - start;
    if (size > PROBE_ARGUMENTS)
        size = PROBE_ARGUMENTS;
    event->arguments_size = size;
    if (bpf_probe_read_user(event->arguments, size, (void *)start) != 0)
        event->arguments_size = 0;
    bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
    struct thread *thread = followed(task);
    __u32 index = thread ? thread->replica : replica_of_cgroup(key_cgroup(task));
    struct replica *replica = index == PROBE_NONE ? NULL : get_replica(index);
    if (!replica)
        return 0;
    if (!thread)
        thread = follow(task, index, replica, THREAD_WAITING);
    if (!thread)
        return 0;
    __u32 flags = 0;
    if (thread->flags & THREAD_WAITING) {
        if (!is_entry(replica, task))
            return 0;
        flags = begin(replica);
    }
    flush_calls(thread, replica);
    begin_window(thread);
    thread->flags &= ~THREAD_WAITING;
    if (recording)
        record(thread, CALL_EXEC, 0, 0);
    say_exec(task, replica, index, program, flags);
    if (files)
        check_program(thread, program->filename);
    return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
    struct thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (!replica || thread->flags & THREAD_WAITING)
        return 0;
    flush_calls(thread, replica);
    if (recording)
        record(thread, CALL_EXIT, 0, 0);
    if (task->pid == task->tgid)
        say(EVENT_EXIT, thread->replica, replica, task, NULL, 0);
    return 0;
}

#endif
