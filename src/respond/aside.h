/*
 * Work that may never end, such as looking at a file system that the intruder himself serves
 * (FUSE): it is done by a child, which is killed when it takes too long.
 */
#ifndef SKINK_RESPOND_ASIDE_H
#define SKINK_RESPOND_ASIDE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Writes its answer, of always the same size, to out; again when it knows more. */
typedef void aside_work(void *context, int out);

/* The last answer (zeros when there is none). 0: the work was done; 1: it was killed after the
 * time-out; -1: err says why it could not be begun. */
int aside_run(aside_work *work, void *context, uint64_t timeout_ns, void *answer, size_t size,
              struct error *err);

#endif
