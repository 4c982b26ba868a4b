/*
 * The probe: follows the calls of watched threads, compares their patterns with the profile of
 * their service, and lets out nothing but what is new. See event.h for what it tells user space.
 */
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "detect/frame.h"
#include "probe/event.h"
#include "profile/table.h"
#include "trace/call.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- configuration: constants once loaded, so what is off is removed by the verifier ---- */

const volatile __u32 window_length = 6; /* 0: no STIDE */
const volatile __u32 bag_length = 6;    /* 0: no BoSC */
const volatile struct pattern_secret secret;
const volatile __u64 secret_factor; /* base^window_length */
const volatile __s32
    key_controller;                 /* cgroup_subsys_id of the key hierarchy, -1: the default one */
const volatile __s32 key_hierarchy; /* its id */
const volatile __u32 host_mounts;   /* inode of the host's mount namespace */
const volatile __u32 quota_learn = 20000;
const volatile __u32 quota_detect = 500;
const volatile __u32 quota_process = 2000;
const volatile bool recording;
const volatile bool watch_new_cgroups;

/* ---- maps ---- */

struct segment {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1 << PROBE_SEGMENT_BITS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct bucket));
};

/*
 * All patterns of all services: buckets numbered through equal segments, which user space adds as
 * they are needed. Equal sizes and plain arrays, because then the JIT makes a few instructions of
 * both look-ups, where arrays of different sizes, or a hash map, cost a call.
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, PROBE_SEGMENTS);
    __type(key, __u32);
    __array(values, struct segment);
} pool SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, PROBE_TABLES);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct table);
} tables SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, PROBE_REPLICAS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct replica);
} replicas SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 2 * PROBE_REPLICAS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u64);
    __type(value, __u32);
} by_cgroup SEC(".maps");

/* Cgroups that user space expects (units, paths), by path: how their behaviour begins. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, PROBE_EXPECTED);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, char[PROBE_CGROUP_PATH]);
    __type(value, __u32);
} expected SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, PROBE_TABLES);
    __type(value, struct newcomer);
} newcomers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, PROBE_NOVELTIES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct novelty_key);
    __type(value, struct novelty_count);
} novelties SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096); /* user space sets the size when it records */
} recorded SEC(".maps");

enum thread_flags {
    THREAD_WAITING = 1 << 0, /* in the cgroup, but still the runtime's preparations */
    THREAD_OVER = 1 << 1,    /* its frame is over the threshold, which was reported */
};

#define RECENT_BITS 3 /* windows that a thread is known to repeat, as a power of two */

/*
 * What is kept of a thread. Most calls are of a window that the thread has shown a moment ago; such
 * a call touches the first cache line (56 bytes: the kernel keeps 8 before them), the recent
 * windows and the history, and looks nothing up.
 */
struct thread {
    __u64 window;
    __u64 position; /* calls since the window began */
    __u64 where;    /* its table's now[PATTERN_WINDOW] in this version */
    __u32 version;  /* of `version`, when the thread was settled */
    __u32 flags;
    __u32 replica;
    __u32 generation; /* of the replica's place: differs when it has gone */
    __u64 flushed;    /* position up to which the replica's counter knows */
    __u64 bag;
    __u64 recent[1 << RECENT_BITS]; /* fingerprints known in this version, by their upper bits */
    __u16 history[HISTORY];
    __u64 frame; /* as it was at frame_position: only a mismatch moves it */
    __u64 frame_position;
    __u64 lost; /* recording: calls lost and not yet marked in the stream */
};

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct thread);
} threads SEC(".maps");

/*
 * Changes with every change of a replica or a place of a table, after it. While it stays, what a
 * thread has noted of them holds, and need not be looked up at every call.
 */
volatile __u32 version = 1;

__u64 lost_cgroups; /* new cgroups that found no prepared place or no room in the ring */

/* Scratch for a cgroup's path: too long for the stack. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, char[PROBE_CGROUP_PATH]);
} scratch SEC(".maps");

#define add(counter, n) __sync_fetch_and_add(&(counter), (n))

/* ---- cgroups ---- */

static __always_inline struct cgroup *key_cgroup(struct task_struct *task)
{
    if (key_controller < 0)
        return BPF_CORE_READ(task, cgroups, dfl_cgrp);
    struct css_set *set = BPF_CORE_READ(task, cgroups);
    struct cgroup_subsys_state *css = NULL;
    bpf_core_read(&css, sizeof css, &set->subsys[key_controller & 63]);
    return css ? BPF_CORE_READ(css, cgroup) : NULL;
}

/* The replica that a cgroup belongs to: its own or the nearest above, else PROBE_NONE. */
static __noinline __u32 replica_of_cgroup(struct cgroup *cgroup)
{
    for (int level = 0; level < 12 && cgroup; level++) {
        __u64 id = BPF_CORE_READ(cgroup, kn, id);
        __u32 *index = bpf_map_lookup_elem(&by_cgroup, &id);
        if (index)
            return *index;
        cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
    }
    return PROBE_NONE;
}

static __always_inline struct replica *get_replica(__u32 index)
{
    return bpf_map_lookup_elem(&replicas, &index);
}

static __always_inline struct table *get_table(const struct replica *replica)
{
    __u32 index = replica->table;
    return bpf_map_lookup_elem(&tables, &index);
}

/* The thread's replica, NULL when it has gone and its place may be another's. */
static __always_inline struct replica *replica_of(const struct thread *thread)
{
    struct replica *replica = get_replica(thread->replica);
    return replica && replica->generation == thread->generation ? replica : NULL;
}

/* ---- events ---- */

static __always_inline void fill_head(struct event_head *head, __u32 kind, __u32 index,
                                      const struct replica *replica, struct task_struct *task)
{
    head->kind = kind;
    head->replica = index;
    head->generation = replica ? replica->generation : 0;
    head->pid = task->tgid;
    head->tid = task->pid;
    head->parent = task->real_parent->tgid;
    head->time = bpf_ktime_get_ns();
    bpf_get_current_comm(head->command, sizeof head->command);
}

/* One replica's flood must not use up what the others need: so many reports a second each. */
static __always_inline bool within_quota(struct replica *replica, __u32 *used, __u32 quota)
{
    __u64 second = bpf_ktime_get_ns() / 1000000000;
    if (replica->quota_second != second) {
        replica->quota_second = second;
        replica->learn_used = 0;
        replica->detect_used = 0;
        replica->cross_used = 0;
        replica->process_used = 0;
    }
    return __sync_fetch_and_add(used, 1) < quota;
}

static __always_inline void flush_calls(struct thread *thread, struct replica *replica)
{
    add(replica->counters.calls, thread->position - thread->flushed);
    thread->flushed = thread->position;
}

/* ---- tables ---- */

static __always_inline struct bucket *get_bucket(__u32 number)
{
    __u32 segment_number = number >> PROBE_SEGMENT_BITS;
    __u32 place = number & ((1 << PROBE_SEGMENT_BITS) - 1);
    void *segment = bpf_map_lookup_elem(&pool, &segment_number);
    return segment ? bpf_map_lookup_elem(segment, &place) : NULL;
}

static __always_inline __u32 bucket_number(__u64 where, __u64 fingerprint)
{
    return (__u32)(where >> 8) + (__u32)(fingerprint >> (where & 63));
}

static __always_inline bool known_at(__u64 where, __u64 fingerprint)
{
    __u32 number = bucket_number(where, fingerprint);
    struct bucket *bucket = get_bucket(number);
    if (!bucket)
        return false;
    enum bucket_answer answer = bucket_find(bucket, fingerprint);
    if (answer != BUCKET_FULL)
        return answer == BUCKET_KNOWN;
    bucket = get_bucket(number ^ 1);
    return bucket && bucket_find(bucket, fingerprint) == BUCKET_KNOWN;
}

static __always_inline enum bucket_answer insert_at(__u64 where, __u64 fingerprint)
{
    __u32 number = bucket_number(where, fingerprint);
    struct bucket *bucket = get_bucket(number);
    enum bucket_answer answer = bucket ? bucket_insert(bucket, fingerprint) : BUCKET_FULL;
    if (answer != BUCKET_FULL)
        return answer;
    bucket = get_bucket(number ^ 1);
    return bucket ? bucket_insert(bucket, fingerprint) : BUCKET_FULL;
}

/* ---- the foreign pattern: rare, so it may cost ---- */

static __always_inline struct report *reserve_report(struct thread *thread, struct replica *replica,
                                                     __u32 *used, __u32 quota)
{
    if (!within_quota(replica, used, quota)) {
        add(replica->counters.lost.quota, 1);
        return NULL;
    }
    struct report *report = bpf_ringbuf_reserve(&events, sizeof *report, 0);
    if (!report) {
        add(replica->counters.lost.reports, 1);
        return NULL;
    }
    fill_head(&report->head, EVENT_REPORT, thread->replica, replica, bpf_get_current_task_btf());
    report->table = replica->table;
    report->position = thread->position;
    __builtin_memcpy(report->history, thread->history, sizeof report->history);
    return report;
}

/* The mismatch counted: how many in the thread's frame or the replica's epoch, this one included.
 */
static __always_inline __u32 score(struct thread *thread, struct replica *replica,
                                   struct table *table, __u32 kind)
{
    if (kind == PATTERN_WINDOW) {
        __u64 since = thread->position - thread->frame_position;
        thread->frame = frame_push(since > FRAME_MAX ? 0 : thread->frame << (since - 1), 1);
        thread->frame_position = thread->position;
        __u32 length = table->frame;
        __u32 count = frame_count(thread->frame, length - 1 < FRAME_MAX ? length : 20);
        if (count > replica->counters.frame_peak)
            replica->counters.frame_peak = count;
        return count;
    }
    flush_calls(thread, replica);
    __u64 epoch = (replica->counters.calls - 1) / (table->epoch ? table->epoch : 500);
    if (replica->epoch_id != epoch) {
        replica->epoch_id = epoch;
        replica->epoch_count = 0;
        replica->epoch_over = 0;
    }
    __u32 count = __sync_fetch_and_add(&replica->epoch_count, 1) + 1;
    if (count > replica->counters.epoch_peak)
        replica->counters.epoch_peak = count;
    return count;
}

/* Was the threshold reached by this mismatch, and not yet said? */
static __always_inline bool crossed(struct thread *thread, struct replica *replica, __u32 kind,
                                    __u32 count, __u32 threshold)
{
    if (!threshold || count < threshold) {
        if (kind == PATTERN_WINDOW)
            thread->flags &= ~THREAD_OVER;
        return false;
    }
    return kind == PATTERN_WINDOW ? !(thread->flags & THREAD_OVER) : !replica->epoch_over;
}

static __always_inline void learn(struct thread *thread, struct replica *replica,
                                  struct table *table, __u32 kind, __u64 fingerprint)
{
    /* The report first: a pattern that nobody is told of must not become known. */
    struct report *report = reserve_report(thread, replica, &replica->learn_used, quota_learn);
    if (!report)
        return;
    __u64 where = table->next[kind] ? table->next[kind] : table->now[kind];
    enum bucket_answer answer = insert_at(where, fingerprint);
    if (answer == BUCKET_KNOWN) { /* another CPU was first */
        bpf_ringbuf_discard(report, 0);
        return;
    }
    if (answer == BUCKET_FULL)
        add(replica->counters.lost.table, 1);
    add(replica->counters.mismatches[kind], 1);
    add(replica->counters.novelties[kind], 1);
    report->pattern = kind;
    report->fingerprint = fingerprint;
    report->flags = REPORT_NEW | (answer == BUCKET_FULL ? REPORT_UNPLACED : REPORT_LEARNED);
    /* Beside a newcomer's empty table everything is a mismatch: that is no score to start from. */
    report->score = replica->recognised ? score(thread, replica, table, kind) : 0;
    bpf_ringbuf_submit(report, 0);
}

/* True when this replica shows this novelty for the first time. */
static __always_inline bool first_time(struct replica *replica, struct novelty_key *key)
{
    __u64 now = bpf_ktime_get_ns();
    struct novelty_count *seen = bpf_map_lookup_elem(&novelties, key);
    if (seen) {
        add(seen->count, 1);
        seen->last = now;
        return false;
    }
    return true;
}

static __always_inline void remember(struct replica *replica, struct novelty_key *key, __u64 now)
{
    struct novelty_count one = {.count = 1, .first = now, .last = now};
    if (bpf_map_update_elem(&novelties, key, &one, BPF_NOEXIST) == 0)
        add(replica->novelties_held, 1);
}

static __always_inline void detect(struct thread *thread, struct replica *replica,
                                   struct table *table, __u32 kind, __u64 fingerprint)
{
    add(replica->counters.mismatches[kind], 1);
    replica->counters.last_mismatch = bpf_ktime_get_ns();
    __u32 count = score(thread, replica, table, kind);
    bool over = crossed(thread, replica, kind, count, table->threshold[kind]);
    struct novelty_key key = {
        .fingerprint = fingerprint, .replica = thread->replica, .pattern = kind};
    bool first = first_time(replica, &key);
    if (first && replica->novelties_held >= PROBE_NOVELTIES_EACH) {
        add(replica->counters.lost.quota, 1);
        first = false;
    }
    if (!first && !over)
        return;
    __u32 *used = over ? &replica->cross_used : &replica->detect_used;
    struct report *report = reserve_report(thread, replica, used, quota_detect);
    if (!report)
        return; /* not remembered, not marked: the next one tries again */
    if (first) {
        add(replica->counters.novelties[kind], 1);
        remember(replica, &key, report->head.time);
    }
    if (over && kind == PATTERN_WINDOW)
        thread->flags |= THREAD_OVER;
    else if (over)
        replica->epoch_over = 1;
    report->pattern = kind;
    report->fingerprint = fingerprint;
    report->flags = (first ? REPORT_NEW : 0) | (over ? REPORT_CROSSED : 0);
    report->score = count;
    bpf_ringbuf_submit(report, 0);
}

/* A pattern that `now` lacks. 0: it is known all the same, 1: it is new. */
static __noinline int foreign(struct thread *thread, struct replica *replica, struct table *table,
                              __u32 kind, __u64 fingerprint)
{
    if (!thread || !replica || !table || kind >= PATTERN_KINDS)
        return 0;
    if (table->next[kind] && known_at(table->next[kind], fingerprint))
        return 0;
    /* A table that finished growing since `now` was read is asked again. */
    if (known_at(table->now[kind], fingerprint))
        return 0;
    if (replica->mode == MODE_LEARN)
        learn(thread, replica, table, kind, fingerprint);
    else
        detect(thread, replica, table, kind, fingerprint);
    return 1;
}

/* ---- recording ---- */

static __noinline int record(struct thread *thread, __u32 kind, __s64 value, __u32 number)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (!replica || !replica->recorded)
        return 0;
    __u32 size = sizeof(struct recorded_call);
    if (thread->lost) { /* the gap goes into the stream where it is, before what follows it */
        struct recorded_call *gap = bpf_ringbuf_reserve(&recorded, size, 0);
        if (gap) {
            *gap = (struct recorded_call){bpf_ktime_get_ns(), thread->lost, task->pid,
                                          task->tgid,         CALL_LOST,    0};
            bpf_ringbuf_submit(gap, BPF_RB_NO_WAKEUP);
            thread->lost = 0;
        }
    }
    struct recorded_call *call = bpf_ringbuf_reserve(&recorded, size, 0);
    if (!call) {
        if (kind == CALL_ENTER) {
            thread->lost++;
            add(replica->counters.lost.calls, 1);
        }
        return 0;
    }
    *call = (struct recorded_call){bpf_ktime_get_ns(), value, task->pid, task->tgid, kind, number};
    bpf_ringbuf_submit(call, BPF_RB_NO_WAKEUP);
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

/* ---- every call ---- */

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
    struct table *table = replica && replica->mode != MODE_OFF ? get_table(replica) : NULL;
    if (!table)
        return 0;
    thread->where = table->now[PATTERN_WINDOW];
    for (int i = 0; i < 1 << RECENT_BITS; i++)
        thread->recent[i] = 0;
    thread->version = now;
    return 1;
}

/* Each thread counts for itself, and adds it up now and then. */
static __noinline int tell_calls(struct thread *thread)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (replica)
        flush_calls(thread, replica);
    return 0;
}

/* A call whose window is none of the recent ones, or whose bag must be looked at besides. */
static __noinline int examine(struct thread *thread, __u64 fingerprint)
{
    if (!thread)
        return 0;
    bool known = false;
    if (window_length && known_at(thread->where, fingerprint)) {
        thread->recent[fingerprint >> (64 - RECENT_BITS)] = fingerprint;
        if (BAGS_IMPLIED)
            return 0;
        known = true;
    }
    struct replica *replica = replica_of(thread);
    struct table *table = replica ? get_table(replica) : NULL;
    if (!table || replica->mode == MODE_OFF)
        return 0;
    if (window_length && !known && thread->position >= window_length)
        known = !foreign(thread, replica, table, PATTERN_WINDOW, fingerprint);
    if (bag_length && thread->position >= bag_length && !(BAGS_IMPLIED && known))
        check_bag(thread, replica, table);
    return 0;
}

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
    __u64 fingerprint = n ? push_window(thread, n, code, position) : 0;
    if (m > n)
        push_bag(thread, m, code, position);
    thread->history[position & (HISTORY - 1)] = code;
    thread->position = ++position;
    if (m > n || thread->recent[fingerprint >> (64 - RECENT_BITS)] != fingerprint)
        examine(thread, fingerprint);
    if (!(position & 31))
        tell_calls(thread);
    return 0;
}

/* ---- the life of threads ---- */

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

static __always_inline void record_fork(struct replica *replica, struct task_struct *parent,
                                        struct task_struct *child)
{
    struct recorded_call *call = bpf_ringbuf_reserve(&recorded, sizeof *call, 0);
    if (!call) {
        add(replica->counters.lost.calls, 1);
        return;
    }
    *call = (struct recorded_call){bpf_ktime_get_ns(), parent->pid, child->pid,
                                   child->tgid,        CALL_FORK,   0};
    bpf_ringbuf_submit(call, BPF_RB_NO_WAKEUP);
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
    if (recording && replica->recorded)
        record_fork(replica, parent, child);
    if (child->tgid != parent->tgid)
        say(EVENT_FORK, index, replica, child, parent, from ? 0 : begin(replica));
    return 0;
}

/* Does this exec begin (or continue) the service's behaviour? */
static __always_inline bool is_entry(const struct replica *replica, struct task_struct *task)
{
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

/* ---- the life of cgroups ---- */

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *to, const char *path, struct task_struct *task,
             bool threadgroup)
{
    if (BPF_CORE_READ(to, root, hierarchy_id) != key_hierarchy)
        return 0;
    /* Out of every watched cgroup: whoever was watched stays watched, it does not shake us off. */
    __u32 index = replica_of_cgroup(to);
    struct replica *replica = index == PROBE_NONE ? NULL : get_replica(index);
    if (!replica)
        return 0;
    struct thread *thread = followed(task);
    if (thread && thread->replica == index)
        return 0;
    follow(task, index, replica, replica->entry == ENTRY_JOIN ? 0 : THREAD_WAITING);
    if (replica->entry == ENTRY_JOIN)
        say(EVENT_JOINED, index, replica, task, NULL, begin(replica));
    return 0;
}

/* Submits what has been reserved for a cgroup's event. */
static __always_inline void say_cgroup(struct cgroup_event *event, __u32 kind, __u32 index,
                                       __u64 id, const char *path)
{
    fill_head(&event->head, kind, index, index == PROBE_NONE ? NULL : get_replica(index),
              bpf_get_current_task_btf());
    event->cgroup = id;
    bpf_probe_read_kernel_str(event->path, sizeof event->path, path);
    bpf_ringbuf_submit(event, 0);
}

/* Gives a new cgroup a prepared place; its index, or PROBE_NONE when there is none left. */
static __noinline __u32 place_newcomer(struct cgroup *cgroup, const char *path)
{
    __u64 id = BPF_CORE_READ(cgroup, kn, id);
    __u32 zero = 0;
    char *text = bpf_map_lookup_elem(&scratch, &zero);
    struct newcomer place;
    if (!text || bpf_map_pop_elem(&newcomers, &place) != 0)
        return PROBE_NONE;
    struct replica *replica = get_replica(place.replica);
    if (!replica)
        return PROBE_NONE;
    __builtin_memset(text, 0, PROBE_CGROUP_PATH);
    bpf_probe_read_kernel_str(text, PROBE_CGROUP_PATH, path);
    __u32 *entry = bpf_map_lookup_elem(&expected, text);
    replica->entry = entry ? *entry : ENTRY_CONTAINER;
    replica->table = place.table;
    replica->mode = MODE_LEARN;
    bpf_map_update_elem(&by_cgroup, &id, &place.replica, BPF_ANY);
    return place.replica;
}

/*
 * A new cgroup may be a container whose first call comes before user space has asked any engine who
 * it is. So it gets a prepared place and a table of its own at once; what it shows until it is
 * recognised is reported and judged then.
 */
SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(on_new_cgroup, struct cgroup *cgroup, const char *path)
{
    if (BPF_CORE_READ(cgroup, root, hierarchy_id) != key_hierarchy)
        return 0;
    /* A cgroup inside a container is the container's. Inside one that nobody has recognised yet it
     * may be the container itself: engines make /docker and /docker/ID in one breath. */
    __u32 above = replica_of_cgroup(cgroup);
    struct replica *parent = above == PROBE_NONE ? NULL : get_replica(above);
    if (parent && parent->recognised)
        return 0;
    /* The event first: a place that nobody is told of would never be given back. */
    struct cgroup_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    __u32 index = event ? place_newcomer(cgroup, path) : PROBE_NONE;
    if (index == PROBE_NONE)
        add(lost_cgroups, 1);
    if (event)
        say_cgroup(event, EVENT_CGROUP_NEW, index, BPF_CORE_READ(cgroup, kn, id), path);
    return 0;
}

SEC("?tp_btf/cgroup_rmdir")
int BPF_PROG(on_gone_cgroup, struct cgroup *cgroup, const char *path)
{
    if (BPF_CORE_READ(cgroup, root, hierarchy_id) != key_hierarchy)
        return 0;
    __u64 id = BPF_CORE_READ(cgroup, kn, id);
    __u32 *index = bpf_map_lookup_elem(&by_cgroup, &id);
    if (!index)
        return 0;
    __u32 replica = *index;
    bpf_map_delete_elem(&by_cgroup, &id);
    /* Where the ring is full user space finds out for itself. */
    struct cgroup_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (event)
        say_cgroup(event, EVENT_CGROUP_GONE, replica, id, path);
    return 0;
}

/* Run by user space when it adds a cgroup in which threads run already: finds them all. */
SEC("iter/task")
int adopt(struct bpf_iter__task *context)
{
    struct task_struct *task = context->task;
    if (!task)
        return 0;
    /* Who is followed may belong to a replica further inside, which was not known before. */
    struct thread *thread = followed(task);
    __u32 index = replica_of_cgroup(key_cgroup(task));
    struct replica *replica = index == PROBE_NONE ? NULL : get_replica(index);
    if (!replica || (thread && thread->replica == index))
        return 0;
    bool behaves = is_entry(replica, task);
    if (behaves)
        replica->begun = 1;
    follow(task, index, replica, behaves ? 0 : THREAD_WAITING);
    return 0;
}
