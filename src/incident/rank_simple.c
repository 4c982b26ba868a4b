/* What the ranker by trees is compared with: rules of thumb, and random walks. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "incident/rankers.h"
#include "incident/weight.h"

#define DAMPING 0.85
#define ROUNDS  200

/* Makes shares of points; all alike when there are none. */
static void share(double *points, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += points[i];
    for (size_t i = 0; i < n; i++)
        points[i] = sum > 0 ? points[i] / sum : 1.0 / (double)n;
    points[n] = 0;
}

void rank_by_ingress(const struct rank_case *given, double *probability)
{
    for (size_t i = 0; i < given->services; i++)
        probability[i] = given->service[i].outside;
    share(probability, given->services);
}

void rank_by_earliest(const struct rank_case *given, double *probability)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < given->services; i++)
        if (given->service[i].alarmed && given->service[i].time < first)
            first = given->service[i].time;
    for (size_t i = 0; i < given->services; i++)
        probability[i] = given->service[i].alarmed
                             ? 1 / (1 + (double)(given->service[i].time - first) / (double)NS_PER_S)
                             : 0;
    share(probability, given->services);
}

void rank_by_most(const struct rank_case *given, double *probability)
{
    for (size_t i = 0; i < given->services; i++)
        probability[i] = given->service[i].alarms;
    share(probability, given->services);
}

/* One round: each service hands its mass on along its flows, or home where it has none. */
static void hand_on(const double *weight, size_t n, const double *home, const double *mass,
                    double *next)
{
    double stranded = 0;
    memset(next, 0, n * sizeof *next);
    for (size_t i = 0; i < n; i++) {
        double out = 0;
        for (size_t j = 0; j < n; j++)
            out += at(weight, n, i, j);
        for (size_t j = 0; j < n && out > 0; j++)
            next[j] += mass[i] * at(weight, n, i, j) / out;
        stranded += out > 0 ? 0 : mass[i];
    }
    for (size_t i = 0; i < n; i++)
        next[i] = DAMPING * (next[i] + stranded * home[i]) + (1 - DAMPING) * home[i];
}

static void walk(const struct rank_case *given, bool back, double *probability)
{
    size_t n = given->services;
    autofree double *weight = memory_must(calloc(n * n + 1, sizeof *weight));
    autofree double *home = memory_must(calloc(n + 1, sizeof *home));
    autofree double *next = memory_must(calloc(n + 1, sizeof *next));
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++)
        at(weight, n, back ? flow->to : flow->from, back ? flow->from : flow->to) = 1;
    for (size_t i = 0; i < n; i++)
        home[i] = given->service[i].alarmed ? given->service[i].score : 0;
    share(home, n);
    memcpy(probability, home, (n + 1) * sizeof *home);
    for (int round = 0; round < ROUNDS; round++) {
        hand_on(weight, n, home, probability, next);
        memcpy(probability, next, n * sizeof *next);
    }
}

void rank_by_walk(const struct rank_case *given, double *probability)
{
    walk(given, false, probability);
}

void rank_by_walk_back(const struct rank_case *given, double *probability)
{
    walk(given, true, probability);
}
