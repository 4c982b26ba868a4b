/* What a profile says of a recorded trace: `skink detect`. */
#ifndef SKINK_DETECT_INSPECT_H
#define SKINK_DETECT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "detect/replay.h"
#include "trace/trace.h"

/* The most unknown patterns that are kept to explain the first crossing. */
#define INSPECTION_UNKNOWN 8

struct inspection {
    struct replay_result result;
    bool anomalous;                             /* a threshold was reached */
    struct crossing first;                      /* when anomalous: the first crossing */
    struct novelty unknown[INSPECTION_UNKNOWN]; /* met up to it, oldest first: of its kind, and of
                                                   its thread when it is about windows */
    size_t unknown_count;
    struct novelty *novelties; /* all of them, when asked for */
    size_t novelty_count;
    struct trace_faults faults; /* what a lenient reader left out */
};

/*
 * Reads the trace at path ("-": standard input) as one replica's calls. Fills inspection, which
 * inspection_clear empties, on success only. Times are nowhere but in `first` unless all novelties
 * are asked for.
 */
int inspect_trace(struct profile *profile, const struct detect_rule *rule, const char *path,
                  const struct trace_options *options, bool all_novelties,
                  struct inspection *inspection, struct error *err);

void inspection_clear(struct inspection *inspection);

#endif
