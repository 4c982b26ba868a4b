/* What the kernel does to whoever makes a foreign call, switched on and off: by `hold` and `stop`.
 */
#ifndef SKINK_RESPOND_HALT_H
#define SKINK_RESPOND_HALT_H

#include "respond/measure.h"

/* Is the replica watched? */
int halt_check(const struct measure_target *target, struct error *err);

/* -1: it is not watched any more. */
int halt_begin(const struct measure_target *target, enum replica_halt halt, json_t *token,
               struct error *err);

/* Not watched any more: it is over. */
void halt_end(const json_t *token, enum replica_halt halt, const struct measure_kernel *kernel);

#endif
