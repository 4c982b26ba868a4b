/* What the files of incidents share; nobody else includes this. */
#ifndef SKINK_INCIDENT_PARTS_H
#define SKINK_INCIDENT_PARTS_H

#include "incident/incident.h"
#include "incident/rank.h"

/* How suspicious an alert was, and from when on. */
struct growth {
    uint64_t time;
    double score;
    uint64_t novelties;
};

/* An alert that an incident holds; the texts are its own. */
struct filed {
    char *id, *replica, *message;
    char *on_behalf_of; /* NULL: not known */
    size_t service;
    uint64_t first, last;
    double score;
    bool open;
    bool accepted; /* a person has taken it for normal */
    struct growth growth[INCIDENT_GROWTH];
    size_t grown;
};

struct incident {
    char id[40];
    bool closed;
    uint64_t first, last; /* of its alerts' mismatches */
    struct filed *alert;
    size_t alerts;
};

/* An incident as the rankers see it: services[i] of the graph is case service i. */
struct story {
    struct rank_service *service;
    struct rank_flow *flow;
    struct rank_case given;
    double *probability;
    struct rank_step *step;
    bool alarmed; /* some alert is not taken for normal */
    size_t entry; /* RANK_NOBODY: the alarms have nothing in common */
};

/* Ranks and finds the path. What it fills is freed by story_end. */
void story_tell(struct story *story, const struct incident *incident, const struct graph *graph,
                uint64_t now);
void story_end(struct story *story);

#endif
