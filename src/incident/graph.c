#include "incident/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char OUTSIDE[] = "(outside)";

struct graph {
    char (*name)[GRAPH_NAME];
    size_t services, service_room;
    struct graph_flow *flow;
    size_t flows, flow_room;
};

/* Room for one more of what is so big. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 16;
    return memory_must(reallocarray(array, *room, size));
}

struct graph *graph_new(void)
{
    return memory_must(calloc(1, sizeof(struct graph)));
}

void graph_free(struct graph *graph)
{
    if (!graph)
        return;
    free(graph->name);
    free(graph->flow);
    free(graph);
}

size_t graph_service(struct graph *graph, const char *name)
{
    size_t i = 0;
    if (strcmp(name, OUTSIDE) == 0)
        return GRAPH_OUTSIDE;
    while (i < graph->services && strcmp(graph->name[i], name) != 0)
        i++;
    if (i == graph->services) {
        graph->name = grow(graph->name, i, &graph->service_room, sizeof *graph->name);
        snprintf(graph->name[i], sizeof graph->name[i], "%s", name);
        graph->services++;
    }
    return i;
}

size_t graph_services(const struct graph *graph)
{
    return graph->services;
}

const char *graph_name(const struct graph *graph, size_t service)
{
    return service == GRAPH_OUTSIDE ? OUTSIDE : graph->name[service];
}

static bool same_flow(const struct graph_flow *a, const struct graph_flow *b)
{
    return a->from == b->from && a->to == b->to && a->transport == b->transport &&
           a->port == b->port;
}

size_t graph_note(struct graph *graph, const struct graph_flow *seen)
{
    size_t i = 0;
    while (i < graph->flows && !same_flow(&graph->flow[i], seen))
        i++;
    if (i == graph->flows) {
        graph->flow = grow(graph->flow, i, &graph->flow_room, sizeof *graph->flow);
        graph->flow[graph->flows++] = *seen;
        return i;
    }
    struct graph_flow *flow = &graph->flow[i];
    flow->count += seen->count;
    flow->first = seen->first < flow->first ? seen->first : flow->first;
    flow->last = seen->last > flow->last ? seen->last : flow->last;
    return i;
}

size_t graph_flows(const struct graph *graph)
{
    return graph->flows;
}

const struct graph_flow *graph_flow(const struct graph *graph, size_t flow)
{
    return &graph->flow[flow];
}

void graph_accept(struct graph *graph, size_t flow)
{
    graph->flow[flow].novel = false;
}

bool graph_is_new(const struct graph_flow *flow, uint64_t now)
{
    return flow->novel && (now < flow->first || now - flow->first < GRAPH_NEW_FOR);
}

/* Marks what can be reached from a service by calls, each round one call further. */
static bool reaches(const struct graph *graph, size_t from, size_t to)
{
    bool *reached = memory_must(calloc(graph->services, sizeof *reached));
    bool changed = true;
    reached[from] = true;
    while (changed) {
        changed = false;
        for (const struct graph_flow *f = graph->flow; f < graph->flow + graph->flows; f++) {
            bool inside = f->from != GRAPH_OUTSIDE && f->to != GRAPH_OUTSIDE;
            if (inside && reached[f->from] && !reached[f->to])
                reached[f->to] = changed = true;
        }
    }
    bool there = reached[to];
    free(reached);
    return there;
}

static bool has_flows(const struct graph *graph, size_t service)
{
    for (size_t i = 0; i < graph->flows; i++)
        if (graph->flow[i].from == service || graph->flow[i].to == service)
            return true;
    return false;
}

bool graph_linked(const struct graph *graph, size_t a, size_t b)
{
    return a == b || !has_flows(graph, a) || !has_flows(graph, b) || reaches(graph, a, b) ||
           reaches(graph, b, a);
}

const char *graph_transport_name(enum graph_transport transport)
{
    static const char *const NAMES[] = {"tcp", "udp", "unix"};
    return NAMES[transport];
}
