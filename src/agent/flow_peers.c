/* Who is at the other end: whom a service is known to call, as the kernel is to be told it
 * (probe/refuse.h); whom a process answers. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/flow_seen.h"
#include "agent/state.h"
#include "base/clock.h"
#include "base/memory.h"
#include "respond/powers.h"

#define ADDRESSES 32 /* of a replica */

struct peers {
    struct refusal_peer *list;
    size_t count, room;
};

static void add(struct peers *peers, const uint8_t address[16], uint8_t transport, uint16_t port,
                enum refuse_verdict verdict)
{
    if (peers->count == peers->room) {
        peers->room = peers->room ? 2 * peers->room : 64;
        peers->list = memory_must(reallocarray(peers->list, peers->room, sizeof *peers->list));
    }
    struct refusal_peer *peer = &peers->list[peers->count++];
    *peer = (struct refusal_peer){.port = port, .transport = transport, .verdict = verdict};
    memcpy(peer->address, address, sizeof peer->address);
}

/* The ports by which the service is known to call another one (GRAPH_OUTSIDE: any). */
static void add_ports(const struct graph *graph, size_t from, size_t to, const uint8_t address[16],
                      struct peers *peers)
{
    for (size_t i = 0; i < graph_flows(graph); i++) {
        const struct graph_flow *edge = graph_flow(graph, i);
        if (edge->from == from && (to == GRAPH_OUTSIDE || edge->to == to) &&
            edge->transport != GRAPH_UNIX && !graph_is_new(edge, clock_realtime()))
            add(peers, address, edge->transport == GRAPH_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                edge->port, REFUSE_NOT);
    }
}

/* The addresses of another replica: of a service that is called, or not. */
static void add_other(struct agent *agent, const struct watched *watched,
                      const struct watched *other, uint32_t own, struct peers *peers)
{
    uint8_t address[ADDRESSES][16];
    uint32_t network;
    struct graph *graph = agent->flows->graph;
    size_t from = graph_service(graph, watched->service->name);
    size_t to = graph_service(graph, other->service->name);
    size_t count = hand_addresses(agent->hand, other->workload.pid, address, ADDRESSES, &network);
    for (size_t i = 0; i < count; i++) {
        if (ends_is_loopback(address[i]) && network != own)
            continue;
        add(peers, address[i], REFUSE_ADDRESS, 0, REFUSE_OTHER);
        add_ports(graph, from, to, address[i], peers);
    }
}

/* Its own addresses it may call on every port, where nobody else has them. */
static void add_own(struct agent *agent, struct watched *watched, struct peers *peers,
                    uint32_t *own)
{
    uint8_t address[ADDRESSES][16];
    size_t count = hand_addresses(agent->hand, watched->workload.pid, address, ADDRESSES, own);
    if (replicas_share_network(agent, watched) || watched->powers & POWER_HOST_NETWORK)
        return;
    for (size_t i = 0; i < count; i++)
        add(peers, address[i], REFUSE_ADDRESS, 0, REFUSE_NOT);
}

/* Peers by the very names and addresses by which the service's replicas have called them. */
static void add_called(const struct agent *agent, const struct watched *watched, uint64_t since,
                       struct peers *peers)
{
    const struct flows *flows = agent->flows;
    for (const struct flow *flow = flows->now; flow < flows->now + flows->count; flow++) {
        const struct watched *caller =
            flow->key.replica < PROBE_REPLICAS ? agent->watched[flow->key.replica] : NULL;
        if (caller && caller->generation == flow->key.generation &&
            caller->service == watched->service && flow->key.role == FLOW_CALLS &&
            flow->value.first < since && !(caller != watched && caller->alert))
            add(peers, flow->key.peer, flow->key.transport, flow->key.port, REFUSE_NOT);
    }
}

bool flows_peers(struct agent *agent, struct watched *watched, uint64_t since,
                 struct refusal_peer **list, size_t *count)
{
    static const uint8_t ANY[16];
    struct peers peers = {0};
    uint32_t own = 0;
    if (!agent->flows)
        return false;
    add_own(agent, watched, &peers, &own);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *other = agent->watched[i];
        if (other && other != watched && other->service && other->workload.pid > 0)
            add_other(agent, watched, other, own, &peers);
    }
    struct graph *graph = agent->flows->graph;
    add_ports(graph, graph_service(graph, watched->service->name), GRAPH_OUTSIDE, ANY, &peers);
    add_called(agent, watched, since, &peers);
    *list = peers.list;
    *count = peers.count;
    return true;
}

/* ---- whom a process answers ---- */

bool flows_answers(const struct agent *agent, const struct watched *watched,
                   const struct hand_connection *connection, const struct service **client)
{
    struct flow_key key = {.replica = watched->index,
                           .generation = watched->generation,
                           .port = connection->port,
                           .transport = IPPROTO_TCP,
                           .role = FLOW_ANSWERS};
    memcpy(key.peer, connection->peer, sizeof key.peer);
    const struct flow_seen *seen = flow_seen_find(&agent->flows->seen, &key);
    if (!seen)
        return false;
    const struct watched *there = seen->other == ENDS_NOBODY ? NULL : agent->watched[seen->other];
    *client = there && there->generation == seen->other_generation ? there->service : NULL;
    return true;
}
