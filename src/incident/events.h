/* The time line of an incident. */
#ifndef SKINK_INCIDENT_EVENTS_H
#define SKINK_INCIDENT_EVENTS_H

#include <jansson.h>
#include <stddef.h>

/* Something that happened: an alert or a flow. */
struct incident_event {
    const char *time;
    const json_t *alert, *flow; /* one of them is NULL */
};

/* The alerts, and the new flows of services that raised some, in their order. Caller frees; what
 * they point to is the incident's. */
struct incident_event *incident_events(const json_t *incident, size_t *count);

#endif
