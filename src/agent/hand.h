/*
 * The hand: a process that keeps the rights that the daemon gives up (agent/sandbox.h) and does for
 * it what needs them: it looks at other processes and carries measures out. Which commands,
 * balancers, engines and directories those use it reads in the configuration itself, so that an
 * intruder in the daemon can order measures and no more.
 *
 * Every function takes NULL for the hand, too: then the caller's process does it itself.
 */
#ifndef SKINK_AGENT_HAND_H
#define SKINK_AGENT_HAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/config.h"
#include "base/error.h"
#include "respond/measure.h"
#include "tolerate/ageing.h"

#define HAND_ADDRESSES   64 /* of a replica, at most */
#define HAND_PROCESSES   32 /* that one question names */
#define HAND_CONNECTIONS 64 /* that one answer names */

struct hand;

/* A TCP connection that a process has. */
struct hand_connection {
    uint32_t pid;
    uint16_t port;    /* its own */
    uint8_t peer[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
};

/* Forks: before there are threads, and before rights are given up. NULL on error. */
struct hand *hand_start(const struct config *config, struct error *err);

/* Ends it; measures that it is carrying out it takes back when they are done. NULL is allowed. */
void hand_stop(struct hand *hand);

/* -1 (err): it was killed, or had been stopped and was told to go on. Call it often. */
int hand_look_after(struct hand *hand, struct error *err);

/* Has it been killed? */
bool hand_is_gone(const struct hand *hand);

/* The configuration has been read again: so shall the hand. */
void hand_configure(struct hand *hand);

/* ---- looking at processes: in one thread ---- */

/* Where /proc/PID/NAME leads to: as readlink(2). */
ssize_t hand_link(struct hand *hand, pid_t pid, const char *name, char *text, size_t size);

/* The root directory of a process, with O_PATH; -1: it has ended. */
int hand_root(struct hand *hand, pid_t pid);

/* As workload_network, workload_addresses, powers_read and usage_descriptors. */
uint32_t hand_network(struct hand *hand, pid_t pid);
size_t hand_addresses(struct hand *hand, pid_t pid, uint8_t (*addresses)[16], size_t max,
                      uint32_t *netns);
uint32_t hand_powers(struct hand *hand, pid_t pid);
bool hand_descriptors(struct hand *hand, const char *directory, struct usage *usage);

/* As the measure's check, of what takes rights to look at. */
int hand_check(struct hand *hand, const struct measure *measure,
               const struct measure_target *target, struct error *err);

/*
 * Which TCP connections these processes have. Asking does not wait: the answer comes on the
 * descriptor that is returned (-1: none will), which hand_connections closes. It returns how many
 * there are; 0 also when there is no answer, or there are more than HAND_CONNECTIONS.
 */
int hand_connections_ask(struct hand *hand, const uint32_t *pid, size_t count);
size_t hand_connections(int fd, struct hand_connection list[HAND_CONNECTIONS]);

/* ---- measures: in any thread, not with NULL ---- */

/* Orders a measure, or that it be taken back: the descriptor that the outcome comes on, or -1. */
int hand_carry_out(struct hand *hand, const struct measure *measure,
                   const struct measure_target *target, struct error *err);
int hand_undo(struct hand *hand, const struct measure *measure, const json_t *token, bool expired,
              struct error *err);

/* What the names that are known of a replica stand for (respond/resolve.h); NULL is allowed. */
int hand_names(struct hand *hand, const struct workload *workload,
               const struct measure_known *known, struct access_set *names, struct error *err);

/*
 * Waits for the outcome; 0, or -1 (err) when it failed, or has not come after patience ns
 * (measure_longest). token (or NULL) gets what undo needs. What the measure asks of the probe is
 * done meanwhile. Who shuts the descriptor down ends the waiting. What comes to an end after fd was
 * closed is taken back by the hand: nobody has its token.
 */
int hand_outcome(int fd, uint64_t patience, const struct measure_kernel *kernel, json_t *token,
                 struct error *err);

#endif
