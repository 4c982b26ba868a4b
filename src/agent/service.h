/*
 * Services as the agent holds them: one profile, one table in the kernel, one state of learning,
 * shared by all replicas of one version.
 */
#ifndef SKINK_AGENT_SERVICE_H
#define SKINK_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/saver.h"
#include "probe/probe.h"
#include "profile/profile.h"

/* How far a service's accesses are learned: apart from its patterns, which need not wait for them.
 */
struct access_training {
    enum replica_mode mode; /* MODE_OFF when the configuration says so */
    uint64_t elapsed_ns, calls;
    uint64_t seen; /* accesses that were new so far */
    bool broken;   /* something was lost since the last growth_update */
};

struct service {
    struct service *next;
    char name[PROFILE_NAME];
    char version[PROFILE_NAME];
    struct service_config config; /* a copy; its name is not used */
    struct profile *profile;      /* owned */
    char *path;                   /* of the profile's file, owned */
    uint32_t table;
    enum replica_mode mode;  /* MODE_LEARN, MODE_DETECT, MODE_OFF when the configuration says so */
    struct detect_rule rule; /* in force: no RULE_AUTO */
    struct access_training accesses;
    uint32_t replicas;   /* running now */
    bool loss;           /* something was lost since the last growth_update */
    bool returned;       /* a replica showed old behaviour since the last interval ended */
    bool dirty;          /* the profile has changed since it was saved */
    uint64_t saved;      /* when, CLOCK_MONOTONIC */
    uint64_t idle_since; /* when the last replica went, 0: has replicas */
    uint64_t alerts, open_alerts;
    bool namesakes_told;       /* it was said that two Compose projects share it */
    struct siblings *siblings; /* what siblings.c keeps of it, NULL: nothing */
};

/* What services need of the agent; borrowed. */
struct service_room {
    struct probe *probe;
    struct saver *saver;
    const struct config *config;
};

/*
 * Makes a service: its profile from the state directory, else a new one, which starts from another
 * version's when the configuration says so and there is one; its table filled. A
 * profile that cannot be read, or was made with other lengths, is laid aside (renamed to *.refused)
 * with a warning, and learning starts anew. NULL on error (no table to be had).
 */
struct service *service_open(const struct service_room *room, const char *name, const char *version,
                             struct error *err);

/* Saves what is unsaved, empties the table. */
void service_close(const struct service_room *room, struct service *service);

/*
 * Removes the profile and its file: the service is learned anew, as one that was never seen.
 * *table: the one that it had, to be freed once no replica uses it. -1: it stays as it was.
 */
int service_forget(const struct service_room *room, struct service *service, uint32_t *table,
                   struct error *err);

/* Takes over the configuration that is now in force. */
void service_configure(const struct service_room *room, struct service *service);

/* A pattern learned from a replica; in_table: the kernel's table has it already. True when the
 * profile grew by it. */
bool service_learn(const struct service_room *room, struct service *service, enum pattern_kind kind,
                   const uint16_t *codes, bool in_table);

/* The same of an access. True when it had never been seen, also by earlier versions. */
bool service_learn_access(const struct service_room *room, struct service *service,
                          enum access_kind kind, const char *path, bool in_table);

enum training {
    TRAINING_GOES_ON,
    TRAINING_INTERVAL, /* an interval has ended: the replicas' peaks start anew */
    TRAINING_DONE,     /* and it was the last: the replicas take over service->mode */
};

/*
 * Time passes (dt ns) while replicas run; calls: how many more they made; apart: patterns that they
 * showed and that may be learned soon, so that the growth is not over; the peaks: of the replicas
 * since the last interval ended.
 */
enum training service_train(const struct service_room *room, struct service *service, uint64_t dt,
                            uint64_t calls, uint64_t apart, uint32_t frame_peak,
                            uint32_t epoch_peak);

/* The same for accesses, whose numbers are up to date; true when this ended their learning. */
bool service_train_accesses(const struct service_room *room, struct service *service, uint64_t dt);

/* Hands the profile to the saver when it has changed and it is time (or at_once). */
void service_save(const struct service_room *room, struct service *service, bool at_once);

#endif
