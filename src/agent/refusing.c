#include "agent/refusing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/response.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "respond/measures.h"

void refusing_load(struct agent *agent)
{
    struct error err;
    if (probe_refuse_load(agent->probe, &err) < 0)
        agent->cannot_refuse = memory_must(strdup(err.text));
}

const char *refusing_impossible(const struct agent *agent, const struct watched *watched)
{
    if (agent->cannot_refuse)
        return agent->cannot_refuse;
    if (watched->service->accesses.mode != MODE_DETECT)
        return "what its service does to files is not learned";
    return NULL;
}

/* ---- what is known ---- */

/* Has the service ever mounted? Its windows say so. */
static bool mounts(const struct profile *profile)
{
    uint32_t length = profile_facts((struct profile *)profile)->window;
    for (size_t i = 0; i < profile_count_known(profile, PATTERN_WINDOW); i++) {
        const uint16_t *codes = profile_pattern(profile, PATTERN_WINDOW, i);
        for (uint32_t k = 0; k < length; k++)
            if (codes[k] == SYS_mount || codes[k] == SYS_move_mount)
                return true;
    }
    return false;
}

static uint64_t came(const struct watched *watched)
{
    return watched->alert ? alert_first(watched->alert) : clock_monotonic();
}

struct measure_known *refusing_known(struct agent *agent, const char *replica)
{
    struct measure_known *known = memory_must(calloc(1, sizeof *known));
    struct watched *watched = response_replica(agent, replica);
    if (!watched)
        return known;
    const struct profile *profile = watched->service->profile;
    watched->foreign_since = came(watched);
    known->since = clock_wall(watched->foreign_since);
    known->mounts = mounts(profile);
    known->has_peers =
        flows_peers(agent, watched, watched->foreign_since, &known->peers, &known->peer_count);
    access_set_join(&known->accesses, profile_accesses_known(profile));
    return known;
}

int refusing_begin(void *context, const struct measure_target *target, struct error *err)
{
    struct agent *agent = context;
    const struct measure_known *known = target->known;
    struct refusal refusal = {
        .flags = REFUSE_FILES | (known->has_peers ? REFUSE_PEERS : 0) |
                 (known->mounts ? 0 : REFUSE_MOUNTS),
        .peers = known->peers,
        .peer_count = known->peer_count,
    };
    int failed = hand_names(agent->hand, &target->workload, known, &refusal.names, err);
    if (!failed)
        failed = probe_refuse(agent->probe, target->replica, target->generation, &refusal, err);
    access_set_free(&refusal.names);
    return failed;
}

void refusing_end(void *context, uint32_t replica, uint32_t generation)
{
    const struct agent *agent = context;
    probe_refuse_end(agent->probe, replica, generation);
}

void refusing_tick(struct agent *agent)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        struct refusal refusal = {0};
        struct error err;
        if (!watched || !watched->service ||
            !(probe_replica(agent->probe, i)->refuse & REFUSE_PEERS))
            continue;
        if (flows_peers(agent, watched, watched->foreign_since, &refusal.peers,
                        &refusal.peer_count) &&
            probe_refuse_peers(agent->probe, i, watched->generation, &refusal, &err) < 0)
            log_warn("%s: %s", watched->workload.name, err.text);
        free(refusal.peers);
    }
}

/* ---- what was refused ---- */

uint64_t refusing_count(const struct agent *agent, const struct watched *watched)
{
    const uint64_t *refused =
        (const uint64_t *)probe_replica(agent->probe, watched->index)->counters.refused;
    uint64_t count = 0;
    for (int call = 0; call < REFUSED_CALLS; call++)
        count += refused[call];
    return count;
}

json_t *refusing_json(const struct replica_counters *counters)
{
    const __u64 *refused = counters->refused;
    return json_pack("{s:I,s:I,s:I,s:I}", "exec", (json_int_t)refused[REFUSED_EXEC], "open",
                     (json_int_t)refused[REFUSED_OPEN], "connect",
                     (json_int_t)refused[REFUSED_CONNECT], "mount",
                     (json_int_t)refused[REFUSED_MOUNT]);
}

void refusing_tell(struct agent *agent, json_t *record)
{
    const struct watched *watched = response_replica(agent, record_text(record, "replica"));
    if (watched && measure_find(record_text(record, "measure")) == &measure_refuse)
        json_object_set_new(record, "refused",
                            refusing_json(&probe_replica(agent->probe, watched->index)->counters));
}
