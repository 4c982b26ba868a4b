/* The service graph as JSON, and its file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "incident/graph.h"

static json_t *time_json(uint64_t time)
{
    char text[CLOCK_TEXT];
    return json_string(clock_format(time, text));
}

json_t *graph_flow_json(const struct graph *graph, const struct graph_flow *flow, uint64_t now)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:b,s:o,s:o,s:I}", "from", graph_name(graph, flow->from),
                     "to", graph_name(graph, flow->to), "transport",
                     graph_transport_name(flow->transport), "port", (int)flow->port, "new",
                     graph_is_new(flow, now), "first_seen", time_json(flow->first), "last_seen",
                     time_json(flow->last), "count", (json_int_t)flow->count);
}

/* As the file keeps it: times as numbers, and whether it was ever new. */
static json_t *kept_json(const struct graph *graph, const struct graph_flow *flow)
{
    return json_pack("{s:s,s:s,s:i,s:i,s:b,s:I,s:I,s:I}", "from", graph_name(graph, flow->from),
                     "to", graph_name(graph, flow->to), "transport", (int)flow->transport, "port",
                     (int)flow->port, "novel", flow->novel, "first", (json_int_t)flow->first,
                     "last", (json_int_t)flow->last, "count", (json_int_t)flow->count);
}

int graph_save(const struct graph *graph, const char *path, struct error *err)
{
    autofree char *next = NULL;
    json_t *flows = json_array();
    for (size_t i = 0; i < graph_flows(graph); i++)
        json_array_append_new(flows, kept_json(graph, graph_flow(graph, i)));
    json_t *whole = json_pack("{s:i,s:o}", "version", 1, "flows", flows);
    if (asprintf(&next, "%s.new", path) < 0)
        memory_must(NULL);
    int failed = json_dump_file(whole, next, JSON_COMPACT);
    json_decref(whole);
    if (failed || rename(next, path) != 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot write the flows to %s", path);
    return 0;
}

static int read_flow(struct graph *graph, const json_t *kept)
{
    const char *from;
    const char *to;
    int transport, port, novel;
    json_int_t first, last, count;
    if (json_unpack((json_t *)kept, "{s:s,s:s,s:i,s:i,s:b,s:I,s:I,s:I}", "from", &from, "to", &to,
                    "transport", &transport, "port", &port, "novel", &novel, "first", &first,
                    "last", &last, "count", &count) != 0 ||
        transport < GRAPH_TCP || transport > GRAPH_UNIX || port < 0 || port > UINT16_MAX ||
        first < 0 || last < first || count < 0)
        return -1;
    const struct graph_flow flow = {
        .from = graph_service(graph, from),
        .to = graph_service(graph, to),
        .transport = (enum graph_transport)transport,
        .port = (uint16_t)port,
        .novel = novel,
        .first = (uint64_t)first,
        .last = (uint64_t)last,
        .count = (uint64_t)count,
    };
    graph_note(graph, &flow);
    return 0;
}

int graph_load(struct graph *graph, const char *path, struct error *err)
{
    json_error_t why;
    size_t i;
    const json_t *kept;
    autofile FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return 0;
    if (!file)
        return error_set(err, EXIT_USAGE, errno, "cannot read the flows of %s", path);
    json_t *whole = json_loadf(file, 0, &why);
    const json_t *flows = json_object_get(whole, "flows");
    int failed = 0;
    json_array_foreach (flows, i, kept)
        failed |= read_flow(graph, kept);
    failed |= !json_is_array(flows);
    json_decref(whole);
    return failed ? error_set(err, EXIT_USAGE, 0, "%s: not a whole file of flows", path) : 0;
}
