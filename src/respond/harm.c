#include "respond/harm.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/weight.h"
#include "respond/powers.h"

#define MISS_MAX 0.915 /* CVSS 3.1, section 7.3 */

static const double REQUIREMENT[] = {0.5, 1.0, 1.5};
static const double IMPACT[] = {0, 0.22, 0.56};

struct harm_own harm_own(const struct harm_rule *rule, uint32_t powers)
{
    struct harm_own own;
    double untouched = 1;
    for (int side = 0; side < HARM_SIDES; side++) {
        uint32_t level = powers_raise(powers, side) ? HARM_LEVEL_2 : rule->impact[side];
        own.impact[side] = IMPACT[level];
        own.requirement[side] = REQUIREMENT[rule->requirement[side]];
        untouched *= 1 - own.requirement[side] * own.impact[side];
    }
    own.miss = fmin(1 - untouched, MISS_MAX);
    own.harm = rule->criticality * own.miss / MISS_MAX;
    return own;
}

double harm_total(double own, const double *reach, const double *others, size_t count)
{
    double spared = 1 - own;
    for (size_t i = 0; i < count; i++)
        spared *= 1 - reach[i] * others[i];
    return 1 - spared;
}

/* ---- where a service leads to ---- */

/* Marks what calls lead to from `service`, itself left out. */
static void mark_called(const struct rank_case *given, size_t service, bool *called)
{
    bool more = true;
    called[service] = true;
    while (more) {
        more = false;
        for (const struct rank_flow *f = given->flow; f < given->flow + given->flows; f++) {
            bool onward = called[f->from] && !called[f->to];
            called[f->to] |= onward;
            more |= onward;
        }
    }
    called[service] = false;
}

void harm_reach(const struct graph *graph, size_t service, uint64_t now, double *reach)
{
    size_t n = graph_services(graph);
    autofree struct rank_service *none = memory_must(calloc(n + 1, sizeof *none));
    autofree struct rank_flow *flow = memory_must(calloc(graph_flows(graph) + 1, sizeof *flow));
    autofree double *through = memory_must(calloc(n + 1, sizeof *through));
    autofree bool *called = memory_must(calloc(n + 1, sizeof *called));
    struct rank_case given = {none, n, flow, 0};
    for (size_t i = 0; i < graph_flows(graph); i++) {
        const struct graph_flow *seen = graph_flow(graph, i);
        if (seen->from < n && seen->to < n)
            flow[given.flows++] = (struct rank_flow){
                .from = seen->from, .to = seen->to, .novel = graph_is_new(seen, now)};
    }
    for (size_t i = 0; i < n; i++)
        through[i] = 1;
    mark_called(&given, service, called);
    autofree double *weight = weight_matrix(&given, false);
    weight_close(weight, n, through, NULL);
    for (size_t i = 0; i < n; i++)
        reach[i] = called[i] ? at(weight, n, service, i) : 0;
}

/* ---- explained ---- */

static json_t *own_json(const struct harm_own *own, const struct harm_service *service)
{
    static const char *const SIDES[] = {"confidentiality", "integrity", "availability"};
    json_t *sides = json_object();
    for (int side = 0; side < HARM_SIDES; side++)
        json_object_set_new(sides, SIDES[side],
                            json_pack("{s:f,s:f,s:b}", "requirement", own->requirement[side],
                                      "impact", own->impact[side], "raised",
                                      powers_raise(service->powers, side)));
    return json_pack("{s:f,s:f,s:f,s:o,s:o}", "criticality", service->rule.criticality, "miss",
                     own->miss, "harm", own->harm, "sides", sides, "powers",
                     powers_json(service->powers));
}

json_t *harm_json(const struct graph *graph, size_t service, const struct harm_service *services,
                  uint64_t now)
{
    size_t n = graph_services(graph);
    autofree double *reach = memory_must(calloc(n + 1, sizeof *reach));
    autofree double *others = memory_must(calloc(n + 1, sizeof *others));
    struct harm_own own = harm_own(&services[service].rule, services[service].powers);
    json_t *leads = json_array();
    harm_reach(graph, service, now, reach);
    for (size_t i = 0; i < n; i++) {
        others[i] = harm_own(&services[i].rule, services[i].powers).harm;
        if (reach[i] > 0)
            json_array_append_new(leads,
                                  json_pack("{s:s,s:f,s:f,s:f}", "service", graph_name(graph, i),
                                            "probability", reach[i], "harm", others[i], "adds",
                                            reach[i] * others[i]));
    }
    return json_pack("{s:s,s:f,s:o,s:o}", "service", graph_name(graph, service), "harm",
                     harm_total(own.harm, reach, others, n), "own",
                     own_json(&own, &services[service]), "leads_to", leads);
}
