#include "cmd/incident_print.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/ask.h"
#include "cmd/terminal.h"
#include "incident/events.h"

#define EVENTS_SHOWN 24 /* the JSON has the others */
#define RANKS_SHOWN  5

static enum paint paint_of(const json_t *incident)
{
    return strcmp(ask_text(incident, "state"), "open") == 0 ? PAINT_RED : PAINT_DIM;
}

void incidents_print(const json_t *incidents, FILE *out)
{
    size_t i;
    const json_t *incident;
    json_array_foreach (incidents, i, incident) {
        size_t alerts = json_array_size(json_object_get(incident, "alerts"));
        fprintf(out, "%3zu  ", i + 1);
        terminal_print(out, PAINT_NONE, ask_text(incident, "first_seen"));
        fputs("  ", out);
        terminal_print(out, paint_of(incident), ask_text(incident, "state"));
        fprintf(out, "  %zu alert%s  ", alerts, alerts == 1 ? "" : "s");
        terminal_print(out, PAINT_BOLD, ask_text(incident, "message"));
        fputc('\n', out);
    }
}

/* ---- the time line ---- */

static void print_event(const struct incident_event *event, const char *label, FILE *out)
{
    if (event->alert)
        terminal_field(out, PAINT_RED, label, "%s  %s", event->time,
                       ask_text(event->alert, "message"));
    else
        terminal_field(out, PAINT_YELLOW, label, "%s  %s -> %s for the first time, %s port %lld",
                       event->time, ask_text(event->flow, "from"), ask_text(event->flow, "to"),
                       ask_text(event->flow, "transport"),
                       (long long)ask_number(event->flow, "port"));
}

static void print_events(const json_t *incident, FILE *out)
{
    size_t count;
    autofree struct incident_event *events = incident_events(incident, &count);
    for (size_t i = 0; i < count && i < EVENTS_SHOWN; i++)
        print_event(&events[i], i ? "" : "time line", out);
    if (count > EVENTS_SHOWN)
        terminal_field(out, PAINT_NONE, "", "and %zu more (--json)", count - EVENTS_SHOWN);
}

/* ---- the story ---- */

static void print_step(const json_t *step, const char *label, FILE *out)
{
    const json_t *flow = json_object_get(step, "flow");
    autofree char *how = NULL;
    if (json_is_object(flow) &&
        asprintf(&how, "%s port %lld, %s", ask_text(flow, "transport"),
                 (long long)ask_number(flow, "port"),
                 json_is_true(json_object_get(flow, "new")) ? "a new flow" : "a known call") < 0)
        memory_must(NULL);
    terminal_field(out, PAINT_NONE, label, "%s -> %s (%.0f %%): %s%s", ask_text(step, "from"),
                   ask_text(step, "to"), 100 * ask_real(step, "belief"),
                   how ? how : "no flow was seen",
                   json_is_true(json_object_get(step, "alarmed")) ? "" : "; raised no alert");
}

static void print_ranking(const json_t *incident, FILE *out)
{
    size_t i;
    const json_t *rank;
    json_array_foreach (json_object_get(incident, "ranking"), i, rank)
        if (i < RANKS_SHOWN)
            terminal_field(
                out, PAINT_NONE, i ? "" : "entry", "%5.1f %%  %s%s%s",
                100 * ask_real(rank, "probability"), ask_text(rank, "service"),
                json_is_true(json_object_get(rank, "outside")) ? ", called from outside" : "",
                json_is_true(json_object_get(rank, "alarmed")) ? "" : ", raised no alert");
    terminal_field(out, PAINT_DIM, "",
                   "%5.1f %%  no common entry: false alarms, or separate causes",
                   100 * ask_real(incident, "no_common_entry"));
}

static void print_evidence(const json_t *incident, FILE *out)
{
    size_t i;
    const json_t *alert;
    json_array_foreach (json_object_get(incident, "alerts"), i, alert) {
        bool known = json_is_string(json_object_get(alert, "on_behalf_of"));
        if (i < EVENTS_SHOWN)
            terminal_field(out, PAINT_NONE, i ? "" : "evidence",
                           "alert %s, %s: replica %s of %s, score %.2f%s%s", ask_text(alert, "id"),
                           ask_text(alert, "state"), ask_text(alert, "replica"),
                           ask_text(alert, "service"), ask_real(alert, "score"),
                           known ? ", done on a connection of " : "",
                           known ? ask_text(alert, "on_behalf_of") : "");
    }
}

void incident_print(const json_t *incident, FILE *out)
{
    size_t i;
    const json_t *step;
    terminal_print(out, PAINT_NONE, ask_text(incident, "time"));
    fputs("  ", out);
    terminal_print(out, paint_of(incident), ask_text(incident, "state"));
    fputs("  ", out);
    terminal_print(out, PAINT_BOLD, ask_text(incident, "message"));
    fputc('\n', out);
    terminal_field(out, PAINT_NONE, "incident", "%s, first seen %s, last seen %s",
                   ask_text(incident, "id"), ask_text(incident, "first_seen"),
                   ask_text(incident, "last_seen"));
    print_ranking(incident, out);
    json_array_foreach (json_object_get(incident, "path"), i, step)
        print_step(step, i ? "" : "path", out);
    print_events(incident, out);
    print_evidence(incident, out);
}
