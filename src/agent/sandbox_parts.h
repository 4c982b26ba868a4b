/* The parts of the sandbox; see agent/sandbox.h. */
#ifndef SKINK_AGENT_SANDBOX_PARTS_H
#define SKINK_AGENT_SANDBOX_PARTS_H

#include "agent/sandbox.h"

/* Files, by Landlock. Its version, or -1 (err). */
int sandbox_files(const struct sandbox_path *paths, struct error *err);

/* Calls, by seccomp. */
int sandbox_calls(struct error *err);

#endif
