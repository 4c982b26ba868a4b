/*
 * What all engines have said: the containers known, and the queue of events that came of it. The
 * engines' threads write here, the agent's main loop reads; no engine is ever asked from in here.
 */
#ifndef SKINK_WORKLOAD_REGISTRY_H
#define SKINK_WORKLOAD_REGISTRY_H

#include "workload/classify.h"

struct registry;

/* Borrows options' rules for as long as it lives. */
struct registry *registry_new(const struct workload_options *options, struct error *err);
void registry_free(struct registry *registry);

/* From now on no engine waits for the agent to catch up. */
void registry_close(struct registry *registry);

/* ---- for the agent ---- */

int registry_fd(const struct registry *registry);
bool registry_next(struct registry *registry, struct workload_event *event);

/* The new cgroup of a container of that id, of that engine (ENGINES: of any): fills *workload and
 * answers true when its engine has described it before. */
bool registry_claim(struct registry *registry, enum workload_engine engine, const char *id,
                    const char *path, uint64_t cgroup, struct workload *workload);

/* Leaves a new cgroup as a question for the engine's thread; STARTED follows its answer. */
void registry_ask(struct registry *registry, enum workload_engine engine, const char *id,
                  const char *path, uint64_t cgroup);

/* Does the path lie inside a known container's cgroup? */
bool registry_inside(struct registry *registry, const char *path);

/* ---- for the engines ---- */

/*
 * A container as its engine describes it now; reports STARTED when it has a cgroup and that or the
 * pid is new. Takes description's labels over. Waits while the queue is full.
 */
void registry_learn(struct registry *registry, struct description *description);

/* The same for a container whose cgroup the agent has just been told of: no event. */
void registry_learn_claimed(struct registry *registry, struct description *description,
                            struct workload *workload);

/* It ended: reports STOPPED. It may start again, so its description is kept. */
void registry_ended(struct registry *registry, enum workload_engine engine, const char *id);

/* It is gone for good. */
void registry_forget(struct registry *registry, enum workload_engine engine, const char *id);

/* Is the container known to run? */
bool registry_runs(struct registry *registry, const char *id);

/* A container of this engine that the agent has met and the engine has not described yet. */
bool registry_asked(struct registry *registry, enum workload_engine engine, char *id);

/* Around a new listing of all of an engine's containers: what is not learned between is forgotten.
 */
void registry_list_begin(struct registry *registry, enum workload_engine engine);
void registry_list_end(struct registry *registry, enum workload_engine engine);

/* Reports those STOPPED whose cgroup does not exist any more. */
void registry_sweep(struct registry *registry);

void registry_engine(struct registry *registry, enum workload_engine engine, bool up,
                     const char *why);

#endif
