/* What the probe and user space both see: the records of the ring and the values of shared maps. */
#ifndef SKINK_PROBE_EVENT_H
#define SKINK_PROBE_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "profile/access.h"
#include "profile/pattern.h"

#define PROBE_REPLICAS       1024 /* replicas watched at a time */
#define PROBE_TABLES         512  /* pattern tables: one a service, and some for newcomers */
#define PROBE_SEGMENT_BITS   10   /* buckets of a segment of the pool, as a power of two: 64 KiB */
#define PROBE_SEGMENTS       4096 /* segments at most: 256 MiB of patterns */
#define PROBE_EXPECTED       4096 /* cgroups known by path before they appear */
#define PROBE_NOVELTIES      65536
#define PROBE_NOVELTIES_EACH 4096  /* distinct novelties remembered of one replica */
#define PROBE_WAITING        65536 /* patterns that wait for their table to grow */
#define PROBE_NONE           0xffffffffU
#define PROBE_COMMAND        16
#define PROBE_PROGRAM        128
#define PROBE_ARGUMENTS      256
#define PROBE_CGROUP_PATH    512

/* What a table in the kernel knows: patterns of each kind, and behind them accesses. */
#define TABLE_ACCESSES PATTERN_KINDS
#define TABLE_KINDS    (PATTERN_KINDS + 1)

/* What is done to the process that makes a foreign call: it is stopped, or (rather) killed. */
enum replica_halt { HALT_STOP = 1, HALT_KILL = 2 };

enum event_kind {
    EVENT_REPORT,      /* struct report: a new pattern, or a threshold reached */
    EVENT_EXEC,        /* struct process_event */
    EVENT_FORK,        /* struct process_event: a new process (not: a thread) */
    EVENT_EXIT,        /* struct process_event: a process ended */
    EVENT_CGROUP_NEW,  /* struct cgroup_event */
    EVENT_CGROUP_GONE, /* struct cgroup_event */
    EVENT_JOINED,      /* struct process_event: a process was moved into a replica's cgroup */
    EVENT_FLOW,        /* struct flow_event (probe/flow.h) */
    EVENT_ACCESS,      /* struct access_event */
};

struct event_head {
    __u32 kind;
    __u32 replica;    /* index, PROBE_NONE when there is none */
    __u32 generation; /* of the replica's place: tells a successor from its predecessor */
    __u32 pid;        /* process, as the host sees it */
    __u32 tid;
    __u32 parent; /* process */
    __u64 time;   /* CLOCK_MONOTONIC, ns */
    char command[PROBE_COMMAND];
};

enum report_flags {
    REPORT_NEW = 1 << 0,      /* a pattern that the table lacked, reported for the first time */
    REPORT_LEARNED = 1 << 1,  /* it is in the table now */
    REPORT_UNPLACED = 1 << 2, /* learning, but the table had no place: user space must grow it */
    REPORT_CROSSED = 1 << 3,  /* the threshold was reached by this call */
    REPORT_APART = 1 << 4,    /* learning, but not learned: user space compares siblings first */
    REPORT_AGAIN = 1 << 5,    /* the same, and another replica has shown it before */
    REPORT_REFUSED = 1 << 6,  /* an access that the kernel has not carried out (probe/refuse.h) */
};

struct report {
    struct event_head head;
    __u32 table;   /* which table the pattern was compared with */
    __u32 pattern; /* enum pattern_kind */
    __u32 flags;
    __u32 score; /* mismatches in the frame or the epoch, this one included */
    __u64 fingerprint;
    __u64 position;         /* calls of the thread since its window began, this one included */
    __u16 history[HISTORY]; /* codes of the last calls, a ring: call number p is at p % HISTORY */
};

/* An access that the table lacked. */
struct access_event {
    struct event_head head;
    __u32 table;
    __u32 flags; /* enum report_flags, but for REPORT_CROSSED */
    __u32 kind;  /* enum access_kind */
    __u32 code;  /* of the call; a program's start counts as execve */
    __u64 fingerprint;
    char path[ACCESS_PATH]; /* as it was written, cut at ACCESS_PATH - 1 */
};

#define CALL_EXECVE 59

enum process_flags {
    PROCESS_ENTRY = 1 << 0, /* the container's first process: its start was seen whole */
};

struct process_event {
    struct event_head head;
    __u32 flags;
    __u32 arguments_size; /* of arguments: NUL-separated words, cut at PROBE_ARGUMENTS */
    char program[PROBE_PROGRAM];
    char arguments[PROBE_ARGUMENTS];
};

struct cgroup_event {
    struct event_head head;
    __u64 cgroup;
    char path[PROBE_CGROUP_PATH];
};

/* The stream of a recording: a ring of its own. */
struct recorded_call {
    __u64 time; /* CLOCK_MONOTONIC, ns */
    __s64 value;
    __u32 tid;
    __u32 pid;
    __u16 kind;    /* enum call_kind, or RECORDED_RESULT */
    __u16 number;  /* as struct call's */
    __u32 replica; /* index */
};

#define RECORDED_RESULT 100 /* value: what the thread's last call returned */

enum replica_mode { MODE_OFF, MODE_LEARN, MODE_DETECT };

/* From when on a replica's calls are the service's behaviour. */
enum replica_entry {
    ENTRY_CONTAINER, /* from the first exec in a mount namespace that is not the host's */
    ENTRY_EXEC,      /* from the first exec in the cgroup */
    ENTRY_JOIN,      /* from the moment a process is in the cgroup */
    ENTRY_RESTORE,   /* from when user space says that it has been restored */
};

/* What could not be seen, reported or remembered; never falls. */
struct replica_losses {
    __u64 reports; /* new patterns or thresholds: the ring was full, or the agent kept no more */
    __u64 quota;   /* the same: the replica had used up its reports of this second */
    __u64 table;   /* learned, but its table cannot grow; or no room to wait for the growth */
    __u64 storage; /* threads that could not be followed */
    __u64 process; /* exec, fork, exit events */
    __u64 calls;   /* recording: calls that the ring had no room for */
    __u64 flows;   /* flows that found no place, or were not told from others */
    __u64 paths;   /* names of files that could not be read */
};

/* Calls that were refused (probe/refuse.h). */
enum refused_call { REFUSED_EXEC, REFUSED_OPEN, REFUSED_CONNECT, REFUSED_MOUNT, REFUSED_CALLS };

struct replica_counters {
    __u64 calls; /* each thread adds its own every 32 calls and when it execs or exits */
    __u64 mismatches[TABLE_KINDS]; /* of accesses: while detecting alone */
    __u64 novelties[TABLE_KINDS];
    __u64 starts;        /* 1: its start was seen whole, 0: it ran already, or has yet to */
    __u64 last_mismatch; /* CLOCK_MONOTONIC, ns */
    __u64 refused[REFUSED_CALLS];
    struct replica_losses lost;
    __u32 frame_peak; /* most mismatches in a locality frame; user space may set it back to 0 */
    __u32 epoch_peak;
};

/* Value of the map `replicas`; user space has it mapped. */
struct replica {
    __u32 mode;  /* enum replica_mode */
    __u32 table; /* index into `tables` */
    __u32 generation;
    __u32 entry;      /* enum replica_entry */
    __u32 recorded;   /* stream its calls */
    __u32 recognised; /* user space knows whose it is */
    __u32 compared;   /* learning: what is new is not learned before siblings were looked at */
    __u32 begun;      /* calls of it count: what enters from now on is no start any more */
    __u32 novelties_held;
    __u64 stopped; /* when it was last told from outside to stop, CLOCK_MONOTONIC ns; 0: never */
    __u64 quota_second; /* the second that the next five count: reports of what was learned, of */
    __u32 learn_used;   /* what was detected, of processes and flows */
    __u32 detect_used;
    __u32 cross_used; /* of thresholds reached: novelties do not use these up */
    __u32 process_used;
    __u32 flows_used;
    __u32 flows_held;
    __u32 halt;   /* while detecting: a set of enum replica_halt */
    __u32 refuse; /* enum refuse_flags */
    __u32 away;   /* it stands still, and CRIU makes calls in its name: they are nobody's */
    __u64 epoch_id;
    __u32 epoch_count;
    __u32 epoch_over;
    struct replica_counters counters;
} __attribute__((aligned(64)));

/*
 * Value of the map `tables`; user space has it mapped. Where a kind's patterns lie in the pool:
 * first bucket << 8 | (64 - bits), 0 for nowhere. While a table grows, `next` is where new patterns
 * go and where the ones missing in `now` are looked for (probe/pool.h tells the order of steps).
 */
struct table {
    __u64 now[TABLE_KINDS];
    __u64 next[TABLE_KINDS];
    __u32 frame;
    __u32 threshold[PATTERN_KINDS]; /* 0: never reached */
    __u32 epoch;
    __u32 accesses; /* enum replica_mode: they may be learned before the patterns are */
} __attribute__((aligned(64)));

/* A prepared place for a container that appears: value of the queue `newcomers`. */
struct newcomer {
    __u32 replica;
    __u32 table;
};

/* Key of the map `novelties`. */
struct novelty_key {
    __u64 fingerprint;
    __u32 replica;
    __u32 pattern; /* enum pattern_kind, or TABLE_ACCESSES */
};

/* Key of the maps `waiting` and `apart`. */
struct waiting_key {
    __u64 fingerprint;
    __u32 table;
    __u32 pattern;
};

struct novelty_count {
    __u64 count;
    __u64 first, last; /* CLOCK_MONOTONIC, ns */
};

#endif
