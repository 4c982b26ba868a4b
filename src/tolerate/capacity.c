#include "tolerate/capacity.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

#define EPSS_HORIZON (30 * 86400.0)

/* Before any evidence: a hundredth of an attack in 30 days. What was tried may have failed, so
 * attempts alone never say more than 95 %. */
#define ATTACKS_ALPHA 0.01
#define ATTACKS_BETA  (30 * 86400.0)
#define ATTACKS_MAX   3.0

static double within(double value, double max)
{
    return fmin(fmax(value, 0), max); /* no number counts as 0 */
}

double hazard_age(const struct lifetime *life, double age, double horizon)
{
    double shape = fmax(life->shape, 1);
    if (!isfinite(life->scale) || life->scale <= 0 || horizon <= 0)
        return 0;
    if (age <= 0)
        return within(pow(horizon / life->scale, shape), HAZARD_MAX);
    /* Not the difference of two large numbers, which need not rise with age. */
    double grown = expm1(shape * log1p(horizon / age));
    return within(pow(age / life->scale, shape) * grown, HAZARD_MAX);
}

double hazard_vulnerabilities(double exposure, double weight, double horizon)
{
    return within(within(exposure, 1) * fmax(weight, 0) * (horizon / EPSS_HORIZON), HAZARD_MAX);
}

double hazard_attacks(double evidence, double memory, double horizon)
{
    double rate = (ATTACKS_ALPHA + fmax(evidence, 0)) / (ATTACKS_BETA + fmax(memory, 0));
    return within(horizon * rate, ATTACKS_MAX);
}

double evidence_left(double score, double passed, double memory)
{
    if (passed <= 0)
        return within(score, 1);
    return memory > 0 ? within(score, 1) * exp(-passed / memory) : 0;
}

double belief_add(double belief, double left)
{
    return 1 - (1 - within(belief, 1)) * (1 - within(left, 1));
}

size_t redundancy_survives(enum redundancy redundancy, size_t n)
{
    if (n == 0 || redundancy == REDUNDANCY_BALANCED)
        return 0;
    return redundancy == REDUNDANCY_VOTING ? (n - 1) / 2 : n - 1;
}

double risk_compromised(const struct risk *risk, double common)
{
    double shared = fmax(risk->vulnerabilities, 0) + fmax(risk->attacks, 0);
    double own = fmax(risk->age, 0) + (1 - within(common, 1)) * shared;
    return 1 - (1 - within(risk->belief, 1)) * exp(-within(own, HAZARD_MAX));
}

double risk_common(const struct risk *risks, size_t n, double common)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fmax(risks[i].vulnerabilities, 0) + fmax(risks[i].attacks, 0));
    return -expm1(-within(within(common, 1) * worst, HAZARD_MAX));
}

double at_most_compromised(const double *q, size_t n, size_t f)
{
    if (f >= n)
        return 1;
    autofree double *exactly = memory_must(calloc(f + 1, sizeof *exactly));
    double sum = 0;
    exactly[0] = 1; /* of no replica, none */
    for (size_t i = 0; i < n; i++) {
        double p = within(q[i], 1);
        for (size_t k = f; k > 0; k--)
            exactly[k] = exactly[k] * (1 - p) + exactly[k - 1] * p;
        exactly[0] *= 1 - p;
    }
    for (size_t k = 0; k <= f; k++)
        sum += exactly[k];
    return within(sum, 1);
}

double capacity_surviving(const struct risk *risks, size_t n, size_t f, double common)
{
    if (n == 0)
        return 0;
    autofree double *q = memory_must(calloc(n, sizeof *q));
    for (size_t i = 0; i < n; i++)
        q[i] = risk_compromised(&risks[i], common);
    return (1 - risk_common(risks, n, common)) * at_most_compromised(q, n, f);
}

double capacity(const struct risk *risks, size_t n, enum redundancy redundancy, double common)
{
    return capacity_surviving(risks, n, redundancy_survives(redundancy, n), common);
}

double capacity_taken(const struct risk *risks, size_t n, enum redundancy redundancy, double common,
                      enum cause cause)
{
    autofree struct risk *without = memory_must(calloc(n + 1, sizeof *without));
    for (size_t i = 0; i < n; i++) {
        without[i] = risks[i];
        double *const parts[CAUSES] = {&without[i].age, &without[i].vulnerabilities,
                                       &without[i].attacks, &without[i].belief};
        *parts[cause] = 0;
    }
    return fmax(capacity(without, n, redundancy, common) - capacity(risks, n, redundancy, common),
                0);
}

struct system_capacity capacity_system(const double *capacities, const double *weights, size_t n)
{
    struct system_capacity system = {.least = 1};
    double total = 0, logarithms = 0;
    for (size_t i = 0; i < n; i++)
        total += fmax(weights[i], 0);
    for (size_t i = 0; i < n; i++) {
        double weight = total > 0 ? fmax(weights[i], 0) / total : 1 / (double)n;
        double one = within(capacities[i], 1);
        system.mean += weight * one;
        if (weight > 0)
            logarithms += weight * log(one);
        system.least = fmin(system.least, one);
    }
    system.mean = within(system.mean, 1);
    system.geometric = within(exp(logarithms), 1);
    return system;
}
