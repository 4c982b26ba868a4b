/* Every call: the path that must cost next to nothing. */
#ifndef SKINK_PROBE_CALLS_BPF_H
#define SKINK_PROBE_CALLS_BPF_H

#include "probe/arguments.bpf.h"
#include "probe/judge.bpf.h"
#include "probe/record.bpf.h"

/*
 * A bag no longer than the window is the bag of the window's last calls: whoever learned the window
 * learned that bag with it. So where the window is known nothing else need be asked.
 */
#define BAGS_IMPLIED (bag_length <= window_length)

/* The value of the call `back` calls ago. */
static __always_inline __u64 past_value(const struct thread *thread, __u64 position, __u32 back)
{
    return secret.value[thread->history[(position - back) & (HISTORY - 1)] & (CALL_CODES - 1)];
}

/* The bag of the last calls, from the history. */
static __always_inline __u64 bag_of_history(const struct thread *thread, __u64 position)
{
    __u64 bag = 0;
    for (__u32 i = 1; i <= PATTERN_MAX; i++)
        if (i <= bag_length)
            bag = bag_push(bag, past_value(thread, position, i), 0);
    return bag;
}

static __noinline int check_bag(struct thread *thread, struct replica *replica, struct table *table)
{
    if (!thread || !replica || !table)
        return 0;
    /* Where bags are implied they are not kept up from call to call. */
    __u64 bag = BAGS_IMPLIED ? bag_of_history(thread, thread->position) : thread->bag;
    __u64 fingerprint = bag_fingerprint(bag, secret.spread);
    if (!known_at(table->now[PATTERN_BAG], fingerprint))
        foreign(thread, replica, table, PATTERN_BAG, fingerprint);
    return 0;
}

/* Notes what the calls of this version are compared with; 0: they are not. */
static __noinline int settle(struct thread *thread)
{
    if (!thread || thread->flags & THREAD_WAITING)
        return 0;
    __u32 now = version; /* before what it stands for */
    struct replica *replica = replica_of(thread);
    if (replica && replica->away) {
        begin_window(thread);
        return 0;
    }
    struct table *table = replica && replica->mode != MODE_OFF ? get_table(replica) : NULL;
    if (!table)
        return 0;
    thread->where = table->now[PATTERN_WINDOW];
    for (int i = 0; i < 1 << RECENT_BITS; i++)
        thread->recent[i] = 0;
    thread->version = now;
    if (files && thread->unread)
        read_again(thread);
    return 1;
}

/* Each thread counts for itself, and adds that to its replica's count after so many calls. */
#define COUNTED_TOGETHER 64

static __noinline int tell_calls(struct thread *thread)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (replica)
        flush_calls(thread, replica);
    return 0;
}

/* Compares the patterns that end with this call. again: the window may be noted as a recent one. */
static __always_inline void compare(struct thread *thread, __u64 fingerprint, bool again)
{
    bool known = false;
    if (window_length && known_at(thread->where, fingerprint)) {
        if (again)
            thread->recent[fingerprint >> (64 - RECENT_BITS)] = fingerprint;
        if (BAGS_IMPLIED)
            return;
        known = true;
    }
    struct replica *replica = replica_of(thread);
    struct table *table = replica ? get_table(replica) : NULL;
    if (!table || replica->mode == MODE_OFF)
        return;
    if (window_length && !known && thread->position >= window_length)
        known = !foreign(thread, replica, table, PATTERN_WINDOW, fingerprint);
    if (bag_length && thread->position >= bag_length && !(BAGS_IMPLIED && known))
        check_bag(thread, replica, table);
}

/*
 * A call whose window is none of the recent ones, or whose bag must be looked at besides. The
 * window of a call whose arguments are read never becomes a recent one: so all others need not ask
 * for it.
 */
static __noinline int examine(struct thread *thread, struct pt_regs *regs, __u64 fingerprint,
                              __u32 code)
{
    if (!thread || !regs)
        return 0;
    bool reads = reads_arguments && has_arguments(code);
    compare(thread, fingerprint, !reads);
    if (reads)
        read_arguments(thread, regs, code);
    return 0;
}

/* n: a constant for the usual length, whose mask then need not be computed at every call */
static __always_inline __u64 push_window(struct thread *thread, __u32 n, __u32 code, __u64 position)
{
    __u64 in = 0, out = 0, base = 0, factor = 0;
    if (n > PATTERN_EXACT) {
        in = secret.value[code];
        out = position >= n ? past_value(thread, position, n) : 0;
        base = secret.base;
        factor = secret_factor;
    }
    thread->window = window_push(thread->window, n, code, in, out, base, factor);
    return window_fingerprint(thread->window, n, secret.spread);
}

static __always_inline void push_bag(struct thread *thread, __u32 m, __u32 code, __u64 position)
{
    __u64 out = position >= m ? past_value(thread, position, m) : 0;
    thread->bag = bag_push(thread->bag, secret.value[code], out);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_call, struct pt_regs *regs, long number)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    if (!thread)
        return 0;
    bool compat = task->thread_info.status & TS_COMPAT;
    if (recording && !(thread->flags & THREAD_WAITING))
        record(thread, CALL_ENTER, 0, trace_number(number, compat));
    if (thread->version != version && !settle(thread))
        return 0;
    const __u32 n = window_length, m = bag_length; /* read once, and not before the calls above */
    __u32 code = call_code(number, compat) & (CALL_CODES - 1);
    __u64 position = thread->position;
    __u64 fingerprint = 0;
    if (n == PATTERN_EXACT)
        fingerprint = push_window(thread, PATTERN_EXACT, code, position);
    else if (n)
        fingerprint = push_window(thread, n, code, position);
    if (m > n)
        push_bag(thread, m, code, position);
    thread->history[position & (HISTORY - 1)] = code;
    thread->position = ++position;
    if (m > n || thread->recent[fingerprint >> (64 - RECENT_BITS)] != fingerprint)
        examine(thread, regs, fingerprint, code);
    if (!(position & (COUNTED_TOGETHER - 1)))
        tell_calls(thread);
    return 0;
}

#endif
