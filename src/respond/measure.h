/*
 * A measure: something that can be done about a replica in which an intruder is. Each is a file of
 * its own (measure_NAME.c) behind this interface; measures.c has the table of them.
 */
#ifndef SKINK_RESPOND_MEASURE_H
#define SKINK_RESPOND_MEASURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "probe/event.h"
#include "probe/refusing.h"
#include "respond/rule.h"
#include "respond/variant.h"
#include "workload/workload.h"

/* A plan has one measure of each stage at most, in this order. */
enum measure_stage {
    STAGE_CONTAIN,  /* the intruder can do no more */
    STAGE_EVIDENCE, /* what he did is kept */
    STAGE_RECOVER,  /* the service is whole again */
    STAGES,
    STAGE_RENEWAL = STAGES /* of no such plan: nobody is in the replica, it has aged */
};

/* "contain", "evidence", "recover". */
const char *measure_stage_name(enum measure_stage stage);

/* What a measure costs, each 0 to 1. */
struct measure_cost {
    double service;   /* answers that are not given */
    double state;     /* what the replica held in memory */
    double evidence;  /* traces of the intruder that are lost */
    double operation; /* work, for people and machines */
};

struct measure_target;

/* What is asked of the probe, from any thread. */
struct measure_kernel {
    void *context;
    /* Stop or kill whoever makes a foreign call. NULL: there is no probe. */
    int (*halt)(void *context, uint32_t replica, uint32_t generation, enum replica_halt halt,
                bool on);
    /* The replica in this cgroup stands still: what is called in its name is not its own. */
    void (*away)(void *context, uint64_t cgroup, bool on);
    /* A container is being restored in the cgroup of this path: not it, but CRIU is at work. */
    void (*restore)(void *context, const char *cgroup_path, bool on);
    /* Refuses the target what is not known of it; and no more. */
    int (*refuse)(void *context, const struct measure_target *target, struct error *err);
    void (*allow)(void *context, uint32_t replica, uint32_t generation);
};

/* What the service of a replica is known to do. */
struct measure_known {
    struct access_set accesses;
    struct refusal_peer *peers;
    size_t peer_count;
    bool has_peers; /* peers are known at all */
    bool mounts;    /* it mounts */
    uint64_t since; /* when the intruder came, ns since 1970 */
};

void measure_known_free(struct measure_known *known);

/* The replica, and what may be used. Everything in it is the holder's own. */
struct measure_target {
    struct workload workload;
    struct respond_rule rule;
    uint32_t powers;     /* enum power */
    uint32_t network;    /* its namespace (inode), 0: not known */
    bool shares_network; /* another replica lives in its network namespace */
    uint32_t replica;    /* the probe's place */
    uint32_t generation; /* of that place */
    struct measure_kernel kernel;
    struct variant variant;      /* that a new replica is to be; empty: what the old one is */
    const char *cannot_refuse;   /* why the kernel cannot refuse it calls; NULL: it can */
    struct measure_known *known; /* of a copy that is to refuse; else NULL */
    char spare[64];              /* address of another replica that serves, "" when none does */
    char runc[256];              /* runc's state directory that it is in, "" when it is in none */
    const char *engine_socket;   /* of its engine's API; NULL: it has none */
    const char *evidence;        /* the directory that evidence goes to */
    uint64_t evidence_max;       /* bytes that it may take; the oldest goes first */
};

struct measure {
    const char *name;
    const char *summary; /* what it does, one line */
    enum measure_stage stage;
    struct measure_cost cost;
    double collateral;     /* what it costs where there is no intruder */
    double worked, failed; /* Beta prior of its effect */
    bool takes_out;        /* the replica does not serve any more */
    bool irreversible;     /* decided by a quorum of detectors, or a person */
    bool restarts;         /* ends or starts a replica: the hour's budget bounds how often */
    bool at_once;          /* never waits for anything: needs no thread of its own */
    bool alone;            /* nothing else may be done to the replica meanwhile */
    bool ends_with_daemon; /* nothing of it is in force when the daemon is gone */
    uint64_t longest; /* ns that it or its undo may take, all waits together; 0: MEASURE_LONGEST */
    bool restores;    /* the replica's processes are made anew, where they were in their work */

    /* Can it be done here? Looks at what is there and asks nobody. */
    int (*check)(const struct measure_target *target, struct error *err);

    /*
     * Does it, within MEASURE_TIME_OUT each wait; in a thread that may block. token: an object, to
     * which it adds what undo needs, so that another daemon can undo it. A measure that fails has
     * taken back what it had done.
     */
    int (*carry_out)(const struct measure_target *target, json_t *token, struct error *err);

    /* Takes it back; what has gone meanwhile is no error. NULL: there is nothing to take back. */
    int (*undo)(const json_t *token, const struct measure_kernel *kernel, struct error *err);

    /* Takes it back at once, as if it had never been taken: what contained the replica before goes
     * on containing it. NULL: undo. */
    int (*withdraw)(const struct measure_target *target, const json_t *token, struct error *err);

    /* Of what ends with the daemon: what it leaves behind all the same, taken away after undo, or
     * when the daemon has gone, with the rights of the hand. NULL: nothing. */
    int (*release)(const json_t *token, struct error *err);

    /* What happens when it expires; NULL: undo. */
    int (*expire)(const json_t *token, const char *engine_socket, struct error *err);
};

#define MEASURE_TIME_OUT                                                                          \
    (2ULL * 1000000000)                      /* ns: an engine or a balancer has so long to answer \
                                              */
#define MEASURE_START   (20ULL * 1000000000) /* ns: a new replica has so long to be healthy */
#define MEASURE_LONGEST (10ULL * 1000000000)
/* ns: and all of it, with what engine and balancer are asked besides */
#define MEASURE_SUCCESSION (2 * MEASURE_START + 10 * MEASURE_TIME_OUT)

/* Every measure, ended by NULL; their places are their numbers in struct choice_case. */
extern const struct measure *const measures[];

/* By name; NULL when there is none. */
const struct measure *measure_find(const char *name);
size_t measure_count(void);

/* Is the measure in the list (names separated by commas or blanks; NULL: empty)? The first name in
 * it that is no measure's; NULL when there is none. */
bool measure_listed(const struct measure *measure, const char *list);
const char *measure_unknown(const char *list);

/* Does it. Where a balancer is configured the replica is sent no more requests before it is taken
 * out, so that none of them fails. */
int measure_carry_out(const struct measure *measure, const struct measure_target *target,
                      json_t *token, struct error *err);

/* Takes a measure back, or ends it when it is due, whichever name it has. engine_socket: of the
 * engine that the token names; NULL: none. */
int measure_undo(const char *name, const json_t *token, const struct measure_kernel *kernel,
                 const char *engine_socket, bool expired, struct error *err);

/* Takes back what has just been carried out, since nobody has its token. What cannot be undone
 * stays. */
int measure_withdraw(const struct measure *measure, const struct measure_target *target,
                     const json_t *token, struct error *err);

/* So long it or its undo may take, ns. */
uint64_t measure_longest(const struct measure *measure);

/* A copy of a target with texts of its own, and its end. */
struct measure_target *measure_target_copy(const struct measure_target *target);
void measure_target_free(struct measure_target *target);

#endif
