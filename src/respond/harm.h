/*
 * Harm: what an intruder in a service can cost, 0 to 1. A service's own harm follows the modified
 * impact of CVSS 3.1 (FIRST 2019, section 7.3); what it leads to is added by the service graph.
 */
#ifndef SKINK_RESPOND_HARM_H
#define SKINK_RESPOND_HARM_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "incident/graph.h"

enum harm_side { HARM_CONFIDENTIALITY, HARM_INTEGRITY, HARM_AVAILABILITY, HARM_SIDES };

/* Impacts: none, low, high. Requirements: low, medium, high. */
enum harm_level { HARM_LEVEL_0, HARM_LEVEL_1, HARM_LEVEL_2 };

/* What the configuration says of a service. */
struct harm_rule {
    double criticality;               /* 0 to 1 */
    uint32_t requirement[HARM_SIDES]; /* enum harm_level */
    uint32_t impact[HARM_SIDES];      /* enum harm_level, before the container's powers */
};

/* A service's own harm with the terms that it is made of. */
struct harm_own {
    double requirement[HARM_SIDES]; /* 0.5, 1, 1.5 */
    double impact[HARM_SIDES];      /* 0, 0.22, 0.56, as the powers leave them */
    double miss;                    /* CVSS 3.1's modified impact sub-score */
    double harm;                    /* criticality * miss / 0.915 */
};

/* powers: enum power's bits (respond/powers.h). */
struct harm_own harm_own(const struct harm_rule *rule, uint32_t powers);

/*
 * How likely an intruder gets from `service` to each service of the graph, along the calls that it
 * makes: reach[graph_services(graph)], 0 for what no way of calls leads to, and for itself.
 */
void harm_reach(const struct graph *graph, size_t service, uint64_t now, double *reach);

/* 1 - (1 - own) * product of (1 - reach[i] * others[i]). */
double harm_total(double own, const double *reach, const double *others, size_t count);

/* One service, for harm_json. */
struct harm_service {
    struct harm_rule rule;
    uint32_t powers;
};

/* The harm of a service, explained term by term; services: those of the graph. New reference. */
json_t *harm_json(const struct graph *graph, size_t service, const struct harm_service *services,
                  uint64_t now);

#endif
