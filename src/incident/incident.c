/* Which alerts are one incident. */
#include "incident/incident.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "incident/parts.h"

#define NOVELTIES 16.0 /* as many new patterns halve the doubt; one new fact does, too */

struct incidents {
    const struct graph *graph;
    struct incident *kept[INCIDENTS_KEPT]; /* a ring */
    uint64_t count;
};

double incident_score(uint32_t score, uint32_t threshold, uint64_t novelties, uint64_t facts,
                      bool loss, bool complete)
{
    double passed = threshold ? (double)score / threshold : 0;
    double sure = loss ? 0.2 : 1 - exp2(-passed - (double)novelties / NOVELTIES - (double)facts);
    return complete ? sure : sure / 2;
}

struct incidents *incidents_new(const struct graph *graph)
{
    struct incidents *incidents = memory_must(calloc(1, sizeof *incidents));
    incidents->graph = graph;
    return incidents;
}

static void free_incident(struct incident *incident)
{
    if (!incident)
        return;
    for (size_t i = 0; i < incident->alerts; i++) {
        free(incident->alert[i].id);
        free(incident->alert[i].replica);
        free(incident->alert[i].message);
        free(incident->alert[i].on_behalf_of);
    }
    free(incident->alert);
    free(incident);
}

void incidents_free(struct incidents *incidents)
{
    if (!incidents)
        return;
    for (size_t i = 0; i < INCIDENTS_KEPT; i++)
        free_incident(incidents->kept[i]);
    free(incidents);
}

static struct filed *find(const struct incident *incident, const char *id)
{
    for (size_t i = 0; i < incident->alerts; i++)
        if (strcmp(incident->alert[i].id, id) == 0)
            return &incident->alert[i];
    return NULL;
}

/* Can what this alert is about have led to the other, or come from it? */
static bool influenced(const struct incident *incident, const struct graph *graph,
                       const struct incident_alert *alert, size_t service)
{
    if (incident->closed || clock_passed(alert->first, incident->last) > INCIDENT_WINDOW ||
        clock_passed(incident->first, alert->last) > INCIDENT_WINDOW)
        return false;
    for (size_t i = 0; i < incident->alerts; i++)
        if (!incident->alert[i].accepted &&
            graph_linked(graph, incident->alert[i].service, service))
            return true;
    return false;
}

static struct incident *new_incident(struct incidents *incidents)
{
    struct incident **place = &incidents->kept[incidents->count++ % INCIDENTS_KEPT];
    free_incident(*place);
    *place = memory_must(calloc(1, sizeof **place));
    snprintf((*place)->id, sizeof(*place)->id, "%" PRIx64 "-%" PRIu64, clock_realtime() / 1000,
             incidents->count);
    (*place)->first = UINT64_MAX;
    return *place;
}

/* The incident that has the alert already, else the latest that it falls under, else NULL. */
static struct incident *home_of(const struct incidents *incidents,
                                const struct incident_alert *alert, size_t service)
{
    struct incident *latest = NULL;
    for (size_t i = 0; i < INCIDENTS_KEPT; i++) {
        struct incident *incident = incidents->kept[i];
        if (incident && find(incident, alert->id))
            return incident;
        if (incident && influenced(incident, incidents->graph, alert, service) &&
            (!latest || incident->last > latest->last))
            latest = incident;
    }
    return latest;
}

/* Notes what is new of it. When there is no room, every second moment but the first makes some. */
static void grow(struct filed *filed, const struct incident_alert *alert)
{
    const struct growth now = {filed->grown ? alert->last : alert->first, alert->score,
                               alert->novelties};
    const struct growth *before = filed->grown ? &filed->growth[filed->grown - 1] : NULL;
    if (before && before->score == now.score && before->novelties == now.novelties)
        return;
    if (filed->grown == INCIDENT_GROWTH) {
        filed->grown = 0;
        for (size_t i = 0; i < INCIDENT_GROWTH; i += 2)
            filed->growth[filed->grown++] = filed->growth[i];
    }
    filed->growth[filed->grown++] = now;
}

static struct filed *file_away(struct incident *incident, const struct incident_alert *alert,
                               size_t service)
{
    struct filed *filed = find(incident, alert->id);
    if (filed) {
        free(filed->message);
    } else {
        incident->alert = memory_must(
            reallocarray(incident->alert, incident->alerts + 1, sizeof *incident->alert));
        filed = &incident->alert[incident->alerts++];
        *filed = (struct filed){0};
        filed->id = memory_must(strdup(alert->id));
        filed->replica = memory_must(strdup(alert->replica));
        filed->service = service;
    }
    filed->message = memory_must(strdup(alert->message));
    if (alert->on_behalf_of && !filed->on_behalf_of)
        filed->on_behalf_of = memory_must(strdup(alert->on_behalf_of));
    filed->first = alert->first;
    filed->last = alert->last;
    filed->score = alert->score;
    filed->open = alert->open;
    grow(filed, alert);
    return filed;
}

const struct incident *incidents_note(struct incidents *incidents,
                                      const struct incident_alert *alert, size_t service)
{
    struct incident *incident = home_of(incidents, alert, service);
    if (!incident)
        incident = new_incident(incidents);
    file_away(incident, alert, service);
    if (alert->first < incident->first)
        incident->first = alert->first;
    if (alert->last > incident->last)
        incident->last = alert->last;
    return incident;
}

const struct incident *incidents_accept(struct incidents *incidents, const char *alert)
{
    for (size_t i = 0; i < INCIDENTS_KEPT; i++) {
        struct incident *incident = incidents->kept[i];
        struct filed *filed = incident ? find(incident, alert) : NULL;
        if (!filed)
            continue;
        filed->open = false;
        filed->accepted = true;
        filed->score = 0;
        return incident;
    }
    return NULL;
}

static bool over(const struct incident *incident, uint64_t now)
{
    for (size_t i = 0; i < incident->alerts; i++)
        if (incident->alert[i].open)
            return false;
    return clock_passed(now, incident->last) > INCIDENT_WINDOW;
}

const struct incident *incidents_close(struct incidents *incidents, uint64_t now)
{
    for (size_t i = 0; i < INCIDENTS_KEPT; i++) {
        struct incident *incident = incidents->kept[i];
        if (incident && !incident->closed && over(incident, now)) {
            incident->closed = true;
            return incident;
        }
    }
    return NULL;
}

const struct incident *incidents_open_one(const struct incidents *incidents, size_t number)
{
    for (size_t i = 0; i < INCIDENTS_KEPT; i++) {
        const struct incident *incident = incidents->kept[i];
        if (incident && !incident->closed && number-- == 0)
            return incident;
    }
    return NULL;
}
