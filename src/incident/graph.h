/*
 * The service graph: which services there are, who calls whom, since when, and whether that was
 * known when the caller had been learned. Times are CLOCK_REALTIME nanoseconds.
 */
#ifndef SKINK_INCIDENT_GRAPH_H
#define SKINK_INCIDENT_GRAPH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define GRAPH_NAME    256
#define GRAPH_OUTSIDE SIZE_MAX /* as an end of a flow: what is not watched, "(outside)" */
#define GRAPH_NEW_FOR \
    86400000000000ULL /* a flow that nobody has objected to is known after a day */

enum graph_transport { GRAPH_TCP, GRAPH_UDP, GRAPH_UNIX };

/* Calls of one service to one port of another. */
struct graph_flow {
    size_t from, to; /* services, or GRAPH_OUTSIDE */
    enum graph_transport transport;
    uint16_t port; /* 0: unix */
    bool novel;    /* first seen when its caller had been learned */
    uint64_t first, last, count;
};

struct graph;

struct graph *graph_new(void);
void graph_free(struct graph *graph);

/* The index of a service, which is added when it is new. Indices stay as long as the graph. */
size_t graph_service(struct graph *graph, const char *name);
size_t graph_services(const struct graph *graph);
const char *graph_name(const struct graph *graph, size_t service);

/* Adds `seen` to the flow with its ends, transport and port: counts add up, times widen; novel
 * counts when there was none. Returns its index, which stays. */
size_t graph_note(struct graph *graph, const struct graph_flow *seen);
size_t graph_flows(const struct graph *graph);
const struct graph_flow *graph_flow(const struct graph *graph, size_t flow);

/* It was never new. */
void graph_accept(struct graph *graph, size_t flow);

/* Is the flow still to be taken for new at this time? */
bool graph_is_new(const struct graph_flow *flow, uint64_t now);

/*
 * May what happens in one have to do with what happens in the other: does a way of calls lead from
 * one to the other, in either direction, or is nothing known of the calls of one of them?
 */
bool graph_linked(const struct graph *graph, size_t a, size_t b);

/* "tcp", "udp", "unix". */
const char *graph_transport_name(enum graph_transport transport);

/* The flow as an object; new reference. */
json_t *graph_flow_json(const struct graph *graph, const struct graph_flow *flow, uint64_t now);

/* To a file and back. A file that is not there is no error: nothing is known yet. */
int graph_save(const struct graph *graph, const char *path, struct error *err);
int graph_load(struct graph *graph, const char *path, struct error *err);

#endif
