/*
 * Carries measures out, each plan in a thread of its own: an engine or a balancer that answers late
 * holds up neither detection nor another plan. What comes of it is handed over in the event loop.
 */
#ifndef SKINK_AGENT_EXECUTOR_H
#define SKINK_AGENT_EXECUTOR_H

#include <systemd/sd-event.h>

#include "agent/hand.h"
#include "respond/measure.h"

#define EXECUTOR_THREADS 8  /* at a time; more wait */
#define EXECUTOR_CHOICES 16 /* measures of a stage, the best first */

struct executor;

/* What one measure has come to; OUTCOME_OVER: a plan is, it has no measure. */
struct outcome {
    enum outcome_what {
        OUTCOME_DONE,
        OUTCOME_FAILED,
        OUTCOME_HELD_BACK, /* the same, but it was not even tried */
        OUTCOME_UNDONE,
        OUTCOME_KEPT,
        OUTCOME_OVER
    } what;
    uint64_t number; /* the plan's; of an undo: the measure's */
    const struct measure *measure;
    json_t *token;         /* of what was done; whoever wants to keep it takes a reference */
    const char *why;       /* of what failed */
    uint64_t began, ended; /* CLOCK_MONOTONIC, ns */
};

typedef void executor_hook(void *context, const struct outcome *outcome);

struct executor *executor_open(sd_event *event, struct hand *hand, executor_hook *hook,
                               void *context, struct error *err);

/* Waits 10 s for what is going on, then leaves it to the hand, which takes it back. NULL is
 * allowed. */
void executor_close(struct executor *executor);

/* What to do, stage by stage: the next one of a stage when one fails. Evidence is taken while the
 * service is made whole. */
struct execution {
    uint64_t number;
    struct measure_target *target;                              /* taken over */
    bool approved;                                              /* by a person */
    const struct measure *choice[STAGES][EXECUTOR_CHOICES + 1]; /* each ended by NULL */
};

void executor_start(struct executor *executor, const struct execution *execution);

/* Takes a measure back, or ends it since it has expired. Copies token. */
void executor_undo(struct executor *executor, uint64_t number, const struct measure *measure,
                   const json_t *token, const struct measure_kernel *kernel, bool expired);

#endif
