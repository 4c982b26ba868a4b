/*
 * A measure that contained a replica is over, and nobody has replaced the replica meanwhile: what
 * is in it runs again. That is said, and decided anew by what is believed now.
 */
#include <stdio.h>
#include <string.h>

#include "agent/response.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "respond/measures.h"

static bool contains(const json_t *record)
{
    const struct measure *measure = measure_find(record_text(record, "measure"));
    return measure && measure->stage == STAGE_CONTAIN;
}

/* Does something else hold it, or is something about to? */
static bool is_dealt_with(const struct response *response, const struct watched *watched)
{
    const json_t *plan = ledger_find_plan(response->ledger, watched->plan);
    const json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(response->ledger), i, record)
        if (contains(record) && record_is(record, "in force") &&
            strcmp(record_text(record, "replica"), watched->workload.id) == 0)
            return true;
    return response_is_out(response, watched) || (plan && record_is(plan, WAITS)) ||
           ledger_is_busy(response->ledger, watched->workload.id);
}

/* Returns what becomes of it. */
static const char *decide(struct agent *agent, struct watched *watched, const json_t *record)
{
    char reason[128];
    double belief = tolerance_belief(agent, watched);
    double harm = response_harm(agent, watched->service->name);
    autofree struct situation *now = situation_look(agent, watched, belief, harm, false);
    if (!situation_is_worth(now)) /* is there what only a person may choose? */
        situation_approve(now);
    const char *decision = response_decide(agent, watched, now);
    snprintf(reason, sizeof reason, "%s (measure %llu) has expired, and it was not replaced",
             record_text(record, "measure"), (unsigned long long)record_number(record, "number"));
    json_t *plan = situation_json(watched, now);
    json_object_set_new(plan, "reason", json_string(reason));
    json_object_set_new(plan, "alerted_ns", json_integer((json_int_t)clock_monotonic()));
    response_file(agent, watched, now, plan, decision);
    return decision;
}

void response_over(struct agent *agent, const json_t *record)
{
    struct watched *watched = response_replica(agent, record_text(record, "replica"));
    if (!contains(record) || !watched || is_dealt_with(agent->response, watched))
        return;
    const char *decision = decide(agent, watched, record);
    self_alarm(agent, SELF_MEASURE, "%s of %s has expired, and it was not replaced; plan %llu: %s",
               record_text(record, "measure"), watched->workload.name,
               (unsigned long long)watched->plan, decision);
}
