/* The life of one replica: since when it runs, what it uses up, how long it lives by that. */
#ifndef SKINK_AGENT_LIFE_H
#define SKINK_AGENT_LIFE_H

#include <stdint.h>

#include "agent/hand.h"
#include "tolerate/ageing.h"
#include "workload/workload.h"

/* {0} at first. */
struct life {
    uint64_t born;   /* its first process, CLOCK_MONOTONIC ns; 0: not looked at yet */
    uint64_t looked; /* CLOCK_MONOTONIC ns */
    struct series memory, descriptors, latency;
    struct lifetime lifetime; /* by the trend that ends it first */
    const char *ends_by;      /* "memory", "descriptors", "latency", "": nothing that grows */
};

/*
 * Looks at it when that is ten seconds ago; true when it did. path: of its cgroup below the mount;
 * appeared: stands for its birth where its process cannot tell; latency: of its answers, NULL: not
 * known, or without a limit.
 */
bool life_look(struct life *life, struct hand *hand, const struct cgroup_hierarchy *hierarchy,
               const struct workload *workload, const char *path, uint64_t appeared,
               const struct usage *latency, uint64_t now);

/* Its age in seconds. */
double life_age(const struct life *life, uint64_t now);

#endif
