/* Commands that the configuration names: run by the shell, ended when they take too long. */
#ifndef SKINK_RESPOND_HOOK_H
#define SKINK_RESPOND_HOOK_H

#include <stddef.h>

#include "base/error.h"
#include "respond/measure.h"

/*
 * Runs the command with SKINK_SERVICE, SKINK_VERSION, SKINK_REPLICA, SKINK_ID, SKINK_ENGINE,
 * SKINK_PID and SKINK_VARIANT in its environment. The first line that it prints goes into output.
 * What it leaves running in the background is left alone when it succeeds, and killed with it when
 * it does not.
 */
int hook_run(const char *command, const struct measure_target *target, uint64_t timeout_ns,
             char *output, size_t size, struct error *err);

#endif
