/* A new replica in the place of another one: it is started first, and when it serves, requests go
 * to it and no more to the old one. */
#ifndef SKINK_RESPOND_SUCCESSOR_H
#define SKINK_RESPOND_SUCCESSOR_H

#include "respond/cgroup_place.h"
#include "respond/haproxy.h"
#include "respond/measure.h"

struct successor {
    char name[HAPROXY_NAME];
    char address[64];
    uint16_t port; /* 0: the same as the old one's */
};

/* Is there anything that can start one? */
int successor_check(const struct measure_target *target, struct error *err);

/*
 * Starts one, of the target's variant when it has one, and hands over to it. The token gets "new",
 * "address" and "variant", and what the balancer needs. What it made is taken back when it fails.
 */
int successor_start(const struct measure_target *target, struct successor *successor, json_t *token,
                    struct error *err);

/* The old one serves again, and the new one ends: a command's own cannot be ended from here. */
void successor_take_back(const struct measure_target *target, const struct successor *successor,
                         const json_t *token);

/* The same when it has been kept (successor_keep), from the token. */
void successor_withdraw(const struct measure_target *target, const json_t *token);

/* The old one, whose cgroup this is, is kept until the measure expires: what ends it then, and what
 * lets it go on, goes into the token. */
void successor_keep(const struct measure_target *target, const struct cgroup_place *place,
                    json_t *token);

/* The end of one that was kept: the `expire` of a measure. */
int successor_evict(const json_t *token, const char *engine_socket, struct error *err);

#endif
