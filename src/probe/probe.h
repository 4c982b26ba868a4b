/*
 * The probe, as the rest of Skink sees it: the only room that knows BPF. It watches replicas (known
 * by the kernel's id of their cgroup), compares or learns their patterns in tables that it shares
 * with the kernel, and hands over what is new.
 *
 * One thread at a time uses a probe. Every index (table, replica) is below PROBE_TABLES or
 * PROBE_REPLICAS and comes from this probe.
 */
#ifndef SKINK_PROBE_PROBE_H
#define SKINK_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "detect/replay.h"
#include "probe/event.h"
#include "probe/flow.h"
#include "profile/profile.h"

struct probe;

struct probe_options {
    uint32_t window;        /* n of STIDE, 0: off */
    uint32_t bag;           /* m of BoSC, 0: off */
    const char *controller; /* v1 controller whose cgroups identify replicas; NULL: the v2 ones */
    int hierarchy;          /* its hierarchy id, 0 for v2 */
    uint32_t quota;         /* reports a second and replica while detecting; 0: 500 */
    uint32_t learn_quota;   /* the same while learning; 0: 20,000 */
    bool newcomers;         /* watch every new cgroup from its first call */
    bool flows;             /* see who speaks to whom */
    bool files;             /* see what is done to files, and which programs run */
    bool record, results;   /* stream calls (and what they return) of recorded replicas */
    size_t record_ring;     /* bytes, a power of two; 0: 64 MiB */
};

/* What a probe hands over; any may be NULL. Pointers are valid during the call alone. */
struct probe_hooks {
    void (*report)(void *context, const struct report *report);
    void (*process)(void *context, const struct process_event *event);
    void (*cgroup)(void *context, const struct cgroup_event *event);
    void (*call)(void *context, const struct recorded_call *call);
    void (*flow)(void *context, const struct flow_key *key, const struct flow_value *value);
    void (*access)(void *context, const struct access_event *event);
    /* Has the replica's cgroup been removed, though no event has said so yet? NULL: never. */
    bool (*has_gone)(void *context, uint32_t replica);
    void *context;
};

/* Loads and attaches. NULL on error (EXIT_MACHINE: no rights, no BTF, a kernel too old). */
struct probe *probe_open(const struct probe_options *options, const struct probe_hooks *hooks,
                         struct error *err);
void probe_close(struct probe *probe);

/* Polls readable when probe_consume has something. */
int probe_fd(const struct probe *probe);

/* Hands over everything that is waiting; the recording's ring too. How many, or -1. */
int probe_consume(struct probe *probe, struct error *err);

/* ---- tables: the patterns of one service ---- */

int probe_table_new(struct probe *probe, uint32_t *table, struct error *err);

/* Empties tables that no replica uses any more and gives their places back. */
void probe_table_free(struct probe *probe, const uint32_t *tables, size_t count);

void probe_table_rule(struct probe *probe, uint32_t table, const struct detect_rule *rule);

/* Inserts a pattern (codes as in profile_add), growing the table when it is needed. */
int probe_table_add(struct probe *probe, uint32_t table, enum pattern_kind kind,
                    const uint16_t *codes, struct error *err);

/* Inserts an access, or (below) all accesses below a directory, whose path ends with its slash. */
int probe_table_add_access(struct probe *probe, uint32_t table, enum access_kind kind,
                           const char *path, bool below, struct error *err);

/* What replicas that detect do with accesses: a new table's are learned, none without files. */
void probe_table_accesses(struct probe *probe, uint32_t table, enum replica_mode mode);

/* Inserts every pattern of a profile whose lengths are the probe's. */
int probe_table_fill(struct probe *probe, uint32_t table, const struct profile *profile,
                     struct error *err);

/* Patterns in a table. */
uint64_t probe_table_count(const struct probe *probe, uint32_t table, enum pattern_kind kind);

/* ---- replicas ---- */

/* Watches a cgroup. Threads that run in it already are found by probe_adopt. */
int probe_replica_add(struct probe *probe, uint64_t cgroup, enum replica_entry entry,
                      uint32_t table, enum replica_mode mode, uint32_t *replica, struct error *err);
void probe_replica_set(struct probe *probe, uint32_t replica, uint32_t table,
                       enum replica_mode mode);
void probe_replica_record(struct probe *probe, uint32_t replica, bool on);

/*
 * While it learns, what this replica is the first to show is reported (REPORT_APART) but not
 * learned, and again when another replica than the last one shows it (REPORT_AGAIN), until it is
 * added to the table or forgotten. It must be forgotten then, too.
 */
void probe_replica_compare(struct probe *probe, uint32_t replica, bool on);
void probe_apart_forget(struct probe *probe, uint32_t table, enum pattern_kind kind,
                        uint64_t fingerprint);

/*
 * While one is on, the kernel stops or kills the process that makes a foreign call, at the call
 * itself. Any thread may call this. -1: the place has another generation by now.
 */
int probe_replica_halt(struct probe *probe, uint32_t replica, uint32_t generation,
                       enum replica_halt halt, bool on);

/*
 * The replica in this cgroup stands still, and what is called in the name of its threads (by CRIU)
 * is not looked at; each thread that made such a call begins a new window. Any thread may call
 * this.
 */
void probe_replica_away(struct probe *probe, uint64_t cgroup, bool away);

/* A replica that was expected (ENTRY_RESTORE) has been restored: it is followed from now on, its
 * threads with empty windows. */
int probe_replica_restored(struct probe *probe, uint32_t replica, struct error *err);

/* The place that a cgroup leads to, PROBE_NONE: it leads to none. */
uint32_t probe_replica_of(const struct probe *probe, uint64_t cgroup);

/* Stops watching. The place gets a new generation, so that late events are known as late. */
void probe_replica_remove(struct probe *probe, uint32_t replica, uint64_t cgroup);

/* A report of this replica came, and user space has no room for it: counted as the ring's are. */
void probe_replica_lost(struct probe *probe, uint32_t replica);

/* What the kernel has counted; the place stays the probe's. */
const struct replica *probe_replica(const struct probe *probe, uint32_t replica);

/* Sets the peaks back to 0 (a new interval). */
void probe_replica_reset_peaks(struct probe *probe, uint32_t replica);

/* Starts following the threads that run in watched cgroups already. */
int probe_adopt(struct probe *probe, struct error *err);

/*
 * Every event of a new cgroup (newcomers) comes with a replica's place and a table of its own, or
 * PROBE_NONE when none was prepared. Keeps enough of them prepared; call it after each.
 */
int probe_prepare_newcomers(struct probe *probe, struct error *err);

/* A cgroup that is to appear under this path: from when on its calls count. */
int probe_expect(struct probe *probe, const char *cgroup_path, enum replica_entry entry,
                 struct error *err);
void probe_expect_no_more(struct probe *probe, const char *cgroup_path);

/* ---- flows ---- */

typedef void probe_flow_hook(void *context, const struct flow_key *key,
                             const struct flow_value *value);

/*
 * A new flow comes by the hook at once, within a quota. This hands all of them over, with what has
 * become of them since, and lets go of those that nobody has used for an hour.
 */
void probe_flows_each(struct probe *probe, probe_flow_hook *hook, void *context);

/* Finds the listening sockets and the connections that watched threads have already. */
int probe_flows_adopt(struct probe *probe, struct error *err);

/* ---- novelties ---- */

/* How often a replica has shown a novelty since it was reported; false: not remembered. kind: enum
 * pattern_kind, or TABLE_ACCESSES. */
bool probe_novelty(const struct probe *probe, uint32_t replica, uint32_t kind, uint64_t fingerprint,
                   struct novelty_count *count);

/* Forgets a replica's novelties: the next occurrence is reported again. */
void probe_novelties_forget(struct probe *probe, uint32_t replica);

/* The codes of the pattern that a report is about, oldest first, into codes[PATTERN_MAX]. */
void probe_report_codes(const struct probe *probe, const struct report *report, uint16_t *codes);

/* ---- itself ---- */

/*
 * Has another changed what this process has put into the kernel: its links, where the tables lie,
 * what they hold a replica to, which cgroup is which replica and what is to be done about it? What
 * was changed is put back; found (one of `size` bytes) says what it was. 0: all is as it was left,
 * -1: it was not.
 */
int probe_intact(struct probe *probe, char *found, size_t size);

/* New cgroups that could not be watched from their first call. */
uint64_t probe_lost_cgroups(const struct probe *probe);

/* Runs of the probe's programs that the kernel left out, because the program was running on that
 * processor already (bpf_prog_info.recursion_misses): what happened then was not seen. */
uint64_t probe_lost_runs(const struct probe *probe);

/* Kernel memory of all maps, in bytes. */
uint64_t probe_bytes(const struct probe *probe);

#endif
