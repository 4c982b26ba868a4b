#include "agent/flows.h"

#include <glob.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/flow_seen.h"
#include "agent/flow_unix.h"
#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define LOOK_EVERY (2 * NS_PER_S)
#define SAVE_EVERY (60 * NS_PER_S)
#define ADDRESSES  32
#define LATE       (5 * NS_PER_S) /* whose peer is unknown for so long comes from outside */
#define GRACE      (600 * NS_PER_S)

static void collect(void *context, const struct flow_key *key, const struct flow_value *value)
{
    struct flows *flows = context;
    if (flows->count == flows->room) {
        flows->room = flows->room ? 2 * flows->room : 256;
        flows->now = memory_must(reallocarray(flows->now, flows->room, sizeof *flows->now));
    }
    flows->now[flows->count++] = (struct flow){.key = *key, .value = *value};
}

static struct watched *watched_by(const struct agent *agent, const struct flow_key *key)
{
    struct watched *watched = key->replica < PROBE_REPLICAS ? agent->watched[key->replica] : NULL;
    return watched && watched->service && watched->generation == key->generation ? watched : NULL;
}

/* Whose which address is, from the sockets and from the replicas' network namespaces. */
static void write_book(struct agent *agent)
{
    struct flows *flows = agent->flows;
    uint8_t address[ADDRESSES][16];
    uint32_t netns;
    ends_clear(flows->ends);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        if (!watched || !watched->service || watched->workload.pid <= 0)
            continue;
        size_t count =
            hand_addresses(agent->hand, watched->workload.pid, address, ADDRESSES, &netns);
        for (size_t k = 0; k < count; k++)
            ends_address(flows->ends, i, netns, address[k]);
    }
    for (const struct flow *flow = flows->now; flow < flows->now + flows->count; flow++) {
        if (!watched_by(agent, &flow->key))
            continue;
        if (flow->key.transport == FLOW_UNIX)
            continue;
        if (flow->key.role == FLOW_LISTENS ||
            (flow->key.role == FLOW_ANSWERS && flow->key.transport == IPPROTO_UDP))
            ends_listens(flows->ends, flow->key.replica, flow->value.netns, flow->key.port);
        ends_address(flows->ends, flow->key.replica, flow->value.netns, flow->value.local);
    }
}

/* ---- the other end ---- */

/* Is `answer` the other end of `call`'s latest connection, seen through translated addresses? The
 * caller's port mostly survives the translation, its address may not. */
static bool meets(const struct flow *call, const struct flow *answer)
{
    uint64_t apart = clock_passed(call->value.last, answer->value.last) +
                     clock_passed(answer->value.last, call->value.last);
    bool same_address = memcmp(call->value.local, answer->key.peer, 16) == 0;
    return call->key.role == FLOW_CALLS && answer->key.role == FLOW_ANSWERS &&
           call->key.transport == answer->key.transport && call->value.local_port != 0 &&
           call->value.local_port == answer->value.peer_port && (same_address || apart < NS_PER_S);
}

/* The replica at the other end by its ports, when it is one alone. */
static size_t find_by_ports(const struct flows *flows, const struct flow *flow)
{
    size_t found = ENDS_NOBODY;
    for (const struct flow *other = flows->now; other < flows->now + flows->count; other++) {
        if (!meets(flow, other) && !meets(other, flow))
            continue;
        if (found != ENDS_NOBODY && found != other->key.replica)
            return ENDS_NOBODY;
        found = other->key.replica;
    }
    return found;
}

/* Has its other end been unknown for so short that it may yet turn up? */
static bool is_fresh(const struct flows *flows, const struct flow_seen *seen)
{
    return clock_passed(flows->looked, seen->alone) < LATE;
}

/* Who is bound to the name. Sockets are walked through when nobody is; a name at which there is no
 * socket may get one any time. */
static size_t other_unix_end(struct agent *agent, const struct flow *flow, struct flow_seen *seen)
{
    struct flows *flows = agent->flows;
    bool exists;
    if (!is_fresh(flows, seen))
        return ENDS_NOBODY;
    size_t found = flow_unix_end(agent, flow, &exists);
    if (!exists)
        seen->alone = flows->looked;
    flows->walk |= found == ENDS_NOBODY && exists;
    return found;
}

/* Ports are compared while the flow is fresh: comparing those of every client of an ingress all the
 * time would cost more than it finds. */
static size_t other_end(struct agent *agent, const struct flow *flow, struct flow_seen *seen)
{
    const struct flows *flows = agent->flows;
    if (flow->key.transport == FLOW_UNIX)
        return other_unix_end(agent, flow, seen);
    uint16_t port = flow->key.role == FLOW_CALLS ? flow->key.port : flow->value.peer_port;
    size_t found = ends_find(flows->ends, flow->value.netns, flow->key.peer, port);
    return found == ENDS_NOBODY && is_fresh(flows, seen) ? find_by_ports(flows, flow) : found;
}

/* It stays who it was found to be: the next connections may be with others behind one address. */
static const struct watched *find_other(struct agent *agent, const struct flow *flow,
                                        struct flow_seen *seen)
{
    const struct watched *there = seen->other == ENDS_NOBODY ? NULL : agent->watched[seen->other];
    if (there && there->generation == seen->other_generation)
        return there;
    if (seen->other != ENDS_NOBODY)
        seen->alone = agent->flows->looked;
    seen->other = other_end(agent, flow, seen);
    there = seen->other == ENDS_NOBODY ? NULL : agent->watched[seen->other];
    seen->other_generation = there ? there->generation : 0;
    return there;
}

/* ---- into the graph ---- */

/* Is what this replica does for the first time new to its service? */
static bool has_learned(const struct flows *flows, const struct watched *watched)
{
    return watched->service->mode == MODE_DETECT && !watched->learns_start &&
           clock_monotonic() > flows->known_until;
}

bool flows_judge(const struct agent *agent, const struct watched *watched)
{
    return agent->flows && has_learned(agent->flows, watched);
}

static enum graph_transport transport_of(const struct flow *flow)
{
    switch (flow->key.transport) {
    case IPPROTO_TCP:
        return GRAPH_TCP;
    case IPPROTO_UDP:
        return GRAPH_UDP;
    default:
        return GRAPH_UNIX;
    }
}

/*
 * What the flow adds to the graph. A connection between watched replicas counts where it is
 * answered: a call that nobody answers is in the graph with a count of 0. Datagrams and unix
 * sockets count where they are called.
 */
static struct graph_flow edge_of(struct flows *flows, const struct flow *flow,
                                 const struct watched *here, const struct watched *there,
                                 const struct flow_seen *seen)
{
    bool calls = flow->key.role == FLOW_CALLS;
    bool counts = !there || calls == (flow->key.transport != IPPROTO_TCP);
    size_t mine = graph_service(flows->graph, here->service->name);
    size_t others = there ? graph_service(flows->graph, there->service->name) : GRAPH_OUTSIDE;
    return (struct graph_flow){
        .from = calls ? mine : others,
        .to = calls ? others : mine,
        .transport = transport_of(flow),
        .port = flow->key.port,
        .novel = calls || !there ? seen->novel : has_learned(flows, there),
        .first = clock_wall(flow->value.first),
        .last = clock_wall(flow->value.last),
        .count =
            counts && flow->value.count > seen->counted ? flow->value.count - seen->counted : 0,
    };
}

/* Was a service at its other end when it was noted last? */
static bool is_with_service(const struct flows *flows, const struct flow_seen *seen)
{
    const struct graph_flow *edge =
        seen->edge == SIZE_MAX ? NULL : graph_flow(flows->graph, seen->edge);
    return edge && edge->from != GRAPH_OUTSIDE && edge->to != GRAPH_OUTSIDE;
}

/* A peer that nobody knows may yet turn out to be a replica that is being recognised; when it does
 * not, it is outside. */
static void note(struct agent *agent, const struct flow *flow)
{
    struct flows *flows = agent->flows;
    const struct watched *here = watched_by(agent, &flow->key);
    struct flow_seen *seen = flow_seen(&flows->seen, &flow->key);
    if (!seen->looked) {
        seen->novel = has_learned(flows, here);
        seen->alone = flows->looked;
    }
    seen->looked = true;
    const struct watched *there = find_other(agent, flow, seen);
    if (there && !there->service)
        there = NULL;
    if (there == here || (!there && (ends_is_loopback(flow->key.peer) || is_fresh(flows, seen))))
        return;
    if (!there && flow->value.count == seen->counted && is_with_service(flows, seen))
        return; /* who was there has gone, and nobody has come since: nothing new to note */
    const struct graph_flow edge = edge_of(flows, flow, here, there, seen);
    size_t known = graph_flows(flows->graph);
    bool moved = seen->edge != SIZE_MAX; /* who was called has gone: that is no new call */
    seen->counted = flow->value.count;
    seen->edge = graph_note(flows->graph, &edge);
    if (seen->edge == known && edge.novel && !moved && edge.from != GRAPH_OUTSIDE &&
        edge.from != edge.to)
        flow_fresh_add(flows, known);
}

void flows_look(struct agent *agent)
{
    struct flows *flows = agent->flows;
    if (!flows)
        return;
    flows->count = 0;
    flows->told = false;
    flows->looked = clock_monotonic();
    probe_flows_each(agent->probe, collect, flows);
    write_book(agent);
    for (size_t i = 0; i < flows->count; i++)
        if (flows->now[i].key.role != FLOW_LISTENS && watched_by(agent, &flows->now[i].key))
            note(agent, &flows->now[i]);
    flow_seen_forget(&flows->seen, agent->probe);
}

static void save(struct flows *flows)
{
    struct error err;
    if (graph_save(flows->graph, flows->path, &err) < 0)
        log_warn("%s", err.text);
}

void flows_accept(struct flows *flows, const size_t *accepted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        graph_accept(flows->graph, accepted[i]);
    if (count > 0)
        save(flows);
}

/* Walks through the sockets that are open: at once for a replica that ran already, now and then for
 * a name that nobody is known to be bound to. */
static void adopt(struct agent *agent, uint64_t now)
{
    struct flows *flows = agent->flows;
    struct error err;
    if (!flows->adopt && !(flows->walk && clock_passed(now, flows->adopted) > LOOK_EVERY))
        return;
    if (probe_flows_adopt(agent->probe, &err) < 0)
        log_warn("%s", err.text);
    flows->adopt = flows->walk = false;
    flows->told = true;
    flows->adopted = now;
}

bool flows_tick(struct agent *agent, uint64_t now)
{
    struct flows *flows = agent->flows;
    if (flows)
        adopt(agent, now);
    if (!flows || (!flows->told && clock_passed(now, flows->looked) < LOOK_EVERY))
        return false;
    flows_look(agent);
    flow_fresh_tell(agent, now);
    if (clock_passed(now, flows->saved) > SAVE_EVERY) {
        flows->saved = now;
        save(flows);
    }
    return true;
}

void flows_told(struct flows *flows)
{
    flows->told = true;
}

void flows_adopt(struct flows *flows)
{
    flows->adopt = flows->told = true;
}

struct graph *flows_graph(struct flows *flows)
{
    return flows->graph;
}

/* ---- the facts of an alert ---- */

/* The flows of a replica since then; in the first round the new ones, in the second the others. */
static void add_facts(const struct agent *agent, const struct watched *watched, uint64_t since,
                      bool novel, json_t *facts)
{
    const struct flows *flows = agent->flows;
    for (size_t i = 0; i < flows->count && json_array_size(facts) < FLOW_FACTS; i++) {
        const struct flow *flow = &flows->now[i];
        if (flow->key.replica != watched->index || flow->key.generation != watched->generation ||
            flow->key.role == FLOW_LISTENS || flow->value.last < since)
            continue;
        const struct flow_seen *seen = flow_seen_find(&flows->seen, &flow->key);
        const struct graph_flow *edge =
            seen && seen->edge != SIZE_MAX ? graph_flow(flows->graph, seen->edge) : NULL;
        if (edge && graph_is_new(edge, clock_realtime()) == novel)
            json_array_append_new(facts, flow_json(flow, flows->graph, edge));
    }
}

json_t *flows_facts(const struct agent *agent, const struct watched *watched, uint64_t since)
{
    json_t *facts = json_array();
    if (!agent->flows)
        return facts;
    add_facts(agent, watched, since, true, facts);
    add_facts(agent, watched, since, false, facts);
    return facts;
}

/* ---- its life ---- */

static bool has_profiles(const char *state_dir)
{
    autofree char *pattern = NULL;
    glob_t found;
    if (asprintf(&pattern, "%s/profiles/*", state_dir) < 0)
        memory_must(NULL);
    bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
    globfree(&found);
    return any;
}

struct flows *flows_new(const char *state_dir)
{
    struct error err;
    struct flows *flows = memory_must(calloc(1, sizeof *flows));
    flows->graph = graph_new();
    flows->ends = ends_new();
    flows->saved = clock_monotonic();
    if (asprintf(&flows->path, "%s/flows.json", state_dir) < 0)
        memory_must(NULL);
    /* Profiles from before flows were kept: what is met first is taken for known. */
    if (access(flows->path, F_OK) != 0 && has_profiles(state_dir))
        flows->known_until = clock_monotonic() + GRACE;
    if (graph_load(flows->graph, flows->path, &err) < 0)
        log_warn("%s; flows are learned anew", err.text);
    return flows;
}

void flows_free(struct flows *flows)
{
    if (!flows)
        return;
    save(flows);
    graph_free(flows->graph);
    ends_free(flows->ends);
    flow_seen_free(&flows->seen);
    free(flows->now);
    free(flows->path);
    free(flows);
}
