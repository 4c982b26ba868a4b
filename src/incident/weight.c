#include "incident/weight.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#define BACKWARDS_S 40.0 /* detectors differ by about this much in how soon they notice */

static const double NOVEL = 0.7, KNOWN = 0.25, AGAINST = 0.08, UNRELATED = 0.01;
static const double MISNAMED = 0.1; /* that the order came on another connection */
static const double OUTSIDE = 0.2, HOP = 0.7, INSIDE = 0.05;

double weight_noise(double score)
{
    return 0.02 + 0.1 * (1 - score);
}

double weight_backwards(uint64_t earlier, uint64_t later)
{
    return exp(-(double)clock_passed(later, earlier) / (double)NS_PER_S / BACKWARDS_S);
}

/* An intruder needs a flow that still lived when `from` was taken and began before `to` was. */
static double lived(const struct rank_case *given, const struct rank_flow *flow, size_t from,
                    size_t to)
{
    const struct rank_service *source = &given->service[from];
    const struct rank_service *target = &given->service[to];
    double factor = source->alarmed ? weight_backwards(flow->last, source->time) : 1;
    return target->alarmed ? factor * weight_backwards(target->time, flow->first) : factor;
}

static void lift(double *value, double by)
{
    *value = fmax(*value, by);
}

/* ---- who is named ---- */

struct callers {
    bool *calls, *named; /* services */
    size_t count, named_count;
};

/* The callers of a service; the outside is one. An evidence of no alarm counts for nothing. */
static struct callers callers_of(const struct rank_case *given, size_t service)
{
    const struct rank_service *own = &given->service[service];
    struct callers callers = {
        .calls = memory_must(calloc(given->services + 1, sizeof *callers.calls)),
        .named = memory_must(calloc(given->services + 1, sizeof *callers.named)),
        .count = own->outside,
    };
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++) {
        if (flow->to != service || flow->from == service)
            continue;
        bool named = flow->carried && own->alarmed;
        callers.count += !callers.calls[flow->from];
        callers.named_count += named && !callers.named[flow->from];
        callers.calls[flow->from] = true;
        callers.named[flow->from] |= named;
    }
    return callers;
}

static void callers_end(struct callers *callers)
{
    free(callers->calls);
    free(callers->named);
}

double weight_unled(const struct rank_case *given, size_t service)
{
    struct callers callers = callers_of(given, service);
    double unled = callers.named_count ? 1 / (double)callers.count : 1;
    callers_end(&callers);
    return unled;
}

double weight_entered(const struct rank_case *given, size_t service)
{
    bool ordered = false;
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++)
        ordered |= flow->to == service && flow->from != service && flow->carried && flow->database;
    return weight_unled(given, service) *
           (ordered && given->service[service].alarmed ? MISNAMED : 1);
}

/* How many services does it call? */
static double count_called(const struct rank_case *given, size_t service)
{
    size_t count = 0;
    autofree bool *called = memory_must(calloc(given->services + 1, sizeof *called));
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++) {
        count += flow->from == service && flow->to != service && !called[flow->to];
        called[flow->to] |= flow->from == service;
    }
    return (double)count;
}

/* What the callers that are named say of every step to the service. */
static void weigh_callers(const struct rank_case *given, size_t to, double *weight)
{
    size_t n = given->services;
    struct callers callers = callers_of(given, to);
    double others = (double)(callers.count - callers.named_count);
    double right = (others > 0 ? 1 - MISNAMED : 1) / (double)callers.named_count;
    double wrong = MISNAMED / fmax(others, 1);
    for (size_t from = 0; callers.named_count && from < n; from++) {
        double *step = &at(weight, n, from, to);
        if (callers.named[from] && !given->service[from].alarmed)
            *step = (*step + 1 / (count_called(given, from) * (1 - DETECTION))) / 2;
        *step *= callers.named[from] ? right : wrong;
    }
    callers_end(&callers);
}

double *weight_matrix(const struct rank_case *given, bool timely)
{
    size_t n = given->services;
    double *weight = memory_must(calloc(n * n + 1, sizeof *weight));
    for (size_t i = 0; i < n * n; i++)
        weight[i] = i / n == i % n ? 0 : UNRELATED;
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++) {
        if (flow->from == flow->to)
            continue;
        double along = timely ? lived(given, flow, flow->from, flow->to) : 1;
        double against = timely ? lived(given, flow, flow->to, flow->from) : 1;
        lift(&at(weight, n, flow->from, flow->to), (flow->novel ? NOVEL : KNOWN) * along);
        lift(&at(weight, n, flow->to, flow->from), AGAINST * against);
    }
    for (size_t to = 0; to < n; to++)
        weigh_callers(given, to, weight);
    return weight;
}

void weight_close(double *weight, size_t n, const double *through, size_t *before)
{
    for (size_t i = 0; before && i < n * n; i++)
        before[i] = i / n;
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n && through[k] > 0; i++) {
            for (size_t j = 0; j < n; j++) {
                double path = at(weight, n, i, k) * through[k] * at(weight, n, k, j);
                if (i == j || path <= at(weight, n, i, j))
                    continue;
                at(weight, n, i, j) = path;
                if (before)
                    at(before, n, i, j) = at(before, n, k, j);
            }
        }
    }
}

void weight_prior(const struct rank_case *given, double *prior)
{
    bool changed = true;
    for (size_t i = 0; i < given->services; i++)
        prior[i] = given->service[i].outside ? OUTSIDE : INSIDE;
    while (
        changed) { /* each round one call further in; a prior only grows, by a share of another */
        changed = false;
        for (const struct rank_flow *f = given->flow; f < given->flow + given->flows; f++) {
            double handed = f->novel ? 0 : prior[f->from] * HOP;
            changed |= handed > prior[f->to];
            lift(&prior[f->to], handed);
        }
    }
}

void weight_softmax(const double *likelihood, size_t count, double *probability)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, likelihood[i]);
    for (size_t i = 0; i < count; i++)
        sum += probability[i] = isfinite(most) ? exp(likelihood[i] - most) : 1;
    for (size_t i = 0; i < count; i++)
        probability[i] /= sum;
}
