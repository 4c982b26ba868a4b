/*
 * An evaluation: every candidate on every split of a data set, by all cores, as one JSON document
 * (docs/eval.md), from which the tables and the report are made.
 */
#ifndef SKINK_LAB_EVALUATION_H
#define SKINK_LAB_EVALUATION_H

#include "lab/figures.h"

struct evaluation {
    const struct corpus *corpus;
    const struct protocol *protocol;
    bool distinct; /* of traces with the same calls one is enough */
    struct method method;
    struct bootstrap bootstrap;
    const struct candidate *candidates;
    size_t count;
    const char *journal; /* to resume from and to note in; NULL: none */
    unsigned threads;
    struct watcher watcher; /* of the trials */
};

/* A new reference; NULL on error. */
json_t *evaluation_run(const struct evaluation *evaluation, struct error *err);

#endif
