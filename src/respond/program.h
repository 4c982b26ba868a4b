/* Programs that a measure runs: with a time-out, and told apart from what they leave running. */
#ifndef SKINK_RESPOND_PROGRAM_H
#define SKINK_RESPOND_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Runs words[0], looked up in PATH, in a process group of its own, named `name` in errors. What it
 * prints goes into output, cut at size. What it leaves running in the background is left alone when
 * it succeeds, and killed with it when it does not.
 */
int program_run(const char *name, char *const *words, char *const *environment, uint64_t timeout_ns,
                char *output, size_t size, struct error *err);

/* Is there a program of this name in PATH? */
bool program_exists(const char *name);

#endif
