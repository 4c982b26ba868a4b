/* Work in another network namespace: a thread of its own enters it and ends there, so that nobody
 * has to find the way back. */
#ifndef SKINK_RESPOND_INSIDE_H
#define SKINK_RESPOND_INSIDE_H

#include "base/error.h"

/* What the work returns; -1 when the namespace cannot be entered. */
int inside_run(int network, int (*work)(void *context, struct error *err), void *context,
               struct error *err);

#endif
