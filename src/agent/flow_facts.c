/* Services that are called for the first time: told as facts of who calls them. */
#include "agent/flow_seen.h"
#include "agent/state.h"
#include "base/clock.h"

#define PATIENCE (10 * NS_PER_S) /* the caller's end of a connection is seen within this */

void flow_fresh_add(struct flows *flows, size_t edge)
{
    if (flows->fresh_count < FLOWS_FRESH)
        flows->fresh[flows->fresh_count++] =
            (struct fresh_edge){.edge = edge, .since = flows->looked};
}

/* The flow by which a replica has called what the edge leads to; NULL: not seen yet. */
static const struct flow *caller_of(const struct flows *flows, size_t edge)
{
    for (const struct flow *flow = flows->now; flow < flows->now + flows->count; flow++) {
        const struct flow_seen *seen = flow_seen_find(&flows->seen, &flow->key);
        if (flow->key.role == FLOW_CALLS && seen && seen->edge == edge && seen->novel)
            return flow;
    }
    return NULL;
}

static bool tell(struct agent *agent, size_t edge)
{
    const struct flow *flow = caller_of(agent->flows, edge);
    struct watched *watched = flow ? agent->watched[flow->key.replica] : NULL;
    struct fact fact;
    if (!watched || !watched->service || watched->generation != flow->key.generation)
        return false;
    fact_of_flow(&fact, &flow->value, agent->flows->graph, edge);
    alerts_fact(agent, watched, &fact);
    return true;
}

void flow_fresh_tell(struct agent *agent, uint64_t now)
{
    struct flows *flows = agent->flows;
    size_t waiting = flows->fresh_count, kept = 0;
    for (size_t i = 0; i < waiting; i++) {
        struct fresh_edge fresh = flows->fresh[i];
        if (!tell(agent, fresh.edge) && clock_passed(now, fresh.since) < PATIENCE)
            flows->fresh[kept++] = fresh;
    }
    /* What telling has added stands behind those that waited. */
    for (size_t i = waiting; i < flows->fresh_count; i++)
        flows->fresh[kept++] = flows->fresh[i];
    flows->fresh_count = kept;
}
