/* What the daemon that watches the system says of it. */
#ifndef SKINK_CAMPAIGN_DAEMON_H
#define SKINK_CAMPAIGN_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Its status, NULL when none answers. New reference. */
json_t *daemon_status(const char *socket);

/* Are all services learned whose containers have such names? False when there is none. */
bool daemon_learned(const json_t *status, const char *containers);

/* For campaign.json. New reference. */
json_t *daemon_json(const json_t *status, bool learned);

/*
 * Writes alerts.jsonl, incidents.jsonl and flows.jsonl: what was told or used from begin to end (ns
 * since 1970). status NULL: no daemon, empty files. 0 or -1: not all could be had.
 */
int daemon_collect(const char *socket, const json_t *status, const char *directory, uint64_t begin,
                   uint64_t end, struct error *err);

#endif
