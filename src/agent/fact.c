#include "agent/fact.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "profile/accesses.h"
#include "trace/call.h"

static void take_command(struct fact *fact, const char command[PROBE_COMMAND])
{
    memcpy(fact->command, command, sizeof fact->command);
    fact->command[sizeof fact->command - 1] = '\0';
}

void fact_of_access(struct fact *fact, const struct access_event *event)
{
    *fact = (struct fact){
        .kind = event->kind == ACCESS_RUN ? FACT_EXEC : FACT_FILE,
        .time = event->head.time,
        .pid = event->head.pid,
        .tid = event->head.tid,
        .access = event->kind,
        .refused = event->flags & REPORT_REFUSED,
        .code = event->code,
        .fingerprint = event->fingerprint,
    };
    take_command(fact, event->head.command);
    memccpy(fact->path, event->path, '\0', sizeof fact->path - 1);
}

void fact_of_flow(struct fact *fact, const struct flow_value *value, const struct graph *graph,
                  size_t flow)
{
    const struct graph_flow *called = graph_flow(graph, flow);
    const char *transport = graph_transport_name(called->transport);
    *fact = (struct fact){.kind = FACT_FLOW,
                          .time = value->first,
                          .pid = value->pid,
                          .tid = value->pid,
                          .flow = flow};
    take_command(fact, value->command);
    snprintf(fact->peer, sizeof fact->peer, "%s",
             called->to == GRAPH_OUTSIDE ? "(outside)" : graph_name(graph, called->to));
    if (called->port)
        snprintf(fact->how, sizeof fact->how, "%s port %u", transport, called->port);
    else
        snprintf(fact->how, sizeof fact->how, "%s", transport);
}

void fact_of_vote(struct fact *fact, pid_t pid, const char *request, const char *why)
{
    *fact = (struct fact){
        .kind = FACT_VOTE, .time = clock_monotonic(), .pid = (uint32_t)pid, .tid = (uint32_t)pid};
    snprintf(fact->peer, sizeof fact->peer, "%s", request);
    snprintf(fact->how, sizeof fact->how, "%s", why);
}

const char *fact_detector(enum fact_kind kind)
{
    static const char *const NAMES[FACT_KINDS] = {"file", "exec", "flow", "vote"};
    return NAMES[kind];
}

const char *fact_text(const struct fact *fact, char text[FACT_TEXT])
{
    static const char *const DID[ACCESS_KINDS] = {"read", "wrote to", "emptied or cut", "changed",
                                                  "ran"};
    if (fact->kind == FACT_FLOW)
        snprintf(text, FACT_TEXT, "called %s (%s)", fact->peer, fact->how);
    else if (fact->kind == FACT_VOTE)
        snprintf(text, FACT_TEXT, "was outvoted on %s: %s", fact->peer, fact->how);
    else
        snprintf(text, FACT_TEXT, "%s%s %s", fact->refused ? "was refused: " : "",
                 DID[fact->access], fact->path);
    return text;
}

json_t *fact_json(const struct fact *fact, uint64_t count)
{
    char time[CLOCK_TEXT], name[CALL_NAME];
    json_t *json =
        json_pack("{s:s,s:s,s:I,s:I,s:o,s:I}", "kind", fact_detector(fact->kind), "time",
                  clock_format(clock_wall(fact->time), time), "pid", (json_int_t)fact->pid, "tid",
                  (json_int_t)fact->tid, "command", text_json(fact->command, strlen(fact->command)),
                  "count", (json_int_t)count);
    if (fact->kind == FACT_FLOW) {
        json_object_set_new(json, "peer", text_json(fact->peer, strlen(fact->peer)));
        json_object_set_new(json, "how", json_string(fact->how));
        return json;
    }
    if (fact->kind == FACT_VOTE) {
        json_object_set_new(json, "request", text_json(fact->peer, strlen(fact->peer)));
        json_object_set_new(json, "why", text_json(fact->how, strlen(fact->how)));
        return json;
    }
    json_object_set_new(json, "old", json_boolean(fact->old));
    json_object_set_new(json, "refused", json_boolean(fact->refused));
    json_object_set_new(json, "access", json_string(access_kind_name(fact->access)));
    json_object_set_new(json, "path", text_json(fact->path, strlen(fact->path)));
    json_object_set_new(json, "call", json_string(call_name((uint16_t)fact->code, name)));
    return json;
}
