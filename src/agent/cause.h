/*
 * What an alert is about, told by processes: those that made the unknown calls, and what they
 * start. An intruder's processes may go on for hours; who comes by the same hole meanwhile is
 * another cause.
 */
#ifndef SKINK_AGENT_CAUSE_H
#define SKINK_AGENT_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/process.h"

#define CAUSE_PROCESSES 64                      /* remembered of a cause, the latest */
#define CAUSE_CHAIN     (5ULL * 1000000000ULL)  /* reports closer together have one cause */
#define CAUSE_QUIET     (60ULL * 1000000000ULL) /* after so long what begins is another one */

struct alert_cause {
    uint64_t since;  /* processes that began before are the service's own, CLOCK_MONOTONIC */
    uint64_t latest; /* when something last began that none of its processes did */
    uint32_t pid[CAUSE_PROCESSES]; /* the one that was met last comes last */
    size_t count;
};

/* Another cause begins at this time. The processes of the one before are remembered: what they go
 * on to do begins nothing. */
void cause_begin(struct alert_cause *cause, uint64_t time);

/*
 * Does the report begin something else? It does when nothing has begun for CAUSE_QUIET, and what it
 * tells is none of the cause's processes nor started by one, but a process that is younger than the
 * cause, or the service itself with a pattern it has not shown.
 */
bool cause_is_another(const struct alert_cause *cause, struct process_table *processes,
                      const struct report *report);

/* The report belongs to the cause. */
void cause_take(struct alert_cause *cause, struct process_table *processes,
                const struct report *report);

#endif
