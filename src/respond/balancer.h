/* The balancer in front of a service: which of its servers the replica is, and what becomes of it.
 */
#ifndef SKINK_RESPOND_BALANCER_H
#define SKINK_RESPOND_BALANCER_H

#include "respond/haproxy.h"
#include "respond/measure.h"

/* Is one configured? */
int balancer_check(const struct measure_target *target, struct error *err);

/* The server that has one of these addresses, in the answer of "show stat". */
bool balancer_find_among(const char *stat, const char *backend, uint8_t (*addresses)[16],
                         size_t count, struct haproxy_server *server);

/* The server that the replica is, by its address. */
int balancer_find(const struct measure_target *target, struct haproxy_server *server,
                  struct error *err);

/*
 * No new request goes to the server; those that it has may end, at most for BALANCER_GRACE. The
 * token gets what balancer_restore needs, unless it was out already.
 */
#define BALANCER_GRACE (100ULL * 1000000) /* ns */
#define BALANCER_TIME_OUT                                                   \
    (300ULL * 1000000) /* ns, for each answer: it is a process of this host \
                        */
int balancer_shed(const struct measure_target *target, json_t *token, struct error *err);

/* Waits until no request is under way at it, at most so long (ns). */
void balancer_await_idle(const struct measure_target *target, uint64_t longest);

int balancer_restore(const json_t *token, struct error *err);

/*
 * A server with this address that stands by, with the weight 0, gets requests from now on; one that
 * gets some already is left as it is. The token gets what balancer_close needs.
 */
int balancer_open(const struct measure_target *target, const char *address, json_t *token,
                  struct error *err);
int balancer_close(const json_t *token, struct error *err);

/* The server will not come back. */
int balancer_retire(const json_t *token, struct error *err);

/* Adds a server that is checked, waits until it is up, and lets it serve. */
int balancer_add(const struct measure_target *target, const char *name, const char *address,
                 uint16_t port, struct error *err);

/* Does a server of the backend have this address? -1: err says why nobody knows. */
int balancer_has(const struct measure_target *target, const char *address, struct error *err);

/* A server of a balancer. */
struct balancer_place {
    const char *socket, *backend, *server;
};

/*
 * The server is at another address from now on. It gets no requests until those that it has have
 * ended, at most for MEASURE_TIME_OUT, and the balancer's checks of the new address pass.
 */
int balancer_move(const struct balancer_place *place, const char *address, uint16_t port,
                  struct error *err);

/* What balancer_add has added goes again, as far as the balancer answers. */
void balancer_remove(const struct measure_target *target, const char *name);

#endif
