/* What `skink plan`, measures, undo and approve are told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/refusing.h"
#include "agent/rejuvenation.h"
#include "agent/response.h"
#include "base/cleanup.h"
#include "base/clock.h"

static json_t *refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *refuse(const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return json_pack("{s:s}", "error", text);
}

json_t *response_measures(struct agent *agent)
{
    json_t *list = json_deep_copy(ledger_measures(agent->response->ledger)), *record;
    size_t i;
    json_array_foreach (list, i, record)
        if (record_is(record, "in force"))
            refusing_tell(agent, record);
    return json_pack("{s:b,s:o}", "ok", 1, "measures", list);
}

json_t *response_undo(struct agent *agent, const json_t *request)
{
    uint64_t number = record_number(request, "number");
    json_t *record = ledger_find_measure(agent->response->ledger, number);
    if (!record)
        return refuse("%llu: no such measure (skink measures lists them)",
                      (unsigned long long)number);
    if (!record_is(record, "in force"))
        return refuse("measure %llu is not in force: %s", (unsigned long long)number,
                      record_text(record, "state"));
    json_object_set(record, "undone_by", json_object_get(request, "by"));
    response_take_back(agent, record, false);
    return json_pack("{s:b,s:O}", "ok", 1, "measure", record);
}

/* The alert may have grown since the plan was made, or have closed. */
static double belief_now(const struct watched *watched, const json_t *plan)
{
    double then = json_number_value(json_object_get(plan, "belief"));
    return watched->alert && watched->belief > then ? watched->belief : then;
}

json_t *response_approve(struct agent *agent, const json_t *request)
{
    uint64_t number = record_number(request, "number");
    json_t *plan = ledger_find_plan(agent->response->ledger, number);
    struct watched *watched = plan ? response_replica(agent, record_text(plan, "replica")) : NULL;
    if (!plan)
        return refuse("%llu: no such plan (skink plan lists them)", (unsigned long long)number);
    if (!watched)
        return refuse("plan %llu: its replica %s is gone", (unsigned long long)number,
                      record_text(plan, "replica_name"));
    if (ledger_is_busy(agent->response->ledger, watched->workload.id))
        return refuse("plan %llu: something is being done about %s already (skink measures)",
                      (unsigned long long)number, watched->workload.name);
    autofree struct situation *now =
        situation_look(agent, watched, belief_now(watched, plan),
                       response_harm(agent, watched->service->name), true);
    if (rejuvenation_is(plan))
        situation_renew(agent, now);
    if (!situation_is_worth(now))
        return refuse("plan %llu: there is nothing to do any more", (unsigned long long)number);
    json_object_set_new(plan, "chosen", situation_chosen(now));
    json_object_set_new(plan, "alerted_ns", json_integer((json_int_t)clock_monotonic()));
    json_object_set(plan, "approved_by", json_object_get(request, "by"));
    ledger_state(agent->response->ledger, plan, "approved", NULL);
    response_carry_out(agent, now, plan);
    return json_pack("{s:b,s:O}", "ok", 1, "plan", plan);
}

static bool is_of(const json_t *record, const char *alert)
{
    return strcmp(record_text(record, "alert"), alert) == 0;
}

json_t *response_accept(struct agent *agent, const char *alert, json_t *plans)
{
    struct ledger *ledger = agent->response->ledger;
    json_t *in_force = json_array(), *plan;
    const json_t *record;
    size_t i;
    json_array_foreach (ledger_plans(ledger), i, plan)
        if (is_of(plan, alert) && strncmp(record_text(plan, "state"), WAITS, strlen(WAITS)) == 0) {
            ledger_state(ledger, plan, "dropped", "the alert was accepted");
            json_array_append(plans, json_object_get(plan, "number"));
        }
    json_array_foreach (ledger_measures(ledger), i, record)
        if (is_of(record, alert) && record_is(record, "in force"))
            json_array_append_new(
                in_force, json_pack("{s:O,s:s,s:s}", "number", json_object_get(record, "number"),
                                    "measure", record_text(record, "measure"), "replica_name",
                                    record_text(record, "replica_name")));
    return in_force;
}

/* What would be done about each replica of a service, for the belief given. */
static json_t *dry_run(struct agent *agent, const char *service, double belief)
{
    json_t *plans = json_array();
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (!watched || !watched->service ||
            (service && strcmp(watched->service->name, service) != 0))
            continue;
        autofree struct situation *now = situation_look(
            agent, watched, belief, response_harm(agent, watched->service->name), false);
        situation_suppose(now);
        json_t *plan = situation_json(watched, now);
        json_object_set_new(plan, "state", json_string("dry run"));
        json_array_append_new(plans, plan);
    }
    return plans;
}

json_t *response_plans(struct agent *agent, const json_t *request)
{
    const char *service = json_string_value(json_object_get(request, "service"));
    const json_t *belief = json_object_get(request, "belief");
    json_t *plans = json_array(), *plan;
    size_t i;
    if (json_is_number(belief)) {
        json_decref(plans);
        plans = dry_run(agent, service, json_number_value(belief));
    } else {
        json_array_foreach (ledger_plans(agent->response->ledger), i, plan)
            if (!service || strcmp(record_text(plan, "service"), service) == 0)
                json_array_append(plans, plan);
    }
    return json_pack("{s:b,s:o}", "ok", 1, "plans", plans);
}

void response_metrics(const struct agent *agent, FILE *out)
{
    metrics_family(out, "skink_measures_in_force", "gauge", "Measures that are in force now.");
    for (size_t i = 0; measures[i]; i++) {
        const json_t *record;
        size_t k;
        double count = 0;
        json_array_foreach (ledger_measures(agent->response->ledger), k, record)
            count += record_is(record, "in force") &&
                     strcmp(record_text(record, "measure"), measures[i]->name) == 0;
        metrics_sample(out, "skink_measures_in_force", count, "measure", measures[i]->name, NULL);
    }
}
