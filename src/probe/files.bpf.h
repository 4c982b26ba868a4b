/*
 * Accesses: what is done to files by their names, and which programs run. Compared with what the
 * service is known to do as patterns are, in a table of the same kind.
 *
 * A path is read when the call enters: another thread may still change it before the kernel reads
 * it itself.
 */
#ifndef SKINK_PROBE_FILES_BPF_H
#define SKINK_PROBE_FILES_BPF_H

#include "probe/file_calls.h"
#include "probe/judge.bpf.h"

const volatile bool files; /* off: nothing of this is loaded */

/* One access in the making: too long for the stack. */
struct access {
    char path[ACCESS_PATH];
    __u32 kind, code;
    __u32 flags; /* enum report_flags, besides those that say what becomes of it */
    struct access_prints prints;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct access);
} accesses SEC(".maps");

static __noinline int below_known(__u64 where, const struct access_prints *prints)
{
    if (!prints)
        return 0;
    for (__u32 i = 0; i < ACCESS_ABOVE; i++)
        if (prints->above[i] && known_at(where, prints->above[i]))
            return 1;
    return 0;
}

static __always_inline bool access_known(const struct table *table,
                                         const struct access_prints *prints)
{
    __u64 now = table->now[TABLE_ACCESSES], next = table->next[TABLE_ACCESSES];
    if (known_at(now, prints->path) || below_known(now, prints))
        return true;
    if (!next) /* a table that finished growing since `now` was read is asked again */
        return now != table->now[TABLE_ACCESSES] &&
               known_at(table->now[TABLE_ACCESSES], prints->path);
    return known_at(next, prints->path) || below_known(next, prints);
}

static __always_inline struct access_event *reserve_access(const struct access *access, __u32 index,
                                                           struct replica *replica, __u32 *used,
                                                           __u32 quota)
{
    if (!within_quota(replica, used, quota)) {
        add(replica->counters.lost.quota, 1);
        return NULL;
    }
    struct access_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event) {
        add(replica->counters.lost.reports, 1);
        return NULL;
    }
    fill_head(&event->head, EVENT_ACCESS, index, replica, bpf_get_current_task_btf());
    event->table = replica->table;
    event->kind = access->kind;
    event->code = access->code;
    event->fingerprint = access->prints.path;
    __builtin_memcpy(event->path, access->path, sizeof event->path);
    return event;
}

/* As learn() does with a pattern. */
static __always_inline void learn_access(const struct access *access, __u32 index,
                                         struct replica *replica, const struct table *table)
{
    struct waiting_key key = {
        .fingerprint = access->prints.path, .table = replica->table, .pattern = TABLE_ACCESSES};
    if (bpf_map_lookup_elem(&waiting, &key))
        return;
    struct access_event *event =
        reserve_access(access, index, replica, &replica->learn_used, quota_learn);
    if (!event)
        return;
    __u32 taken = take_in(replica, table, &key, TABLE_ACCESSES);
    if (!taken) {
        bpf_ringbuf_discard(event, 0);
        return;
    }
    add(replica->counters.novelties[TABLE_ACCESSES], 1);
    event->flags = REPORT_NEW | taken;
    bpf_ringbuf_submit(event, 0);
}

/* Told once, counted always. */
static __always_inline void detect_access(const struct access *access, __u32 index,
                                          struct replica *replica)
{
    struct novelty_key key = {
        .fingerprint = access->prints.path, .replica = index, .pattern = TABLE_ACCESSES};
    add(replica->counters.mismatches[TABLE_ACCESSES], 1);
    replica->counters.last_mismatch = bpf_ktime_get_ns();
    if (!first_time(replica, &key))
        return;
    if (replica->novelties_held >= PROBE_NOVELTIES_EACH) {
        add(replica->counters.lost.quota, 1);
        return;
    }
    struct access_event *event =
        reserve_access(access, index, replica, &replica->detect_used, quota_detect);
    if (!event)
        return; /* not remembered: the next one tries again */
    if (!remember(replica, &key, event->head.time)) {
        bpf_ringbuf_discard(event, 0);
        return;
    }
    add(replica->counters.novelties[TABLE_ACCESSES], 1);
    event->flags = REPORT_NEW | access->flags;
    bpf_ringbuf_submit(event, 0);
}

/* An access whose path has been read: known, learned or told. */
static __noinline int judge_access(struct access *access, struct thread *thread)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct table *table = replica ? get_table(replica) : NULL;
    if (!access || !table || replica->mode == MODE_OFF || table->accesses == MODE_OFF)
        return 0;
    access_prints_make(&access->prints, &secret, access->kind, access->path);
    if (access_known(table, &access->prints))
        return 0;
    if (table->accesses == MODE_LEARN)
        learn_access(access, thread->replica, replica, table);
    else
        detect_access(access, thread->replica, replica);
    return 0;
}

/*
 * Judges the path that a call gave. A page that has not been in memory cannot be waited for here,
 * but the kernel waits for it in the call: the path is read with the thread's next call, which must
 * look at what it has noted for that (settle).
 */
static __noinline int check_path(struct access *access, struct thread *thread, __u64 from)
{
    if (!access || !thread)
        return 0;
    long length = bpf_probe_read_user_str(access->path, sizeof access->path, (const void *)from);
    if (length > 1) /* "": the file is named by a descriptor */
        return judge_access(access, thread);
    if (length >= 0 || !from)
        return 0;
    thread->unread = from;
    thread->unread_kind = access->kind;
    thread->unread_code = access->code;
    thread->version = 0;
    return 0;
}

static __noinline int read_again(struct thread *thread)
{
    __u32 zero = 0;
    struct access *access = bpf_map_lookup_elem(&accesses, &zero);
    if (!access || !thread)
        return 0;
    __u64 from = thread->unread;
    thread->unread = 0;
    access->kind = thread->unread_kind;
    access->code = thread->unread_code;
    if (bpf_probe_read_user_str(access->path, sizeof access->path, (const void *)from) > 1)
        return judge_access(access, thread);
    struct replica *replica = replica_of(thread);
    if (replica)
        add(replica->counters.lost.paths, 1);
    return 0;
}

/* Argument `place` of the running call, counted from 1 on. */
static __always_inline __u64 argument(const struct pt_regs *regs, bool compat, __u32 place)
{
    if (compat)
        return (__u32)(place == 1   ? regs->bx
                       : place == 2 ? regs->cx
                       : place == 3 ? regs->dx
                                    : regs->si);
    return place == 1 ? regs->di : place == 2 ? regs->si : place == 3 ? regs->dx : regs->r10;
}

static __always_inline __u32 access_of_call(const struct pt_regs *regs, bool compat, __u32 call)
{
    __u32 does = FILE_CALL_DOES(call);
    __u64 flags = 0;
    if (does < DOES_FLAGS)
        return does == DOES_TRUNCATE ? ACCESS_TRUNCATE : ACCESS_CHANGE;
    __u64 behind = argument(regs, compat, FILE_CALL_FIRST(call) + 1);
    if (does == DOES_FLAGS)
        flags = behind;
    else
        bpf_probe_read_user(&flags, sizeof flags, (const void *)behind);
    return file_open_access(flags);
}

/* A call that names a file. */
static __noinline int check_files(struct thread *thread, struct pt_regs *regs, __u32 code)
{
    __u32 zero = 0;
    struct access *access = bpf_map_lookup_elem(&accesses, &zero);
    if (!access || !thread || !regs)
        return 0;
    bool compat = code >= CALL_COMPAT;
    __u32 call = FILE_CALLS[code & (CALL_CODES - 1)];
    access->code = code;
    access->kind = access_of_call(regs, compat, call);
    check_path(access, thread, argument(regs, compat, FILE_CALL_FIRST(call)));
    if (FILE_CALL_SECOND(call))
        check_path(access, thread, argument(regs, compat, FILE_CALL_SECOND(call)));
    return 0;
}

/* A program has been started. */
static __noinline int check_program(struct thread *thread, const char *program)
{
    __u32 zero = 0;
    struct access *access = bpf_map_lookup_elem(&accesses, &zero);
    if (!access || !thread)
        return 0;
    access->code = CALL_EXECVE;
    access->kind = ACCESS_RUN;
    if (bpf_probe_read_kernel_str(access->path, sizeof access->path, program) > 1)
        judge_access(access, thread);
    return 0;
}

#endif
