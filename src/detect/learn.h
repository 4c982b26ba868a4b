/* Learning a profile from recorded traces: `skink learn`. */
#ifndef SKINK_DETECT_LEARN_H
#define SKINK_DETECT_LEARN_H

#include "base/error.h"
#include "profile/profile.h"
#include "trace/trace.h"

struct learner;

/* Borrows the profile, whose growth curve has its rule but no point yet. Never NULL. */
struct learner *learner_new(struct profile *profile);

/* From now on the calls behind the end of the learning are left out, as the agent does. */
void learner_stop_when_learned(struct learner *learner);

/* What follows is another trace, or another replica's calls: the next stretch of the training. */
void learner_replica(struct learner *learner);

/* Learns the next calls. Where intervals are times the calls must have some. */
void learner_calls(struct learner *learner, const struct call *calls, size_t count);

/*
 * Learns a trace, one replica's calls read with TRACE_TIMES, as the next stretch of the training. A
 * trace that begins with an exec or a fork was recorded from the replica's start. Intervals of time
 * need a trace with times. 0, or -1; what was read before an error stays learned.
 */
int learner_trace(struct learner *learner, struct trace_reader *reader, struct error *err);

/* Notes in the profile's facts what is known only at the end, and frees the learner. */
void learner_finish(struct learner *learner);

#endif
