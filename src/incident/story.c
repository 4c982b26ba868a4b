/* An incident told: ranked, with its path, as one object. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "incident/database.h"
#include "incident/parts.h"

#define RANKED 10 /* services that the ranking names */

static void take_alerts(struct story *story, const struct incident *incident)
{
    for (size_t i = 0; i < incident->alerts; i++) {
        const struct filed *alert = &incident->alert[i];
        struct rank_service *service = &story->service[alert->service];
        if (alert->accepted)
            continue;
        story->alarmed = true;
        if (!service->alarmed || alert->first < service->time)
            service->time = alert->first;
        if (alert->score > service->score)
            service->score = alert->score;
        service->alarmed = true;
        service->alarms++;
    }
}

/* Did an alert's replica do its foreign act on a connection of this flow? */
static bool carried(const struct incident *incident, const struct graph *graph,
                    const struct graph_flow *flow)
{
    for (size_t i = 0; i < incident->alerts; i++) {
        const struct filed *alert = &incident->alert[i];
        if (alert->service == flow->to && alert->on_behalf_of && !alert->accepted &&
            strcmp(alert->on_behalf_of, graph_name(graph, flow->from)) == 0)
            return true;
    }
    return false;
}

/* Was the service called from outside, and answered, when it could still matter? Not once long ago,
 * by what looked whether it had come up. */
static bool from_outside(const struct incident *incident, const struct graph_flow *flow)
{
    return flow->from == GRAPH_OUTSIDE && flow->to != GRAPH_OUTSIDE && flow->count > 0 &&
           clock_passed(incident->first, flow->last) < INCIDENT_WINDOW;
}

/* Flows with the outside say who can be reached from there, and are no way to another service. */
static void take_flows(struct story *story, const struct incident *incident,
                       const struct graph *graph, uint64_t now)
{
    for (size_t i = 0; i < graph_flows(graph); i++) {
        const struct graph_flow *flow = graph_flow(graph, i);
        if (from_outside(incident, flow))
            story->service[flow->to].outside = true;
        if (flow->from == GRAPH_OUTSIDE || flow->to == GRAPH_OUTSIDE)
            continue;
        story->flow[story->given.flows++] =
            (struct rank_flow){.from = flow->from,
                               .to = flow->to,
                               .first = flow->first,
                               .last = flow->last,
                               .novel = graph_is_new(flow, now),
                               .carried = carried(incident, graph, flow),
                               .database = database_port(flow->port)};
    }
}

static size_t likeliest(const struct rank_case *given, const double *probability)
{
    size_t best = RANK_NOBODY;
    for (size_t i = 0; i < given->services; i++)
        if (i != GRAPH_OUTSIDE && (best == RANK_NOBODY || probability[i] > probability[best]))
            best = i;
    return best;
}

void story_tell(struct story *story, const struct incident *incident, const struct graph *graph,
                uint64_t now)
{
    size_t n = graph_services(graph);
    *story = (struct story){
        .service = memory_must(calloc(n + 1, sizeof *story->service)),
        .flow = memory_must(calloc(graph_flows(graph) + 1, sizeof *story->flow)),
        .probability = memory_must(calloc(n + 1, sizeof *story->probability)),
        .step = memory_must(calloc(n + 1, sizeof *story->step)),
    };
    story->given = (struct rank_case){story->service, n, story->flow, 0};
    take_alerts(story, incident);
    take_flows(story, incident, graph, now);
    if (story->alarmed)
        rankers[0].rank(&story->given, story->probability);
    else
        story->probability[n] = 1; /* false alarms, as a person says */
    story->entry = likeliest(&story->given, story->probability);
    if (story->entry != RANK_NOBODY && story->probability[story->entry] > story->probability[n])
        rank_path(&story->given, story->entry, story->step);
    else
        story->entry = RANK_NOBODY;
}

void story_end(struct story *story)
{
    free(story->service);
    free(story->flow);
    free(story->probability);
    free(story->step);
}

/* ---- JSON ---- */

static json_t *time_json(uint64_t time)
{
    char text[CLOCK_TEXT];
    return json_string(clock_format(time, text));
}

/* The services, the likeliest entry first. */
static json_t *ranking_json(const struct story *story, const struct graph *graph)
{
    size_t n = story->given.services;
    json_t *ranking = json_array();
    autofree bool *told = memory_must(calloc(n + 1, sizeof *told));
    for (size_t rank = 0; rank < RANKED; rank++) {
        size_t best = RANK_NOBODY;
        for (size_t i = 0; i < n; i++)
            if (!told[i] &&
                (best == RANK_NOBODY || story->probability[i] > story->probability[best]))
                best = i;
        if (best == RANK_NOBODY)
            break;
        told[best] = true;
        json_array_append_new(ranking,
                              json_pack("{s:s,s:f,s:b,s:b}", "service", graph_name(graph, best),
                                        "probability", story->probability[best], "alarmed",
                                        story->service[best].alarmed, "outside",
                                        story->service[best].outside));
    }
    return ranking;
}

/* The flow that the step most likely took: a new one rather than a known one. */
static const struct graph_flow *flow_of_step(const struct graph *graph, size_t from, size_t to,
                                             uint64_t now)
{
    const struct graph_flow *best = NULL;
    for (size_t i = 0; i < graph_flows(graph); i++) {
        const struct graph_flow *flow = graph_flow(graph, i);
        if (flow->from == from && flow->to == to &&
            (!best || graph_is_new(flow, now) > graph_is_new(best, now)))
            best = flow;
    }
    return best;
}

static json_t *step_json(const struct story *story, const struct graph *graph, size_t to,
                         uint64_t now)
{
    size_t from = story->step[to].from;
    const struct graph_flow *flow = flow_of_step(graph, from, to, now);
    return json_pack("{s:s,s:s,s:f,s:b,s:o}", "from", graph_name(graph, from), "to",
                     graph_name(graph, to), "belief", story->step[to].belief, "alarmed",
                     story->service[to].alarmed, "flow",
                     flow ? graph_flow_json(graph, flow, now) : json_null());
}

/* Steps in the order in which one leads to the next. */
static void add_steps(const struct story *story, const struct graph *graph, size_t from,
                      uint64_t now, json_t *path)
{
    for (size_t to = 0; to < story->given.services; to++)
        if (story->step[to].from == from) {
            json_array_append_new(path, step_json(story, graph, to, now));
            add_steps(story, graph, to, now, path);
        }
}

/* The moments of an alert's growth, in seconds since the incident began. */
static json_t *growth_json(const struct filed *alert, uint64_t began)
{
    json_t *growth = json_array();
    for (size_t i = 0; i < alert->grown; i++) {
        const struct growth *at = &alert->growth[i];
        json_array_append_new(growth,
                              json_pack("{s:f,s:f,s:I}", "after_s",
                                        (double)clock_passed(at->time, began) / NS_PER_S, "score",
                                        at->score, "novelties", (json_int_t)at->novelties));
    }
    return growth;
}

static json_t *alerts_json(const struct incident *incident, const struct graph *graph)
{
    json_t *alerts = json_array();
    for (size_t i = 0; i < incident->alerts && i < INCIDENT_ALERTS; i++) {
        const struct filed *alert = &incident->alert[i];
        json_array_append_new(
            alerts,
            json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:f,s:s?,s:o,s:s}", "id", alert->id, "service",
                      graph_name(graph, alert->service), "replica", alert->replica, "state",
                      alert->accepted ? "accepted"
                      : alert->open   ? "open"
                                      : "closed",
                      "first_seen", time_json(alert->first), "last_seen", time_json(alert->last),
                      "score", alert->score, "on_behalf_of", alert->on_behalf_of, "growth",
                      growth_json(alert, incident->first), "message", alert->message));
    }
    return alerts;
}

static json_t *flows_json(const struct graph *graph, uint64_t now)
{
    json_t *flows = json_array();
    for (size_t i = 0; i < graph_flows(graph); i++)
        json_array_append_new(flows, graph_flow_json(graph, graph_flow(graph, i), now));
    return flows;
}

/* "the intruder came in by web (83 %) and went on to cart, db" */
static json_t *message_json(const struct story *story, const struct graph *graph,
                            const json_t *path)
{
    char *text = NULL;
    size_t size, i;
    const json_t *step;
    FILE *out = memory_must(open_memstream(&text, &size));
    if (!story->alarmed)
        fputs("false alarms: all of its alerts were accepted as normal", out);
    else if (story->entry == RANK_NOBODY)
        fprintf(out, "no common entry: false alarms, or separate causes (%.0f %%)",
                100 * story->probability[story->given.services]);
    else
        fprintf(out, "the intruder came in by %s (%.0f %%)", graph_name(graph, story->entry),
                100 * story->probability[story->entry]);
    json_array_foreach (path, i, step)
        fprintf(out, "%s%s", i ? ", " : " and went on to ",
                json_string_value(json_object_get(step, "to")));
    fclose(out);
    json_t *message = json_string(memory_must(text));
    free(text);
    return message;
}

json_t *incident_json(const struct incident *incident, const struct graph *graph, uint64_t now)
{
    struct story story;
    json_t *path = json_array();
    story_tell(&story, incident, graph, now);
    if (story.entry != RANK_NOBODY)
        add_steps(&story, graph, story.entry, now, path);
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s?,s:f,s:f,s:o,s:o,s:o,s:o}", "type", "incident", "id",
        incident->id, "state", incident->closed ? "closed" : "open", "time", time_json(now),
        "first_seen", time_json(incident->first), "last_seen", time_json(incident->last), "message",
        message_json(&story, graph, path), "entry",
        story.entry == RANK_NOBODY ? NULL : graph_name(graph, story.entry), "probability",
        story.entry == RANK_NOBODY ? 0.0 : story.probability[story.entry], "no_common_entry",
        story.probability[story.given.services], "ranking", ranking_json(&story, graph), "path",
        path, "alerts", alerts_json(incident, graph), "flows", flows_json(graph, now));
    story_end(&story);
    return json;
}
