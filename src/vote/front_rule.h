/* What a front is told: for whom it votes, and its bounds. */
#ifndef SKINK_VOTE_FRONT_RULE_H
#define SKINK_VOTE_FRONT_RULE_H

#include <stdint.h>
#include <sys/socket.h>

#include "vote/seats.h"

#define FRONT_HEADERS 32 /* that are compared */

struct front_rule {
    struct sockaddr_storage listen;
    struct seat seat[BALLOT_REPLICAS]; /* as they are at first */
    size_t replicas;
    struct ballot_pair pair;
    const char
        *header[FRONT_HEADERS + 1]; /* that are compared and given on; NULL-ended, borrowed */
    uint64_t timeout;               /* ns that a replica has for its answer */
    uint64_t lag;                   /* ns that the others still have once a majority agrees */
    uint64_t body;                  /* bytes of a request's or an answer's body */
    unsigned connections;
    const char *socket; /* of the daemon, which is told of dissent; NULL: nobody is told */
};

#endif
