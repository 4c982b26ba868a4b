/*
 * Flows of the replicas, joined by both ends into the service graph. It reads what the kernel has
 * aggregated now and then, and at once when a flow appears.
 */
#ifndef SKINK_AGENT_FLOWS_H
#define SKINK_AGENT_FLOWS_H

#include <jansson.h>

#include "agent/hand.h"
#include "incident/graph.h"
#include "probe/probe.h"
#include "probe/refusing.h"

#define FLOW_FACTS 16 /* flows that an alert names */

struct agent;
struct watched;
struct flows;
struct service;

/* Takes over what is known from the state directory. */
struct flows *flows_new(const char *state_dir);

/* Saves what is known. NULL is allowed. */
void flows_free(struct flows *flows);

struct graph *flows_graph(struct flows *flows);

/* The probe tells of a new flow: it is looked at with the next tick. */
void flows_told(struct flows *flows);

/* A replica is watched whose threads run already: with the next tick their sockets are found. */
void flows_adopt(struct flows *flows);

/* Looks at all flows; true when it did, which is every two seconds or after one was told. */
bool flows_tick(struct agent *agent, uint64_t now);

/* Looks at all flows now. */
void flows_look(struct agent *agent);

/* These flows of the graph are normal from now on; written down at once. */
void flows_accept(struct flows *flows, const size_t *accepted, size_t count);

/*
 * Whom a replica's service is known to call, for refusing all others: by what the graph knows, and
 * by what its replicas have called before `since` (CLOCK_MONOTONIC). Caller frees *peers. False:
 * that is not known, flows are switched off.
 */
bool flows_peers(struct agent *agent, struct watched *watched, uint64_t since,
                 struct refusal_peer **peers, size_t *count);

/* Would a call that the replica makes for the first time be new to its service? */
bool flows_judge(const struct agent *agent, const struct watched *watched);

/*
 * Does the replica answer on this connection, instead of having made it? client: the service at the
 * other end; NULL: one that is not watched.
 */
bool flows_answers(const struct agent *agent, const struct watched *watched,
                   const struct hand_connection *connection, const struct service **client);

/* What a replica did over the network since then (CLOCK_MONOTONIC), what is new first. New array.
 */
json_t *flows_facts(const struct agent *agent, const struct watched *watched, uint64_t since);

#endif
