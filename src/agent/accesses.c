/* What replicas do to files: learned into the profiles of their services, or judged. */
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/log.h"
#include "base/memory.h"

static void judge(struct agent *agent, struct watched *watched, const struct access_event *event)
{
    struct service *service = watched->service;
    struct service_room room = agent_room(agent);
    bool learned = event->flags & (REPORT_LEARNED | REPORT_UNPLACED);
    bool in_table = learned && event->table == service->table;
    if (service->mode == MODE_OFF || service->accesses.mode == MODE_OFF)
        return;
    if (in_table || watched->learns_start || service->accesses.mode == MODE_LEARN ||
        access_set_resembles(profile_accesses_known(service->profile), event->kind, event->path)) {
        service_learn_access(&room, service, event->kind, event->path, in_table);
        return;
    }
    /* The probe looks at the innermost directories; a newcomer was compared with nothing. */
    if (access_set_has(profile_accesses_known(service->profile), event->kind, event->path, false))
        return;
    struct fact fact;
    fact_of_access(&fact, event);
    fact.old =
        access_set_has(&profile_accesses(service->profile)->aside, event->kind, event->path, false);
    alerts_fact(agent, watched, &fact);
}

void accesses_report(struct agent *agent, const struct access_event *event)
{
    uint32_t index = event->head.replica;
    struct watched *watched = index < PROBE_REPLICAS ? agent->watched[index] : NULL;
    if (!watched || watched->generation != event->head.generation || event->kind >= ACCESS_KINDS)
        return;
    if (watched->service) {
        judge(agent, watched, event);
    } else if (watched->held_access_count < HELD) {
        if (!watched->held_accesses)
            watched->held_accesses =
                memory_must(reallocarray(NULL, HELD, sizeof *watched->held_accesses));
        watched->held_accesses[watched->held_access_count++] = *event;
    } else {
        probe_replica_lost(agent->probe, index);
    }
}

void accesses_recognised(struct agent *agent, struct watched *watched)
{
    for (size_t i = 0; i < watched->held_access_count; i++)
        judge(agent, watched, &watched->held_accesses[i]);
    free(watched->held_accesses);
    watched->held_accesses = NULL;
    watched->held_access_count = 0;
}

/* ---- time ---- */

/* Calls and losses of its replicas since the last tick. */
static void count(struct agent *agent, struct service *service)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!watched || watched->service != service)
            continue;
        const struct replica_counters *now = &probe_replica(agent->probe, i)->counters;
        uint64_t lost = now->lost.reports + now->lost.quota;
        service->accesses.calls += now->calls - watched->access_calls;
        service->accesses.broken |= lost > watched->access_losses;
        watched->access_calls = now->calls;
        watched->access_losses = lost;
    }
}

void accesses_tick(struct agent *agent, uint64_t dt)
{
    struct service_room room = agent_room(agent);
    for (struct service *service = agent->services; service; service = service->next) {
        if (service->replicas == 0 || service->accesses.mode != MODE_LEARN)
            continue;
        count(agent, service);
        if (service_train_accesses(&room, service, dt))
            log_info("%s, version %s: what it does to files is learned (%zu accesses)",
                     service->name, service->version,
                     profile_accesses_known(service->profile)->count);
    }
}
