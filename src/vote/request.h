/* A request of a client, as it is passed on to every replica. */
#ifndef SKINK_VOTE_REQUEST_H
#define SKINK_VOTE_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "vote/alias.h"

struct request {
    char *method, *target;     /* owned; the target as the client wrote it */
    struct curl_slist *fields; /* its headers but for those that are this connection's own */
    char *body;
    size_t size, room;
};

/* Takes over a copy of target. */
struct request *request_new(const char *target);

/* NULL is allowed. */
void request_free(struct request *request);

/* A header of the client's. Those that would make answers incomparable (ranges, conditions,
 * codings) or belong to the client's connection are left out. */
void request_field(struct request *request, const char *name, const char *value);

/* The fields are complete: what libcurl would add of its own is switched off. */
void request_fields_end(struct request *request);

/* The request as this replica is to be asked, with its own aliases for what the client names; NULL:
 * as it is. */
struct request *request_translate(const struct request *request, struct aliases *aliases,
                                  size_t replica);

/* More of the body; false when it gets longer than limit. */
bool request_body(struct request *request, const char *data, size_t size, size_t limit);

#endif
