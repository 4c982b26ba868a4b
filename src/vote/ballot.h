/* A ballot: which of the answers to one request is the majority's, and who dissents from it. */
#ifndef SKINK_VOTE_BALLOT_H
#define SKINK_VOTE_BALLOT_H

#include "vote/noise.h"

#define BALLOT_REPLICAS 9
#define BALLOT_NOBODY   ((size_t)-1)

/* An answer as it is compared; borrowed. */
struct ballot_answer {
    bool given;       /* else the replica was silent */
    unsigned status;  /* never noise */
    const char *head; /* the headers that are compared, as one text */
    const char *body;
    size_t head_size, body_size;
    const char
        *canonical; /* the body in the one form that all who mean the same have; NULL: none */
    size_t canonical_size;
};

/* Who is of the same build; both BALLOT_NOBODY: nobody, so that there is no noise. */
struct ballot_pair {
    size_t a, b;
    bool is_one_vote; /* these two alone are no majority: what breaks into one breaks into both */
};

struct ballot {
    size_t winner;  /* whose answer the client gets; BALLOT_NOBODY: no majority */
    size_t support; /* so many gave it; without a majority: the most that any answer has */
    bool unanimous; /* all that were given are the same, byte by byte */
    bool dissents[BALLOT_REPLICAS]; /* gave another answer; all false without a majority */
};

/* More than half of the n replicas, of those that are silent, too. */
size_t ballot_majority(size_t n);

/* Are all that are given the same, byte by byte? Then nothing else about them counts. */
bool ballot_unanimous(const struct ballot_answer *answers, size_t n);

/*
 * Counts the votes of n >= 1 answers. The majority's answer that is given on is one that differs
 * least from the others of the majority: noise in which only one of them is odd is not passed on.
 * learn: when all agree, where the pair differs is remembered as noise.
 */
struct ballot ballot_count(struct noise *noise, const struct ballot_answer *answers, size_t n,
                           const struct ballot_pair *pair, bool learn);

#endif
