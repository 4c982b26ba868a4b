/*
 * Incidents: alerts of several services that belong together, with where the intruder came in and
 * which way it went. Times are CLOCK_REALTIME nanoseconds.
 */
#ifndef SKINK_INCIDENT_INCIDENT_H
#define SKINK_INCIDENT_INCIDENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "incident/graph.h"

#define INCIDENT_WINDOW                                                              \
    600000000000ULL         /* how long what happened may still lead to what happens \
                             */
#define INCIDENTS_KEPT  64  /* the latest ones */
#define INCIDENT_ALERTS 256 /* that one incident tells; it counts all */
#define INCIDENT_GROWTH 24  /* moments of an alert's growth that it keeps */

/* What an incident needs to know of an alert, at its first telling and at every later one. */
struct incident_alert {
    const char *id, *service, *replica, *message;
    const char *on_behalf_of; /* the only service on whose connections it was done; NULL: unknown */
    uint64_t first, last;     /* mismatches */
    double score;             /* incident_score */
    uint64_t novelties;       /* of which it knows by now */
    bool open;
};

/*
 * How likely an alert is to be no false one, 0 to 1: it grows with how far the threshold was passed
 * and with how much was new; a fact says as much as 16 patterns. Alerts about losses, and from
 * incomplete profiles, say less.
 */
double incident_score(uint32_t score, uint32_t threshold, uint64_t novelties, uint64_t facts,
                      bool loss, bool complete);

struct incident;
struct incidents;

/* graph is borrowed. */
struct incidents *incidents_new(const struct graph *graph);
void incidents_free(struct incidents *incidents);

/*
 * Files an alert: under the incident that has it already; else under an open one in whose window of
 * influence it falls and with one of whose services its own is linked; else under a new one.
 * service: of the graph. The incident is valid until the next call.
 */
const struct incident *incidents_note(struct incidents *incidents,
                                      const struct incident_alert *alert, size_t service);

/* The alert was taken for normal by a person: it is told, but says nothing of an intruder. The
 * incident that has it; NULL: none has. */
const struct incident *incidents_accept(struct incidents *incidents, const char *alert);

/* The next incident that has ended by now, which is closed by this; NULL when there is none. */
const struct incident *incidents_close(struct incidents *incidents, uint64_t now);

/* The open incidents, counted from 0 on; NULL behind the last. */
const struct incident *incidents_open_one(const struct incidents *incidents, size_t number);

/* The incident as docs/incidents.md describes it, ranked and with its path. New reference. */
json_t *incident_json(const struct incident *incident, const struct graph *graph, uint64_t now);

/* An incident drawn, from what incident_json returned. Caller frees. */
char *incident_svg(const json_t *incident);

/* A page with the drawing and the story. Caller frees. */
char *incident_html(const json_t *incident);

#endif
