/* The life of cgroups: containers that appear and go. */
#ifndef SKINK_PROBE_CGROUPS_BPF_H
#define SKINK_PROBE_CGROUPS_BPF_H

#include "probe/report.bpf.h"
#include "probe/threads.bpf.h"

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
    bool waits = thread && thread->flags & THREAD_WAITING;
    if (!replica ||
        (thread && thread->replica == index && !(waits && replica->entry == ENTRY_JOIN)))
        return 0;
    bool behaves = is_entry(replica, task);
    if (behaves)
        replica->begun = 1;
    follow(task, index, replica, behaves ? 0 : THREAD_WAITING);
    return 0;
}

#endif
