/*
 * An outlet that may be slow: a bounded queue of lines and a thread that delivers them one by one,
 * so that whoever puts a line never waits.
 */
#ifndef SKINK_AGENT_OUTLET_H
#define SKINK_AGENT_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define OUTLET_LINES 256 /* waiting; one more is dropped and counted */

struct outlet;

/*
 * Delivers one line (NUL-terminated, without a newline), in the outlet's thread; false: given up. A
 * delivery that takes long looks at outlet_pause or outlet_stopping.
 */
typedef bool (*outlet_deliver)(void *context, struct outlet *outlet, const char *line);

/* name is for messages; context is borrowed. */
struct outlet *outlet_start(const char *name, outlet_deliver deliver, void *context,
                            struct error *err);

void outlet_put(struct outlet *outlet, const char *line);

void outlet_count(struct outlet *outlet, uint64_t *sent, uint64_t *dropped);

/* For deliver: waits; false when the outlet is to stop, at once. */
bool outlet_pause(struct outlet *outlet, uint64_t ns);
bool outlet_stopping(struct outlet *outlet);

/*
 * Waits until the queue is empty, at most until deadline (CLOCK_MONOTONIC ns), then stops the
 * thread and frees the outlet. Lines left are logged. NULL is allowed.
 */
void outlet_stop(struct outlet *outlet, uint64_t deadline);

#endif
