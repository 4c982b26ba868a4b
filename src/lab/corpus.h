/*
 * A data set's calls: read once, kept in memory as far as that goes, read again from their files
 * beyond it.
 */
#ifndef SKINK_LAB_CORPUS_H
#define SKINK_LAB_CORPUS_H

#include "trace/call.h"
#include "trace/dataset.h"

/* Calls are handed over in blocks of at most so many. */
#define CORPUS_BLOCK 4096

struct corpus_trace {
    const struct dataset_trace *about;
    struct call *calls;   /* NULL: to be read from its file */
    size_t records;       /* calls and marks */
    uint64_t count;       /* calls */
    uint64_t first, last; /* times, 0: none */
    uint64_t faults;      /* lines passed over and calls of unknown name, when lenient */
    uint64_t digest[2];   /* of the calls and marks in their order */
    bool repeats;         /* an earlier trace, both normal or both attacks, has the same calls */
    bool like_normal;     /* an attack with the calls of a normal trace */
};

struct corpus {
    struct dataset dataset;
    struct corpus_trace *traces; /* as in the data set */
    size_t count;
    uint64_t digest; /* of all traces and their labels */
};

/* Told how far a long work is; by any thread, but one at a time. look may be NULL. */
struct watcher {
    void (*look)(void *context, size_t done, size_t all);
    void *context;
};

/*
 * Opens a data set and reads every trace. lenient: malformed lines are passed over. memory: bytes
 * that may be used for the calls. Fills corpus, which corpus_clear empties, on success only.
 */
int corpus_open(const char *path, bool lenient, uint64_t memory, unsigned threads,
                const struct watcher *watcher, struct corpus *corpus, struct error *err);
void corpus_clear(struct corpus *corpus);

/* Hands a trace's calls over, in order; 0, or -1 when its file cannot be read (again). */
int corpus_visit(const struct corpus *corpus, size_t trace,
                 void (*visit)(void *context, const struct call *calls, size_t count),
                 void *context, struct error *err);

/* Traces of a label. */
size_t corpus_labelled(const struct corpus *corpus, enum trace_label label);

#endif
