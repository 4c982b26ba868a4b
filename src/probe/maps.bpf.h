/*
 * The maps that the probe keeps its state in, and its configuration, which is constant once it is
 * loaded: what is switched off is removed by the verifier.
 */
#ifndef SKINK_PROBE_MAPS_BPF_H
#define SKINK_PROBE_MAPS_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "detect/frame.h"
#include "probe/event.h"
#include "profile/table.h"
#include "trace/call.h"

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

/* Patterns that were learned and told, but wait for a place: their tables are about to grow. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, PROBE_WAITING);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct waiting_key);
    __type(value, __u32);
} waiting SEC(".maps");

/* Patterns that are learned only when user space has compared siblings: who showed each last, by
 * generation and place. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, PROBE_WAITING);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct waiting_key);
    __type(value, __u64);
} apart SEC(".maps");

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

/* Windows that a thread is known to repeat, as a power of two: 8 lack every fourth call of a busy
 * redis, 32 every eighteenth, 64 every twentieth. */
#define RECENT_BITS 5

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
    __u64 lost;        /* recording: calls lost and not yet marked in the stream */
    __u64 unread;      /* where the last call's path lies, when it could not be read; 0: it could */
    __u32 unread_kind; /* enum access_kind of it */
    __u32 unread_code; /* of the call */
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

#endif
