/*
 * The daemon: wires the rooms together and holds their state. One thread and one event loop do all
 * the detecting; engines, webhook and file writing have threads of their own that it never waits
 * for.
 */
#ifndef SKINK_AGENT_AGENT_H
#define SKINK_AGENT_AGENT_H

#include "agent/config.h"
#include "agent/guardian.h"
#include "base/error.h"

/*
 * Runs until SIGTERM or SIGINT, or until `command` (NULL-ended, may be NULL) has ended: a command
 * that Skink starts itself in a cgroup of its own and watches as a service. SIGHUP reads the
 * configuration at config->path again. guard: what watches it, NULL: nothing does. Takes over
 * config. 0, or -1 when it could not start.
 */
int agent_run(struct config *config, char *const *command, const struct guard *guard,
              struct error *err);

#endif
