/* Namesakes: services of two Compose projects that are taken for one, since one name is theirs. */
#include <string.h>

#include "agent/state.h"
#include "base/log.h"

static bool is_namesake(const struct watched *one, const struct watched *other)
{
    return other->service && strcmp(other->service->name, one->service->name) == 0 &&
           other->workload.project[0] && one->workload.project[0] &&
           strcmp(other->workload.project, one->workload.project) != 0;
}

const struct watched *namesakes_find(const struct agent *agent, const struct watched *watched)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && is_namesake(watched, agent->watched[i]))
            return agent->watched[i];
    return NULL;
}

void namesakes_warn(const struct agent *agent, const struct watched *watched)
{
    const struct watched *other = namesakes_find(agent, watched);
    if (!other)
        return;
    bool told = watched->service->namesakes_told || other->service->namesakes_told;
    watched->service->namesakes_told = other->service->namesakes_told = true;
    if (!told)
        log_warn("%s: replicas of the Compose projects %s and %s are taken for one service, with "
                 "one profile (compose_projects: true in the configuration tells them apart; so "
                 "does a rule)",
                 watched->service->name, other->workload.project, watched->workload.project);
}
