/*
 * Data sets: the traces of a published set, or of a folder of one's own, with what is known of each
 * (docs/trace-readers.md). One trace is one file, which trace_open_as reads with the set's options;
 * a file of the University of New Mexico holds several processes.
 */
#ifndef SKINK_TRACE_DATASET_H
#define SKINK_TRACE_DATASET_H

#include "trace/trace.h"

enum trace_label {
    LABEL_TRAINING,   /* normal, to learn from */
    LABEL_VALIDATION, /* normal, to choose thresholds by */
    LABEL_NORMAL,     /* normal, to test with */
    LABEL_ATTACK,     /* to test with; an attack may begin only somewhere in it */
};

struct dataset_trace {
    char *path;
    char *name;   /* the path within the data set */
    char *attack; /* LABEL_ATTACK: which kind, or which scenario; otherwise "" */
    enum trace_label label;
    char *service; /* whose calls these are; "": nobody says */
    size_t
        occurrence; /* of the attack, from 1: the same for all traces of one; 0: it has only this */
    bool start_known;
    uint64_t start; /* of the attack: ns since 1970, or since the first call when start_relative */
    bool start_relative;
};

struct dataset {
    const char *kind; /* "campaign", "adfa-ld", "unm", "lid-ds-2019", "lid-ds-2021", "hids-docker",
                         "folder" */
    struct trace_options options; /* to open its traces with */
    struct dataset_trace *traces; /* sorted by name; LID-DS 2019: as runs.csv lists them */
    size_t count;
    size_t occurrences; /* the largest of the traces' */
};

/*
 * Finds out by its folders what data set lies at path, and lists its traces; fills dataset, which
 * dataset_clear empties, on success only. 0 or -1.
 */
int dataset_open(const char *path, struct dataset *dataset, struct error *err);
void dataset_clear(struct dataset *dataset);

/* "training", "validation", "normal", "attack". */
const char *trace_label_name(enum trace_label label);

#endif
