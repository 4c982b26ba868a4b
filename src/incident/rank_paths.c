/* The starting point: every alarm is explained by the best path from the entry, by itself. */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/rankers.h"
#include "incident/weight.h"

/* Alarms that run backwards along a step. */
static void decay(const struct rank_case *given, double *weight)
{
    size_t n = given->services;
    for (size_t i = 0; i < n * n; i++) {
        const struct rank_service *from = &given->service[i / n];
        const struct rank_service *to = &given->service[i % n];
        if (from->alarmed && to->alarmed)
            weight[i] *= weight_backwards(to->time, from->time);
    }
}

void rank_by_paths(const struct rank_case *given, double *probability)
{
    size_t n = given->services;
    autofree double *weight = weight_matrix(given, false);
    autofree double *through = memory_must(calloc(n + 1, sizeof *through));
    autofree double *likelihood = memory_must(calloc(n + 1, sizeof *likelihood));
    for (size_t i = 0; i < n; i++)
        through[i] = given->service[i].alarmed ? 1 : 1 - DETECTION;
    decay(given, weight);
    weight_close(weight, n, through, NULL);
    for (size_t s = 0; s < n; s++) {
        const struct rank_service *entry = &given->service[s];
        likelihood[s] = log(entry->outside ? 0.2 : 0.05) +
                        log(entry->alarmed ? DETECTION : 1 - DETECTION) +
                        log(weight_entered(given, s));
        for (size_t v = 0; v < n; v++)
            if (v != s && given->service[v].alarmed)
                likelihood[s] +=
                    log(weight_unled(given, v) * weight_noise(given->service[v].score) +
                        DETECTION * given->service[v].score * at(weight, n, s, v));
    }
    weight_softmax(likelihood, n, probability);
    probability[n] = 0;
}
