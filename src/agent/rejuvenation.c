#include "agent/rejuvenation.h"

#include <stdlib.h>
#include <string.h>

#include "agent/response.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

static const char *const CAUSE_NAMES[] = {[REJUVENATION_NONE] = "",
                                          [REJUVENATION_AGE] = "age",
                                          [REJUVENATION_FLOOR] = "floor",
                                          [REJUVENATION_BELIEF] = "belief"};

bool rejuvenation_is(const json_t *plan)
{
    return *record_text(plan, "cause") != '\0';
}

const char *rejuvenation_held(const struct agent *agent, const char *service)
{
    bool acts = config_service(agent->config, service)->respond.policy == POLICY_ACT;
    if (acts && agent->response && !response_affords(agent, service, 0.5))
        return "half of this hour's budget is spent, the rest is kept for intruders";
    return NULL;
}

static json_t *plan_of(const struct watched *watched, const struct situation *now,
                       const struct rejuvenation *next, const char *state)
{
    json_int_t begun = (json_int_t)clock_monotonic();
    json_t *plan = situation_json(watched, now);
    json_object_set_new(plan, "options", json_object()); /* nothing was to be chosen */
    json_object_set_new(plan, "cause", json_string(CAUSE_NAMES[next->cause]));
    json_object_set_new(plan, "reason", json_string(next->reason));
    json_object_set_new(plan, "state", json_string(state));
    json_object_set_new(plan, "alerted_ns", json_integer(begun));
    return plan;
}

void rejuvenation_failed(struct watched *watched)
{
    uint32_t doubled =
        watched->renewal_tries < AGAIN_DOUBLED ? watched->renewal_tries : AGAIN_DOUBLED;
    watched->renewal = REJUVENATION_NONE;
    watched->renewal_again = clock_monotonic() + (AGAIN << doubled);
    watched->renewal_tries++;
}

void rejuvenation_consider(struct agent *agent, const struct tolerance_view *view)
{
    const struct rejuvenation *next = &view->next;
    if (!agent->response || next->verdict != VERDICT_NOW)
        return;
    const struct tolerance_replica *replica = &view->replicas[next->replica];
    struct watched *watched = agent->watched[replica->watched->index];
    if (watched->planned || watched->renewal >= next->cause)
        return; /* something is done about it, or was said to be due for no lesser cause */
    if (clock_monotonic() < watched->renewal_again)
        return;
    double harm = response_harm(agent, view->service);
    autofree struct situation *now =
        situation_look(agent, watched, replica->best.belief, harm, false);
    situation_renew(agent, now);
    const char *decision = response_decide(agent, watched, now);
    json_t *plan = plan_of(watched, now, next, decision);
    ledger_plan(agent->response->ledger, plan);
    watched->renewal = next->cause;
    watched->renewal_plan = record_number(plan, "number");
    if (strcmp(decision, CARRIED_OUT) == 0)
        response_carry_out(agent, now, plan);
    log_info("plan %llu to renew %s (%s): %s", (unsigned long long)watched->renewal_plan,
             watched->workload.name, next->reason, decision);
}
