/* The paths that the daemon uses after its start: the sandbox lets it reach these alone. */
#ifndef SKINK_AGENT_SANDBOX_PATHS_H
#define SKINK_AGENT_SANDBOX_PATHS_H

#include "agent/config.h"
#include "agent/sandbox.h"

/* Free with sandbox_paths_free. */
struct sandbox_path *sandbox_paths(const struct config *config,
                                   const struct cgroup_hierarchy *hierarchy);
void sandbox_paths_free(struct sandbox_path *paths);

/* Tells of each path of another configuration that lies outside of paths. NULL is allowed. */
void sandbox_paths_tell(const struct sandbox_path *paths, const struct config *config);

#endif
