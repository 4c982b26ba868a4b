/*
 * What becomes of a replica when the measure that held it expires. One that was replaced is ended,
 * but not before its evidence is kept. One that nobody has replaced runs again: that is said, and
 * decided anew by what is believed now.
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

/* ---- evidence before eviction ---- */

static bool has_evidence(const struct ledger *ledger, const char *replica)
{
    const json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(ledger), i, record) {
        const struct measure *measure = measure_find(record_text(record, "measure"));
        if (measure && measure->stage == STAGE_EVIDENCE && record_is(record, "done") &&
            strcmp(record_text(record, "replica"), replica) == 0)
            return true;
    }
    return false;
}

static void take_evidence(struct agent *agent, struct watched *watched, const json_t *record)
{
    char reason[128];
    autofree struct situation *now =
        situation_look(agent, watched, tolerance_belief(agent, watched), 0, false);
    struct execution execution = {.target = measure_target_copy(&now->target),
                                  .choice[STAGE_EVIDENCE] = {&measure_evidence}};
    json_t *plan = situation_json(watched, now);
    snprintf(reason, sizeof reason, "%s (measure %llu) has expired, but no evidence was kept yet",
             record_text(record, "measure"), (unsigned long long)record_number(record, "number"));
    json_object_set_new(plan, "reason", json_string(reason));
    json_object_set_new(plan, "chosen", json_pack("[s]", measure_evidence.name));
    json_object_set_new(plan, "state", json_string(CARRIED_OUT));
    json_object_set_new(plan, "alerted_ns", json_integer((json_int_t)clock_monotonic()));
    ledger_plan(agent->response->ledger, plan);
    ledger_begin(agent->response->ledger, plan);
    execution.number = record_number(plan, "number");
    executor_start(agent->response->executor, &execution);
}

bool response_evidence_first(struct agent *agent, const json_t *record)
{
    const char *replica = record_text(record, "replica");
    const struct measure *measure = measure_find(record_text(record, "measure"));
    struct watched *watched = response_replica(agent, replica);
    if (!measure || !measure->expire || !watched || watched->ended)
        return false;
    const struct service_config *config = config_service(agent->config, watched->service->name);
    if (measure_listed(&measure_evidence, config->respond.except) ||
        has_evidence(agent->response->ledger, replica))
        return false;
    self_alarm(agent, SELF_MEASURE,
               "%s of %s has expired, but the old replica is kept: there is no evidence of it yet",
               measure->name, watched->workload.name);
    if (!ledger_is_busy(agent->response->ledger, replica))
        take_evidence(agent, watched, record);
    return true;
}
