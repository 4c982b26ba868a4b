/* The foreign pattern: learned, or counted and reported. Rare, so it may cost. */
#ifndef SKINK_PROBE_JUDGE_BPF_H
#define SKINK_PROBE_JUDGE_BPF_H

#include <asm-generic/errno-base.h>

#include "probe/report.bpf.h"
#include "probe/table.bpf.h"

#define SIGKILL 9
#define SIGSTOP 19

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

/* Into the table, or to wait for its growth. Returns how it is to be reported, 0: it was there. */
static __always_inline __u32 take_in(struct replica *replica, const struct table *table,
                                     struct waiting_key *key, __u32 kind)
{
    __u64 where = table->next[kind] ? table->next[kind] : table->now[kind];
    enum bucket_answer answer = insert_at(where, key->fingerprint);
    if (answer != BUCKET_FULL)
        return answer == BUCKET_KNOWN ? 0 : REPORT_LEARNED;
    long refused = bpf_map_update_elem(&waiting, key, &key->pattern, BPF_NOEXIST);
    if (refused == -EEXIST)
        return 0;
    if (refused)
        add(replica->counters.lost.table, 1); /* told again and again, until its table has grown */
    return REPORT_UNPLACED;
}

static __always_inline void learn(struct thread *thread, struct replica *replica,
                                  struct table *table, __u32 kind, __u64 fingerprint)
{
    struct waiting_key key = {.fingerprint = fingerprint, .table = replica->table, .pattern = kind};
    __u64 self = (__u64)thread->generation << 32 | thread->replica;
    if (bpf_map_lookup_elem(&waiting, &key))
        return; /* told already: its table is about to grow */
    __u64 *last = replica->compared ? bpf_map_lookup_elem(&apart, &key) : NULL;
    if (last && *last == self)
        return; /* told already: user space has yet to compare */
    /* The report first: a pattern that nobody is told of must not become known. */
    struct report *report = reserve_report(thread, replica, &replica->learn_used, quota_learn);
    if (!report)
        return;
    report->flags = REPORT_NEW;
    if (replica->compared && bpf_map_update_elem(&apart, &key, &self, BPF_ANY) == 0) {
        report->flags |= REPORT_APART | (last ? REPORT_AGAIN : 0);
    } else {
        __u32 taken = take_in(replica, table, &key, kind);
        if (!taken) { /* another CPU was first */
            bpf_ringbuf_discard(report, 0);
            return;
        }
        report->flags |= taken;
    }
    add(replica->counters.mismatches[kind], 1);
    add(replica->counters.novelties[kind], 1);
    report->pattern = kind;
    report->fingerprint = fingerprint;
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

/* False when another CPU was first to remember it. Where the map has no room it is told every time.
 */
static __always_inline bool remember(struct replica *replica, struct novelty_key *key, __u64 now)
{
    struct novelty_count one = {.count = 1, .first = now, .last = now};
    if (bpf_map_update_elem(&novelties, key, &one, BPF_NOEXIST) == 0)
        add(replica->novelties_held, 1);
    else if (!first_time(replica, key))
        return false;
    return true;
}

static __always_inline void detect(struct thread *thread, struct replica *replica,
                                   struct table *table, __u32 kind, __u64 fingerprint)
{
    __u32 halt = replica->halt;
    if (halt)
        bpf_send_signal(halt & HALT_KILL ? SIGKILL : SIGSTOP);
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
    first = first && remember(replica, &key, report->head.time);
    if (!first && !over) {
        bpf_ringbuf_discard(report, 0);
        return;
    }
    if (first)
        add(replica->counters.novelties[kind], 1);
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

#endif
