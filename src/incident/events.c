#include "incident/events.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "incident/drawing.h"

static int by_time(const void *a, const void *b)
{
    return strcmp(((const struct incident_event *)a)->time,
                  ((const struct incident_event *)b)->time);
}

static bool takes_part(const json_t *incident, const char *service)
{
    size_t i;
    const json_t *alert;
    json_array_foreach (json_object_get(incident, "alerts"), i, alert)
        if (strcmp(text_of(alert, "service"), service) == 0)
            return true;
    return false;
}

struct incident_event *incident_events(const json_t *incident, size_t *count)
{
    size_t i;
    const json_t *one;
    const json_t *alerts = json_object_get(incident, "alerts");
    const json_t *flows = json_object_get(incident, "flows");
    struct incident_event *events =
        memory_must(calloc(json_array_size(alerts) + json_array_size(flows) + 1, sizeof *events));
    *count = 0;
    json_array_foreach (alerts, i, one)
        events[(*count)++] = (struct incident_event){text_of(one, "first_seen"), one, NULL};
    json_array_foreach (flows, i, one)
        if (json_is_true(json_object_get(one, "new")) &&
            (takes_part(incident, text_of(one, "from")) ||
             takes_part(incident, text_of(one, "to"))))
            events[(*count)++] = (struct incident_event){text_of(one, "first_seen"), NULL, one};
    qsort(events, *count, sizeof *events, by_time);
    return events;
}
