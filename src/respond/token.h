/*
 * What a measure keeps for its undo: names of kernel objects, with what tells them from later ones
 * of the same name. A token is JSON, since it outlives the daemon.
 */
#ifndef SKINK_RESPOND_TOKEN_H
#define SKINK_RESPOND_TOKEN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "respond/cgroup_place.h"
#include "respond/measure.h"

/* The cgroup; found again: it is still the same one. */
void token_cgroup(json_t *token, const struct cgroup_place *place);
bool token_find_cgroup(const json_t *token, struct cgroup_place *place);

/* The network namespace of the replica, and no other that its first process has gone to: that may
 * be somebody else's. Opened again, when that process has ended: by any place that it is mounted
 * at. -1: it has gone. */
int token_network(json_t *token, const struct measure_target *target, struct error *err);
int token_open_network(const json_t *token);

/* A text of the token, "" when it is missing. */
const char *token_text(const json_t *token, const char *key);

/* Is it true of the measure? */
bool token_is(const json_t *token, const char *key);

#endif
