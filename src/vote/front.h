/*
 * A front that votes: a reverse proxy for HTTP/1.1 which sends every request to every replica of a
 * service and gives on the answer that the majority of them gives. What only a minority says never
 * reaches a client.
 */
#ifndef SKINK_VOTE_FRONT_H
#define SKINK_VOTE_FRONT_H

#include "base/error.h"
#include "vote/front_rule.h"

struct front;

/* Begins to serve, in threads of its own. Borrows rule. NULL on error. */
struct front *front_open(const struct front_rule *rule, struct error *err);

/* The port that it listens on: the kernel's choice when the rule's is 0. */
unsigned front_port(const struct front *front);

/*
 * Other replicas take seats, as many as the rule has: they are asked from the next request on. What
 * the ones before them called the clients' things is forgotten. How many seats have changed.
 */
size_t front_change(struct front *front, const struct seat *seat);

/* Ends; requests under way are answered first. NULL is allowed. */
void front_close(struct front *front);

#endif
