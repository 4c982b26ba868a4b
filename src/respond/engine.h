/* What is done through an engine's API (Docker Engine API 1.41, Podman's compatible one). */
#ifndef SKINK_RESPOND_ENGINE_H
#define SKINK_RESPOND_ENGINE_H

#include <jansson.h>

#include "respond/measure.h"

/* What asks for a new container like the one that was inspected; NULL when there can be no second
 * one beside it (err). New reference. */
json_t *engine_likeness(const json_t *inspect, struct error *err);

/* Makes the likeness one of a variant that is an image: what the old image brought is left to the
 * new one, and the container says which service and version it is. old: the old image, inspected.
 */
void engine_vary(json_t *likeness, const json_t *old, const char *service,
                 const struct variant *variant);

/* Creates a container like the target's, or of its variant, under this name, starts it, and takes
 * its address ("" when it has none). What it made is removed when it fails. */
int engine_start_like(const struct measure_target *target, const char *name, char *address,
                      size_t size, struct error *err);

/* Ends and removes what engine_start_like has started under this name. */
void engine_take_away(const struct measure_target *target, const char *name);

/* Ends the target as a person would, and removes it, so that the engine does not start it again. */
int engine_end(const struct measure_target *target, uint64_t grace, struct error *err);

/*
 * Of a container that is kept when its successor has taken over. hold: its engine shall not start
 * it again when it ends; token gets which container it is, and what its restart policy was.
 * release: the policy is again what it was. finish: its end is near, and shall be the last. What
 * has gone meanwhile is no error. socket: of the engine that the token names; NULL: nothing is
 * done.
 */
void engine_hold(const struct measure_target *target, json_t *token);
int engine_release(const char *socket, const json_t *token, struct error *err);
int engine_finish(const char *socket, const json_t *token, struct error *err);

#endif
