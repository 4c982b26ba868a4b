#include "agent/flow_seen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

static int compare(const void *a, const void *b)
{
    const struct flow_seen *x = a;
    const struct flow_seen *y = b;
    int order = memcmp(x->key.peer, y->key.peer, sizeof x->key.peer);
    if (order == 0)
        order = (x->key.replica > y->key.replica) - (x->key.replica < y->key.replica);
    if (order == 0)
        order = (x->key.generation > y->key.generation) - (x->key.generation < y->key.generation);
    if (order == 0)
        order = (int)x->key.port - (int)y->key.port;
    if (order == 0)
        order = (int)x->key.transport - (int)y->key.transport;
    return order ? order : (int)x->key.role - (int)y->key.role;
}

struct flow_seen *flow_seen(void **tree, const struct flow_key *key)
{
    struct flow_seen wanted = {.key = *key};
    struct flow_seen **found = tfind(&wanted, tree, compare);
    if (found)
        return *found;
    struct flow_seen *made = memory_must(calloc(1, sizeof *made));
    *made = (struct flow_seen){.key = *key, .other = ENDS_NOBODY, .edge = SIZE_MAX};
    memory_must(tsearch(made, tree, compare));
    return made;
}

const struct flow_seen *flow_seen_find(void *const *tree, const struct flow_key *key)
{
    struct flow_seen wanted = {.key = *key};
    struct flow_seen **found = tfind(&wanted, tree, compare);
    return found ? *found : NULL;
}

/* What a walk over the tree has found to be of no use any more: a tree must not change while it is
 * walked, and a replica that ends may take FLOWS_EACH with it. */
struct gone {
    const struct probe *probe;
    struct flow_seen *first;
};

static void find_gone(const void *node, VISIT visit, void *context)
{
    struct flow_seen *seen = *(struct flow_seen *const *)node;
    struct gone *gone = context;
    if ((visit == postorder || visit == leaf) &&
        probe_replica(gone->probe, seen->key.replica)->generation != seen->key.generation) {
        seen->next_gone = gone->first;
        gone->first = seen;
    }
}

void flow_seen_forget(void **tree, const struct probe *probe)
{
    struct gone gone = {.probe = probe};
    twalk_r(*tree, find_gone, &gone);
    for (struct flow_seen *seen; (seen = gone.first); free(seen)) {
        gone.first = seen->next_gone;
        tdelete(seen, tree, compare);
    }
}

void flow_seen_free(void **tree)
{
    tdestroy(*tree, free);
    *tree = NULL;
}

/* "10.0.0.2" for ::ffff:10.0.0.2. */
static const char *address_text(const uint8_t address[16], char text[INET6_ADDRSTRLEN])
{
    struct in6_addr v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
    return text;
}

/* "/run/db.sock", "@abstract": what the name says to people. */
static json_t *name_json(const char name[FLOW_NAME])
{
    char text[FLOW_NAME];
    size_t length = FLOW_NAME;
    while (length > 0 && name[length - 1] == '\0')
        length--;
    for (size_t i = 0; i < length; i++)
        if ((text[i] = name[i]) == '\0')
            text[i] = '@';
    return text_json(text, length);
}

json_t *flow_json(const struct flow *flow, const struct graph *graph, const struct graph_flow *edge)
{
    char address[INET6_ADDRSTRLEN];
    json_t *json = graph_flow_json(graph, edge, clock_realtime());
    char text[CLOCK_TEXT];
    size_t length = strnlen(flow->value.command, PROBE_COMMAND);
    json_object_set_new(json, "peer",
                        flow->key.transport == FLOW_UNIX
                            ? name_json(flow->value.name)
                            : json_string(address_text(flow->key.peer, address)));
    json_object_set_new(json, "count", json_integer((json_int_t)flow->value.count));
    json_object_set_new(json, "first_seen",
                        json_string(clock_format(clock_wall(flow->value.first), text)));
    json_object_set_new(json, "last_seen",
                        json_string(clock_format(clock_wall(flow->value.last), text)));
    json_object_set_new(json, "pid", json_integer(flow->value.pid));
    json_object_set_new(json, "command", text_json(flow->value.command, length));
    return json;
}
