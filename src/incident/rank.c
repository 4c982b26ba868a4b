#include "incident/rank.h"

#include <string.h>

#include "incident/rankers.h"

const struct ranker rankers[] = {
    {"trees", "all trees along which an intrusion can have spread", rank_by_trees},
    {"paths", "the best path to each alarm by itself", rank_by_paths},
    {"ingress", "always what is reachable from outside", rank_by_ingress},
    {"earliest", "the earliest alarm", rank_by_earliest},
    {"most", "the most alarms", rank_by_most},
    {"walk", "personalised PageRank from caller to callee", rank_by_walk},
    {"walk-back", "personalised PageRank from callee to caller", rank_by_walk_back},
    {NULL, NULL, NULL},
};

const struct ranker *ranker_find(const char *name)
{
    const struct ranker *ranker = rankers;
    while (ranker->name && strcmp(ranker->name, name) != 0)
        ranker++;
    return ranker->name ? ranker : NULL;
}

double rank_place(const struct rank_case *given, const double *probability, size_t service)
{
    double place = 1;
    for (size_t i = 0; i < given->services; i++) {
        if (i == service)
            continue;
        if (probability[i] > probability[service])
            place += 1;
        else if (probability[i] == probability[service])
            place += 0.5;
    }
    return place;
}
