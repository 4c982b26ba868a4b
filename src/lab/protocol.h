/*
 * Protocols: which traces are learned, which choose thresholds, which are judged, and what is one
 * judgement.
 */
#ifndef SKINK_LAB_PROTOCOL_H
#define SKINK_LAB_PROTOCOL_H

#include "lab/corpus.h"

enum protocol_kind {
    PROTOCOL_OFFICIAL,  /* the set's own split */
    PROTOCOL_RANDOM,    /* the normal traces dealt anew, once or several times */
    PROTOCOL_FOLDS,     /* the normal traces in k parts, each judged by what the others taught */
    PROTOCOL_VALIDATED, /* the set's own split, which must have validation traces */
    PROTOCOL_LID_DS,    /* the set's own split; alarms in time, and runs of false ones, count */
    PROTOCOL_EPOCHS,    /* traces cut into epochs, each of which is judged */
    PROTOCOLS,
};

struct protocol {
    enum protocol_kind kind;
    uint64_t seed;
    double share; /* of the normal traces, to learn */
    uint64_t folds, times;
    uint64_t epoch_calls; /* 0: any number */
    uint64_t epoch_ns;    /* 0: any time */
};

/* "random:seed=7,share=0.3"; parameters that are absent have their defaults. 0 or -1. */
int protocol_parse(const char *text, struct protocol *protocol, struct error *err);

/* What suits the data set. */
struct protocol protocol_for(const struct corpus *corpus);

/* As protocol_parse reads it, with every parameter; and for people, one paragraph. To be freed. */
char *protocol_name(const struct protocol *protocol);
char *protocol_words(const struct protocol *protocol);

/* Indices of traces in the corpus. */
struct traces {
    size_t *index;
    size_t count;
};

struct split {
    const char *service; /* all traces are this one's; "": nobody says whose; borrowed */
    struct traces learn;
    struct traces choose; /* normal, for thresholds; none: some of those to learn are held out */
    struct traces judge;
};

struct plan {
    struct split *splits;
    size_t count;
};

/*
 * Deals the traces. distinct: of normal traces with the same calls only one takes part, and of
 * attacks. Fails when there is nothing to learn or to judge.
 */
int plan_make(const struct protocol *protocol, const struct corpus *corpus, bool distinct,
              struct plan *plan, struct error *err);
void plan_clear(struct plan *plan);

#endif
