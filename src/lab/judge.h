/* Judging one trace with a detector that has learned. Private to the lab. */
#ifndef SKINK_LAB_JUDGE_H
#define SKINK_LAB_JUDGE_H

#include "lab/trial.h"

struct outcome {
    uint64_t false_alarms;
    bool found;
    double calls, seconds; /* from the attack's start to the first alarm */
};

/* What is found out about a trace. */
struct verdict {
    struct sample *samples;
    size_t count;
    struct outcome outcomes[METHOD_THRESHOLDS];
    uint64_t calls, ns; /* of processor time */
    uint64_t normal_calls, normal_ns;
};

/* thresholds: NaN alarms never. Fills verdict; samples are to be freed. 0 or -1. */
int judge_trace(const struct bench *bench, struct scorer *scorer, size_t trace,
                const double *thresholds, size_t count, struct verdict *verdict, struct error *err);

/* Processor time of the calling thread, in ns. */
uint64_t judge_clock(void);

#endif
