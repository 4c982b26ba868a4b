/*
 * Diverse detectors: kinds that see different things of a replica, so that what misleads one need
 * not mislead the other. What cannot be undone is decided by two of them, or by a person
 * (respond/choice.h).
 */
#ifndef SKINK_AGENT_QUORUM_H
#define SKINK_AGENT_QUORUM_H

#include <jansson.h>

#include "agent/state.h"

struct quorum {
    unsigned able; /* who can judge the replica now: a set of 1 << enum alert_voice */
    unsigned say;  /* who calls it foreign */
};

/* Of a replica with or without an open alert. */
struct quorum quorum_of(const struct agent *agent, const struct watched *watched);

/* How many are in a set. */
unsigned quorum_count(unsigned voices);

/* {"able": ["calls", …], "say": […]}. New reference. */
json_t *quorum_json(const struct quorum *quorum);

#endif
