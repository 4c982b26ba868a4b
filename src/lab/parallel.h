/* The same work on many things by several threads. */
#ifndef SKINK_LAB_PARALLEL_H
#define SKINK_LAB_PARALLEL_H

#include <stddef.h>

#include "base/error.h"

/* Does the work on one thing; 0, or -1 and err says why. */
typedef int parallel_work(void *context, size_t index, struct error *err);

/*
 * Does work for every index below count, on up to `threads` threads, the caller's included; begins
 * them in order. After an error nothing more is begun. 0, or -1 and err has the first error.
 */
int parallel_each(size_t count, unsigned threads, parallel_work *work, void *context,
                  struct error *err);

/* The cores that this process may use, at least 1. */
unsigned parallel_cores(void);

#endif
