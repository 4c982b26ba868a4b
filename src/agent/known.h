/*
 * Known vulnerabilities of the services, from the files that the configuration names. They are read
 * by a thread of their own, at first and whenever one of them has changed, so that detection never
 * waits. What cannot be read any more leaves what was read before in force.
 */
#ifndef SKINK_AGENT_KNOWN_H
#define SKINK_AGENT_KNOWN_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/config.h"
#include "tolerate/vulnerability.h"

struct known;

struct known *known_new(void);

/* Waits for a reading that goes on. */
void known_free(struct known *known);

/* The configuration has changed: everything is read again. */
void known_forget(struct known *known);

/* Now and then: begins a reading when it is time, takes over what one has found; true when there is
 * something new. */
bool known_tick(struct known *known, const struct config *config, uint64_t now);

/* What a service has. Caller frees with vulnerabilities_free. */
struct vulnerabilities known_of(const struct known *known, const char *service);

/* The files: {"file", "kind", "dated", "stale", "error"} each. New array. */
json_t *known_files(const struct known *known, uint64_t stale, uint64_t realtime);

#endif
