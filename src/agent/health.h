/*
 * Which replicas serve well: not those that their balancer's checks have found down, nor those that
 * an intruder probably has. Balancers are asked in a thread, every second; nothing waits for one.
 */
#ifndef SKINK_AGENT_HEALTH_H
#define SKINK_AGENT_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "respond/haproxy.h"

struct agent;
struct watched;
struct health;

/* What its balancer says of a replica. {0}: nothing, it is not known. */
struct balanced {
    uint64_t asked;                /* when it was asked last (CLOCK_MONOTONIC) */
    uint64_t heard;                /* when it was asked what it has answered */
    bool known, up;                /* up: requests go to it */
    double latency;                /* s, of its answers to HTTP: their mean; 0: not known */
    char address[HAPROXY_ADDRESS]; /* of its server, when it was known last */
};

struct health *health_new(void);

/* Waits for the balancer that is being asked, 0.3 s at most. NULL is allowed. */
void health_free(struct health *health);

void health_tick(struct agent *agent, uint64_t now);

/* What is not known is no fault: without a balancer, or with a silent one, alerts alone count. */
bool health_is_good(const struct agent *agent, const struct watched *watched);

/* Into a replica's status: "healthy"; "balancer": "up", "down" or null, "latency_ms". */
void health_tell(const struct agent *agent, const struct watched *watched, json_t *replica);

#endif
