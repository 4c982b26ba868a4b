/*
 * The canary: a process of the daemon's own, in a cgroup of its own, that makes calls on request.
 * The probe must report them: when it does not, it sees nothing of others either. The kernel
 * reports a call while the call is made, so once the canary says that it has sung, the report is in
 * the ring or never will be: no time-out is involved that a busy machine could exceed.
 *
 * It is also the spare guardian (agent/guardian.h): a process from before the daemon gave up its
 * rights, which is there when the guardian has been killed.
 */
#ifndef SKINK_AGENT_CANARY_H
#define SKINK_AGENT_CANARY_H

#include "agent/guardian.h"
#include "base/error.h"
#include "probe/probe.h"
#include "workload/workload.h"

#define CANARY_EACH_S 2 /* seconds between two songs */

struct canary;

/* Forks: before there are threads, and before rights are given up. guard: NULL when there is no
 * guardian to follow. Never NULL. */
struct canary *canary_start(const struct guard *guard);

/* Puts it into a cgroup; before there is a probe, which would take it for a container. */
int canary_cage(struct canary *canary, const struct cgroup_hierarchy *hierarchy, struct error *err);

/* Has its calls reported. */
int canary_watch(struct canary *canary, struct probe *probe, struct error *err);

/* True when the report is of the canary, and nobody else's business. */
bool canary_heard(struct canary *canary, const struct report *report);

/*
 * Listens, and lets it sing when it is time. Call it often, with everything that the probe had to
 * hand over consumed. -1: something is wrong, err says what. now: CLOCK_MONOTONIC.
 */
int canary_tick(struct canary *canary, uint64_t now, struct error *err);

/* Has it been stopped? Then it is told to go on. -1: err says so. */
int canary_look_after(const struct canary *canary, struct error *err);

/* When it was heard last, CLOCK_MONOTONIC; 0: never. */
uint64_t canary_last(const struct canary *canary);

/* Makes it the guardian of this process, at the other end of fd, which it gets. It leaves another
 * canary in its place: canary_succeed takes that over. */
int canary_make_guardian(struct canary *canary, int fd, struct error *err);
void canary_succeed(struct canary *canary, pid_t pid, int fd);

pid_t canary_pid(const struct canary *canary);

/* Ends it and removes its cgroup. NULL is allowed. */
void canary_stop(struct canary *canary);

#endif
