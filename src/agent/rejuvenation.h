/* Rejuvenation carried out: what the schedule says is due becomes a plan, and by the service's
 * policy a measure. */
#ifndef SKINK_AGENT_REJUVENATION_H
#define SKINK_AGENT_REJUVENATION_H

#include "agent/tolerance.h"

/* Once a second of each service: makes a plan when a replica is due now, once for each cause. */
void rejuvenation_consider(struct agent *agent, const struct tolerance_view *view);

/* Such a plan has failed: the replica is left alone for a while, each time for a longer one. */
void rejuvenation_failed(struct watched *watched);

/* Why no replica of the service may be renewed by itself now; NULL: nothing keeps it. */
const char *rejuvenation_held(const struct agent *agent, const char *service);

/* Is the plan one of rejuvenation? */
bool rejuvenation_is(const json_t *plan);

#endif
