/* What the files of the probe share among themselves; nobody else includes this. */
#ifndef SKINK_PROBE_INTERNAL_H
#define SKINK_PROBE_INTERNAL_H

#include <pthread.h>

#include "probe/mirror.h"
#include "probe/pool.h"
#include "probe/probe.h"

#include "probe.skel.h" /* generated; needs the types above */

#define FLOW_DATAGRAM_PROGRAMS 6

/* Where a kind's patterns lie and how many they are. */
struct table_range {
    uint32_t first, bits;
    uint64_t count;
    bool crowded; /* a pattern has found no place: it must grow, however empty it is elsewhere */
};

/* A pattern or an access that a report tells of. */
struct told_pattern {
    uint32_t table;
    uint32_t kind; /* enum pattern_kind, or TABLE_ACCESSES */
    uint32_t replica;
    uint64_t fingerprint;
};

/* See refuse.c. The lock is held by whoever changes to whom what is refused. */
struct refusing {
    pthread_mutex_t lock;
    struct refuse_bpf *bpf; /* NULL: nothing can be refused */
    struct mirror *names, *peers;
    uint32_t round;
};

#define PLACE_FIELDS 10

/* A replica's place as this process has left it (places.c). */
struct place {
    bool held;       /* this process knows whose it is */
    bool strange;    /* at the last look a cgroup led to it that nobody had told of */
    uint64_t cgroup; /* that leads to it */
    uint32_t field[PLACE_FIELDS];
};

struct probe {
    struct probe_bpf *bpf;
    struct place place[PROBE_REPLICAS];
    pthread_mutex_t changing; /* held while a place is changed, which any thread may do */
    struct refusing refusing;
    struct probe_hooks hooks;
    struct ring_buffer *ring, *calls;
    struct bpf_link *datagrams[FLOW_DATAGRAM_PROGRAMS]; /* see flows.c */
    struct pattern_secret secret;
    uint32_t length[PATTERN_KINDS]; /* n and m */
    struct pool *pool;
    struct table *tables;                /* the maps' memory */
    struct table expected[PROBE_TABLES]; /* as this process has left them */
    struct replica *replicas;
    struct table_range range[PROBE_TABLES][TABLE_KINDS];
    bool table_used[PROBE_TABLES];
    bool replica_used[PROBE_REPLICAS];
    bool must_grow;                /* some table is over half full */
    struct told_pattern *unplaced; /* learned, but without a place */
    size_t unplaced_count, unplaced_room;
    uint32_t prepared;             /* newcomers' places in the queue */
    uint8_t settles[PROBE_TABLES]; /* looks that may find more in a table: it is learned, or was */
    uint32_t turn;                 /* of the tables whose patterns are looked at */
};

/* A report has come: counts what the kernel inserted, places what it could not. flags: enum
 * report_flags. */
void table_reported(struct probe *probe, const struct told_pattern *told, uint32_t flags);

/* Grows every table that is over half full. */
void tables_grow(struct probe *probe);

/* A prepared place has been taken by a new cgroup. */
void newcomer_taken(struct probe *probe, const struct cgroup_event *event);

/* What the kernel has noted of replicas and tables no longer holds: said after every such change.
 */
void probe_changed(struct probe *probe);

/* This process has changed a table: what probe_intact is to find there. */
void table_noted(struct probe *probe, uint32_t table);

/* Whoever changes a replica's place does it between these. */
struct replica *place_begin(struct probe *probe, uint32_t replica);
void place_end(struct probe *probe, uint32_t replica);

/* This cgroup leads to the place; none does any more. */
void place_hold(struct probe *probe, uint32_t replica, uint64_t cgroup);
void place_leave(struct probe *probe, uint32_t replica);

/* How much of the places, and of which cgroup leads to them, another has changed: put back. */
int places_intact(struct probe *probe);

/* The kernel learns into this table, or did until now. */
void table_learned(struct probe *probe, uint32_t table);

/* Runs a program of an iterator over everything it iterates over. */
int probe_walk(const struct bpf_program *program, struct error *err);

/* Flows: what is to be loaded, what is to be attached besides, and detached. */
void flows_configure(struct probe *probe, bool on);
/* Those that see UDP, in the order of probe->datagrams. */
void flows_programs(const struct probe *probe,
                    struct bpf_program *programs[FLOW_DATAGRAM_PROGRAMS]);
void flows_attach(struct probe *probe); /* best effort */
void flows_detach(struct probe *probe);

/* Runs of an object's programs that the kernel left out. */
uint64_t lost_runs(const struct bpf_object *object);

/* Programs of a skeleton that another has detached or replaced: attached again. */
int links_intact(const struct bpf_object_skeleton *skeleton);

/* Of the programs that refuse; what another has changed of them and of what they know; forgetting a
 * replica that goes; their end. */
uint64_t refusing_lost_runs(const struct refusing *refusing);
int refusing_intact(struct probe *probe);
void refusing_forget(struct probe *probe, uint32_t replica);
void refusing_close(struct refusing *refusing);

/* An unused replica's place, or PROBE_NONE. */
uint32_t replica_place(const struct probe *probe);

#endif
