/* Harm as the daemon sees it: the graph of its flows, the powers of the replicas it watches. */
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

uint32_t harm_powers(struct agent *agent, struct watched *watched)
{
    if (!watched->powers_read && watched->workload.pid > 0) {
        watched->powers = hand_powers(agent->hand, watched->workload.pid);
        watched->powers_read = true;
    }
    return watched->powers;
}

/* What every service of the graph is worth, by the configuration and its replicas' powers. */
static struct harm_service *all_services(struct agent *agent, struct graph *graph)
{
    for (const struct service *s = agent->services; s; s = s->next)
        graph_service(graph, s->name);
    size_t count = graph_services(graph);
    struct harm_service *services = memory_must(calloc(count + 1, sizeof *services));
    for (size_t i = 0; i < count; i++)
        services[i].rule = config_service(agent->config, graph_name(graph, i))->harm;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (watched && watched->service)
            services[graph_service(graph, watched->service->name)].powers |=
                harm_powers(agent, watched);
    }
    return services;
}

static bool is_known(const struct agent *agent, const char *name)
{
    for (const struct service *s = agent->services; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return true;
    return false;
}

json_t *harm_of(struct agent *agent, const char *service)
{
    struct graph *graph = incidents_graph(agent);
    autofree struct harm_service *services = all_services(agent, graph);
    return harm_json(graph, graph_service(graph, service), services, clock_realtime());
}

json_t *harm_answer(struct agent *agent, const json_t *request)
{
    const char *wanted = json_string_value(json_object_get(request, "service"));
    struct graph *graph = incidents_graph(agent);
    autofree struct harm_service *services = all_services(agent, graph);
    json_t *harms = json_array();
    for (size_t i = 0; i < graph_services(graph); i++) {
        const char *name = graph_name(graph, i);
        if (wanted ? strcmp(name, wanted) == 0 : is_known(agent, name))
            json_array_append_new(harms, harm_json(graph, i, services, clock_realtime()));
    }
    return json_pack("{s:b,s:o}", "ok", 1, "harms", harms);
}
