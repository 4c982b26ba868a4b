/*
 * Where did the intruder come in? Rankers that give each service a probability of having been the
 * entry, from what alarmed when and who talks to whom; all behind one interface, so that they can
 * be compared on the same cases.
 *
 * Intrusions travel mostly from caller to callee, the other way round than faults do.
 */
#ifndef SKINK_INCIDENT_RANK_H
#define SKINK_INCIDENT_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANK_NOBODY SIZE_MAX

/* One service of a case. Times are nanoseconds of any one clock. */
struct rank_service {
    bool outside; /* reachable from outside the system */
    bool alarmed;
    double score;    /* of its strongest alarm, 0 to 1 */
    uint64_t time;   /* of its first foreign call */
    uint32_t alarms; /* how many alerts it has raised */
};

/* `from` has called `to`, both indices into services. */
struct rank_flow {
    size_t from, to;
    uint64_t first, last; /* when */
    bool novel;           /* never seen while the caller was learned */
    bool carried;         /* what alarmed the callee was done on one of its connections */
    bool database;        /* the callee does what the caller writes in a language */
};

struct rank_case {
    const struct rank_service *service;
    size_t services;
    const struct rank_flow *flow;
    size_t flows;
};

/*
 * Fills probability[services + 1], which adds up to 1. The last one is that the alarms have no
 * common entry: false ones, or separate causes. Rankers that know no such thing give it 0.
 */
typedef void rank_function(const struct rank_case *given, double *probability);

struct ranker {
    const char *name;
    const char *summary;
    rank_function *rank;
};

/* All rankers, ended by a NULL name; the first one is the one that incidents use. */
extern const struct ranker rankers[];

/* By name, NULL when there is none. */
const struct ranker *ranker_find(const char *name);

/*
 * The place of `service` in a ranking, from 1; services as probable as it share the mean of their
 * places, so that no ranker gains by the order in which services are listed.
 */
double rank_place(const struct rank_case *given, const double *probability, size_t service);

/* How the intruder came to a service. */
struct rank_step {
    size_t from;   /* RANK_NOBODY: it is the entry, or nothing explains its alarm but chance */
    double belief; /* that it went this way, given the entry */
};

/*
 * The way from `entry` as the first ranker sees it: step[services]. Silent services that lie on the
 * way have a step, too.
 */
void rank_path(const struct rank_case *given, size_t entry, struct rank_step *step);

#endif
