/* What the parts of the probe share: whose a cgroup or a thread is, and how an event is told. */
#ifndef SKINK_PROBE_REPORT_BPF_H
#define SKINK_PROBE_REPORT_BPF_H

#include "probe/maps.bpf.h"

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
        replica->flows_used = 0;
    }
    return __sync_fetch_and_add(used, 1) < quota;
}

static __always_inline void flush_calls(struct thread *thread, struct replica *replica)
{
    add(replica->counters.calls, thread->position - thread->flushed);
    thread->flushed = thread->position;
}

#endif
