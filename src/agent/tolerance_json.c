/* The tolerance capacity as the socket and the metrics tell it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "agent/tolerance.h"
#include "base/clock.h"
#include "base/memory.h"

#define HORIZON_MAX (3650.0 * 86400) /* s that may be asked about */

static const char *const CAUSE_NAMES[CAUSES] = {"age", "vulnerabilities", "attacks", "belief"};

static json_t *range(double low, double high)
{
    return json_pack("{s:f,s:f}", "low", low, "high", high);
}

/* JSON knows no infinity. */
static json_t *finite_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *replica_json(const struct tolerance_view *view,
                            const struct tolerance_replica *replica)
{
    const struct watched *watched = replica->watched;
    double common = view->rule.common;
    json_t *hazards =
        json_pack("{s:f,s:o,s:f}", "age", replica->best.age, "vulnerabilities",
                  range(replica->best.vulnerabilities, replica->worst.vulnerabilities), "attacks",
                  replica->best.attacks);
    json_t *ageing =
        json_pack("{s:s,s:o,s:f}", "by", view->rule.eta ? "configuration" : watched->life.ends_by,
                  "eta_s", finite_or_null(replica->life.scale), "beta", replica->life.shape);
    return json_pack(
        "{s:s,s:s,s:f,s:f,s:o,s:o,s:o,s:o}", "id", watched->workload.id, "name",
        watched->workload.name, "age_s", replica->age, "belief", replica->best.belief,
        "compromised",
        range(risk_compromised(&replica->best, common), risk_compromised(&replica->worst, common)),
        "hazards", hazards, "ageing", ageing, "interval_s", finite_or_null(replica->interval));
}

static json_t *vulnerabilities_json(const struct tolerance_view *view)
{
    int exploited = 0, unknown = 0, unreachable = 0, doubtful = 0;
    for (size_t i = 0; i < view->known->count; i++) {
        const struct vulnerability *one = &view->known->list[i];
        exploited += one->exploited;
        unknown += isnan(one->epss) && !one->exploited;
        unreachable += one->unreachable;
        doubtful += one->doubtful;
    }
    return json_pack("{s:I,s:i,s:i,s:i,s:i,s:o}", "count", (json_int_t)view->known->count,
                     "exploited", exploited, "unknown", unknown, "unreachable", unreachable,
                     "doubtful", doubtful, "weight", range(view->weight.low, view->weight.high));
}

static json_t *next_json(const struct tolerance_view *view)
{
    static const char *const VERDICTS[] = {"none", "wait", "now"};
    const struct rejuvenation *next = &view->next;
    if (next->verdict == VERDICT_NONE)
        return json_pack("{s:s,s:s}", "verdict", VERDICTS[next->verdict], "reason", next->reason);
    const struct watched *watched = view->replicas[next->replica].watched;
    json_t *json = json_pack("{s:s,s:s,s:s,s:b,s:f}", "verdict", VERDICTS[next->verdict], "replica",
                             watched->workload.name, "reason", next->reason, "start_first",
                             next->start_first, "after", next->after);
    if (watched->renewal)
        json_object_set_new(json, "plan", json_integer((json_int_t)watched->renewal_plan));
    return json;
}

static json_t *view_json(const struct tolerance_view *view)
{
    static const char *const REDUNDANCIES[] = {"balanced", "voting", "availability"};
    json_t *replicas = json_array(), *taken = json_object();
    for (size_t i = 0; i < view->count; i++)
        json_array_append_new(replicas, replica_json(view, &view->replicas[i]));
    for (enum cause cause = 0; cause < CAUSES; cause++)
        json_object_set_new(taken, CAUSE_NAMES[cause], json_real(view->taken[cause]));
    return json_pack("{s:s,s:o,s:f,s:f,s:s,s:I,s:f,s:o,s:o,s:o,s:I,s:o}", "service", view->service,
                     "capacity", range(view->capacity.low, view->capacity.high), "floor",
                     view->rule.floor, "horizon_s", (double)view->rule.horizon / (double)NS_PER_S,
                     "redundancy", REDUNDANCIES[view->rule.redundancy], "survives",
                     (json_int_t)redundancy_survives(view->rule.redundancy, view->count),
                     "criticality", view->criticality, "taken", taken, "vulnerabilities",
                     vulnerabilities_json(view), "next", next_json(view), "renewed",
                     (json_int_t)view->renewed, "replicas", replicas);
}

json_t *tolerance_brief(const struct agent *agent, const char *service)
{
    struct tolerance_view view = tolerance_view(agent, service, 0);
    free(view.replicas);
    return range(view.capacity.low, view.capacity.high);
}

static json_t *system_side(const double *capacities, const double *weights, size_t count)
{
    struct system_capacity system = capacity_system(capacities, weights, count);
    return json_pack("{s:f,s:f,s:f}", "mean", system.mean, "geometric", system.geometric, "least",
                     system.least);
}

/* All services together; null when there is none. */
static json_t *system_json(const double *low, const double *high, const double *weights,
                           size_t count)
{
    if (count == 0)
        return json_null();
    return json_pack("{s:o,s:o}", "low", system_side(low, weights, count), "high",
                     system_side(high, weights, count));
}

json_t *tolerance_answer(const struct agent *agent, const json_t *request)
{
    double low[PROBE_TABLES], high[PROBE_TABLES], weights[PROBE_TABLES];
    size_t count = 0;
    const char *wanted = json_string_value(json_object_get(request, "service"));
    double horizon = json_number_value(json_object_get(request, "horizon_s"));
    if (!(horizon >= 0 && horizon <= HORIZON_MAX))
        return json_pack("{s:s}", "error", "horizon_s: out of range (at most ten years)");
    json_t *services = json_array();
    for (const char *name = NULL;
         count < PROBE_TABLES && (name = tolerance_service(agent, name));) {
        struct tolerance_view view =
            tolerance_view(agent, name, (uint64_t)(horizon * (double)NS_PER_S));
        low[count] = view.capacity.low;
        high[count] = view.capacity.high;
        weights[count++] = view.criticality;
        if (!wanted || strcmp(wanted, name) == 0)
            json_array_append_new(services, view_json(&view));
        free(view.replicas);
    }
    return json_pack("{s:b,s:o,s:o,s:o}", "ok", 1, "services", services, "system",
                     system_json(low, high, weights, count), "files", tolerance_files(agent));
}

/* The low one, on which one can count. */
void tolerance_metrics(const struct agent *agent, FILE *out)
{
    metrics_family(out, "skink_tolerance_capacity", "gauge",
                   "Probability that the service still serves correctly over the horizon.");
    for (const char *name = NULL; (name = tolerance_service(agent, name));) {
        struct tolerance_view view = tolerance_view(agent, name, 0);
        metrics_sample(out, "skink_tolerance_capacity", view.capacity.low, "service", name, NULL);
        free(view.replicas);
    }
    metrics_family(out, "skink_replicas_renewed_total", "counter",
                   "Replicas that were renewed, by schedule or tolerance.");
    for (const char *name = NULL; (name = tolerance_service(agent, name));) {
        struct tolerance_view view = tolerance_view(agent, name, 0);
        metrics_sample(out, "skink_replicas_renewed_total", (double)view.renewed, "service", name,
                       NULL);
        free(view.replicas);
    }
}
