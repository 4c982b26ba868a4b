/* Incidents as the daemon keeps them: filed from its alerts, retold when they change, remembered in
 * the state directory. */
#include <stdlib.h>
#include <string.h>

#include "agent/alert_file.h"
#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "incident/incident.h"

/* The stories of incidents, in their latest state. */
struct story_book {
    struct graph *graph; /* of its own where flows are switched off, else theirs */
    struct incidents *incidents;
    struct alert_file *file;
    struct sealed *sealed;
    json_t *story[INCIDENTS_KEPT]; /* a ring by first appearance */
    uint64_t count;
};

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static json_t **find(struct story_book *book, const char *id)
{
    for (size_t i = 0; i < INCIDENTS_KEPT && i < book->count; i++)
        if (strcmp(text_of(book->story[i], "id"), id) == 0)
            return &book->story[i];
    return NULL;
}

/* Keeps the story, which it takes over, in place of the one before it. */
static void keep(struct story_book *book, json_t *story)
{
    json_t **place = find(book, text_of(story, "id"));
    if (!place)
        place = &book->story[book->count++ % INCIDENTS_KEPT];
    json_decref(*place);
    *place = story;
}

/* ---- the file ---- */

/* Nobody follows an incident any more that was open when the daemon ended. */
static void recall(struct story_book *book, const char *path)
{
    autofile FILE *file = fopen(path, "re");
    autofree char *line = NULL;
    size_t size = 0;
    while (file && getline(&line, &size, file) > 0) {
        json_t *story = json_loads(line, 0, NULL);
        if (strcmp(text_of(story, "type"), "incident") == 0 && *text_of(story, "id")) {
            json_object_set_new(story, "state", json_string("closed"));
            keep(book, story);
        } else {
            json_decref(story);
        }
    }
}

int incidents_open(struct agent *agent, struct error *err)
{
    autofree char *path = NULL;
    struct story_book *book = memory_must(calloc(1, sizeof *book));
    agent->stories = book;
    if (asprintf(&path, "%s/incidents.jsonl", agent->config->state_dir) < 0)
        memory_must(NULL);
    recall(book, path);
    book->graph = agent->flows ? flows_graph(agent->flows) : graph_new();
    book->incidents = incidents_new(book->graph);
    book->sealed = agent->sealed;
    book->file = alert_file_open(path, err);
    return book->file ? 0 : -1;
}

void incidents_shut(struct agent *agent)
{
    struct story_book *book = agent->stories;
    if (!book)
        return;
    for (size_t i = 0; i < INCIDENTS_KEPT; i++)
        json_decref(book->story[i]);
    incidents_free(book->incidents);
    if (!agent->flows)
        graph_free(book->graph);
    alert_file_close(book->file);
    free(book);
}

/* ---- telling ---- */

/* Is there anything that who read the story before would want to know? */
static bool differs(const json_t *story, const json_t *before)
{
    return !before || strcmp(text_of(story, "state"), text_of(before, "state")) != 0 ||
           strcmp(text_of(story, "message"), text_of(before, "message")) != 0 ||
           json_array_size(json_object_get(story, "alerts")) !=
               json_array_size(json_object_get(before, "alerts"));
}

static void write_down(struct story_book *book, const json_t *story)
{
    autofree char *line = NULL;
    autofree char *text = json_dumps(story, JSON_COMPACT);
    if (!text || asprintf(&line, "%s\n", text) < 0)
        memory_must(NULL);
    alert_file_write(book->file, line);
    sealed_write(book->sealed, "incident", story);
}

static void retell(struct story_book *book, const struct incident *incident)
{
    json_t *story = incident_json(incident, book->graph, clock_realtime());
    json_t **before = find(book, text_of(story, "id"));
    if (differs(story, before ? *before : NULL)) {
        write_down(book, story);
        log_info("incident %s, %s: %s", text_of(story, "id"), text_of(story, "state"),
                 text_of(story, "message"));
    }
    keep(book, story);
}

void incidents_follow(struct agent *agent, const struct watched *watched, const struct alert *alert,
                      const json_t *told)
{
    struct story_book *book = agent->stories;
    const struct incident_alert note = {
        .id = text_of(told, "id"),
        .service = watched->service->name,
        .replica = watched->workload.name,
        .message = text_of(told, "message"),
        .on_behalf_of = alert_behalf(alert),
        .first = clock_wall(alert_first(alert)),
        .last = clock_wall(alert_last(alert)),
        .score = alert_belief(told),
        .novelties = (uint64_t)json_integer_value(json_object_get(told, "novelties")),
        .open = strcmp(text_of(told, "state"), "closed") != 0,
    };
    tolerance_note(agent, watched, &note);
    size_t service = graph_service(book->graph, note.service);
    retell(book, incidents_note(book->incidents, &note, service));
}

void incidents_follow_accepted(struct agent *agent, const char *alert)
{
    const struct incident *incident = incidents_accept(agent->stories->incidents, alert);
    if (incident)
        retell(agent->stories, incident);
}

void incidents_tick(struct agent *agent, bool flows_looked)
{
    struct story_book *book = agent->stories;
    const struct incident *incident;
    while ((incident = incidents_close(book->incidents, clock_realtime())))
        retell(book, incident);
    for (size_t i = 0; flows_looked && (incident = incidents_open_one(book->incidents, i)); i++)
        retell(book, incident);
}

struct graph *incidents_graph(const struct agent *agent)
{
    return agent->stories->graph;
}

json_t *incidents_answer(const struct agent *agent)
{
    const struct story_book *book = agent->stories;
    json_t *incidents = json_array();
    uint64_t oldest = book->count > INCIDENTS_KEPT ? book->count - INCIDENTS_KEPT : 0;
    for (uint64_t i = oldest; i < book->count; i++)
        json_array_append(incidents, book->story[i % INCIDENTS_KEPT]);
    return json_pack("{s:b,s:o}", "ok", 1, "incidents", incidents);
}
