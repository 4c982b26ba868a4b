/* The other end of a flow to a unix socket. Nobody but flows.c includes this. */
#ifndef SKINK_AGENT_FLOW_UNIX_H
#define SKINK_AGENT_FLOW_UNIX_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/flow_seen.h"

struct agent;

/*
 * The replica that is bound to the name that `flow` calls, ENDS_NOBODY when none is known. exists:
 * false when the name is a path at which there is no socket, so that nobody was called.
 */
size_t flow_unix_end(const struct agent *agent, const struct flow *flow, bool *exists);

#endif
