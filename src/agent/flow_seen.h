/* The agent's memory of single flows: how much of each the graph has, and who is at its other end.
 * Nobody but flows.c, flow_facts.c, flow_peers.c and flow_seen.c includes this. */
#ifndef SKINK_AGENT_FLOW_SEEN_H
#define SKINK_AGENT_FLOW_SEEN_H

#include <jansson.h>

#include "incident/ends.h"
#include "incident/graph.h"
#include "probe/probe.h"

struct agent;

/* A flow as the kernel has it now. */
struct flow {
    struct flow_key key;
    struct flow_value value;
};

/* What has become of it. */
struct flow_seen {
    struct flow_key key;
    uint64_t counted; /* of its connections */
    size_t other;     /* the replica at the other end, ENDS_NOBODY: not known */
    uint32_t other_generation;
    uint64_t alone;              /* since when nobody is known to be there, CLOCK_MONOTONIC */
    bool looked;                 /* has been noted once */
    bool novel;                  /* it began when its replica had been learned */
    size_t edge;                 /* the flow of the graph that it is part of, SIZE_MAX: none yet */
    struct flow_seen *next_gone; /* while they are forgotten */
};

/* A flow of the graph that has just come, between services that are learned. */
#define FLOWS_FRESH 64
struct fresh_edge {
    size_t edge;
    uint64_t since; /* CLOCK_MONOTONIC */
};

struct flows {
    struct graph *graph;
    struct ends *ends;
    char *path;
    void *seen; /* struct flow_seen, a tree of search.h */
    struct flow *now;
    size_t count, room;
    struct fresh_edge fresh[FLOWS_FRESH];
    size_t fresh_count;
    bool told, adopt, walk;
    uint64_t looked, adopted, saved, known_until; /* CLOCK_MONOTONIC */
};

/* The memory of a flow, made when there is none. */
struct flow_seen *flow_seen(void **tree, const struct flow_key *key);

/* NULL when there is none. */
const struct flow_seen *flow_seen_find(void *const *tree, const struct flow_key *key);

/* Forgets what was of replicas that have gone. */
void flow_seen_forget(void **tree, const struct probe *probe);
void flow_seen_free(void **tree);

/* flow_facts.c: remembers a flow of the graph whose caller is to be told; tells those that can be.
 * Apart, because telling an alert looks at all flows. */
void flow_fresh_add(struct flows *flows, size_t edge);
void flow_fresh_tell(struct agent *agent, uint64_t now);

/* A flow as an alert tells it. New reference. */
json_t *flow_json(const struct flow *flow, const struct graph *graph,
                  const struct graph_flow *edge);

#endif
