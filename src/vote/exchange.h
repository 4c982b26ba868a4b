/*
 * One request, sent to every replica at once, and the vote about their answers. An exchange keeps
 * its connections for the next request; it is used by one thread at a time.
 */
#ifndef SKINK_VOTE_EXCHANGE_H
#define SKINK_VOTE_EXCHANGE_H

#include "vote/answer.h"
#include "vote/front_rule.h"
#include "vote/request.h"

#define EXCHANGE_WHY 160

/* What is remembered of the replicas from one request to the next; safe to use from many threads.
 */
struct standing;

struct standing *standing_new(void);

/* NULL is allowed. */
void standing_free(struct standing *standing);

/* Another replica has taken the seat. */
void standing_forget(struct standing *standing, size_t replica);

struct exchange;

/* What all exchanges of a front share; borrowed. */
struct exchange_room {
    const struct front_rule *rule;
    struct seats *seats;
    struct noise *noise;
    struct aliases *aliases;
    struct standing *standing;
};

struct exchange *exchange_new(const struct exchange_room *room);

/* NULL is allowed. */
void exchange_free(struct exchange *exchange);

enum vote {
    VOTE_AGREES, /* or, without a majority, gave any answer */
    VOTE_DISSENTS,
    VOTE_SILENT,  /* no whole answer in time */
    VOTE_SKIPPED, /* silent since before, and nobody waited for it */
};

struct exchange_outcome {
    size_t support;              /* so many gave the same answer */
    const struct answer *winner; /* NULL: no majority; the exchange's, until the next request */
    enum vote vote[BALLOT_REPLICAS];
    const char *name[BALLOT_REPLICAS]; /* of who was asked; the exchange's, as the winner is */
    char why[BALLOT_REPLICAS][EXCHANGE_WHY]; /* of who was silent or dissents, else "" */
};

/*
 * Asks all and waits for their answers: each has rule->timeout; once a majority agrees, the others
 * have rule->lag more. Who was silent the last time is not waited for, but once a second.
 */
void exchange_run(struct exchange *exchange, const struct request *request,
                  struct exchange_outcome *outcome);

#endif
