/* Presence: is a replica still there, and in which network. */
#include <stdio.h>
#include <sys/stat.h>

#include "agent/state.h"
#include "base/cleanup.h"
#include "respond/cgroup_place.h"

bool replicas_has_gone(void *context, uint32_t replica)
{
    const struct agent *agent = context;
    char path[sizeof agent->hierarchy.mount + PROBE_CGROUP_PATH];
    struct stat found;
    const struct watched *watched = agent->watched[replica];
    if (!watched)
        return false;
    snprintf(path, sizeof path, "%s/%s", agent->hierarchy.mount, watched->path);
    return stat(path, &found) != 0 || found.st_ino != watched->cgroup;
}

/* A container that has ended and is not removed keeps its cgroup. Processes in cgroups below are
 * outlived by the first one. */
bool replicas_has_ended(const struct agent *agent, const struct watched *watched)
{
    char path[sizeof agent->hierarchy.mount + PROBE_CGROUP_PATH];
    if (watched->workload.pid <= 0 || workload_lives(watched->workload.pid))
        return false;
    snprintf(path, sizeof path, "%s%s", agent->hierarchy.mount, watched->path);
    autofile FILE *members = cgroup_members(path);
    return members && getc(members) == EOF;
}

/* Kept: to ask the hand about each replica would take longer than an answer to an alert may. */
uint32_t replicas_network(const struct agent *agent, struct watched *watched)
{
    if (watched->network == 0 && watched->service && watched->workload.pid > 0)
        watched->network = hand_network(agent->hand, watched->workload.pid);
    return watched->network;
}

bool replicas_share_network(const struct agent *agent, struct watched *watched)
{
    uint32_t own = replicas_network(agent, watched);
    for (uint32_t i = 0; own != 0 && i < PROBE_REPLICAS; i++) {
        struct watched *each = agent->watched[i];
        if (each && each != watched && replicas_network(agent, each) == own)
            return true;
    }
    return false;
}
