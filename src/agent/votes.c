/* Replicas that were outvoted, as a front tells of them (src/vote/). */
#include <string.h>

#include "agent/state.h"

static struct watched *find(struct agent *agent, const char *replica)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (watched && watched->service &&
            (strcmp(watched->workload.name, replica) == 0 ||
             strcmp(watched->workload.id, replica) == 0))
            return watched;
    }
    return NULL;
}

json_t *votes_answer(struct agent *agent, const json_t *request)
{
    const char *replica = json_string_value(json_object_get(request, "replica"));
    const char *asked = json_string_value(json_object_get(request, "request"));
    const char *why = json_string_value(json_object_get(request, "why"));
    struct fact fact;
    if (!replica || !asked || !why)
        return json_pack("{s:s}", "error", "dissent: replica, request and why are texts");
    struct watched *watched = find(agent, replica);
    if (!watched)
        return json_pack("{s:o}", "error", json_sprintf("%s: no such replica is watched", replica));
    fact_of_vote(&fact, watched->workload.pid, asked, why);
    alerts_fact(agent, watched, &fact);
    return json_pack("{s:b}", "ok", 1);
}
