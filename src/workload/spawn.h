/* A command that Skink starts itself, in a cgroup of its own. */
#ifndef SKINK_WORKLOAD_SPAWN_H
#define SKINK_WORKLOAD_SPAWN_H

#include <sys/types.h>

#include "base/error.h"
#include "workload/workload.h"

/*
 * Starts command (NULL-ended, looked up in PATH) with this process's standard streams. The child is
 * in the cgroup (made by the caller) before it execs, so nothing of the command runs outside. Its
 * signals are as a shell would set them; it is killed when this process dies. Returns 0 after the
 * exec has succeeded, -1 when it has not.
 */
int workload_spawn(const struct cgroup_hierarchy *hierarchy, const char *cgroup_path,
                   char *const *command, pid_t *pid, struct error *err);

#endif
