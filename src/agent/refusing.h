/* Refusing calls (the measure `refuse`), as far as the daemon's state is needed for it. */
#ifndef SKINK_AGENT_REFUSING_H
#define SKINK_AGENT_REFUSING_H

#include "agent/state.h"
#include "respond/measure.h"

/* Loads what refuses, before rights are given up. */
void refusing_load(struct agent *agent);

/* Why nothing can be refused to this replica, NULL: something can. */
const char *refusing_impossible(const struct agent *agent, const struct watched *watched);

/* What the service of a replica is known to do; empty when the replica has gone. */
struct measure_known *refusing_known(struct agent *agent, const char *replica);

/* For struct measure_kernel, in any thread; context: the agent. */
int refusing_begin(void *context, const struct measure_target *target, struct error *err);
void refusing_end(void *context, uint32_t replica, uint32_t generation);

/* Calls that were refused to a replica. */
uint64_t refusing_count(const struct agent *agent, const struct watched *watched);

/* The same by kind. New reference. */
json_t *refusing_json(const struct replica_counters *counters);

/* Adds to the record of such a measure what it has refused. */
void refusing_tell(struct agent *agent, json_t *record);

/* Flows were looked at: whom the service calls may have moved. */
void refusing_tick(struct agent *agent);

#endif
