/*
 * Recording: every call of a command or of running containers into a trace file. A recording that
 * lost calls says how many, and the trace holds a mark where each gap is.
 */
#ifndef SKINK_AGENT_RECORDER_H
#define SKINK_AGENT_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "workload/workload.h"

struct recorder_options {
    const char *output;      /* path of the trace file */
    char *const *command;    /* started in a cgroup of its own; NULL: the cgroups below */
    const uint64_t *cgroups; /* cgroup_key of each */
    size_t cgroup_count;
    const char *what;     /* what is recorded, for the head of the trace */
    bool results;         /* what the calls return, too */
    uint64_t duration_ns; /* 0: until the command ends, SIGINT or SIGTERM */
    size_t ring;          /* bytes, a power of two; 0: 64 MiB */
};

struct recorder_outcome {
    uint64_t calls, threads;
    uint64_t lost;       /* calls that are missing */
    uint64_t unanswered; /* calls whose result had not come when they were written */
    int status;          /* of the command, as wait() gives it */
};

int recorder_run(const struct recorder_options *options, struct recorder_outcome *outcome,
                 struct error *err);

#endif
