/* Learning a profile, for programs that embed Skink. */
#include <string.h>

#include "base/memory.h"
#include "detect/learn.h"
#include "library/library_profile.h"

#define INTERVAL_CALLS 10000

struct skink_learner {
    struct profile *profile;
    struct learner *learner; /* NULL before the first call, which decides how time is counted */
    struct growth_rule rule;
};

static int check(const char *service, const char *version, unsigned window, unsigned bag,
                 struct error *why)
{
    if (strlen(service) >= PROFILE_NAME || strlen(version) >= PROFILE_NAME)
        return error_set(why, EXIT_USAGE, 0, "%s: the name is longer than %d bytes", service,
                         PROFILE_NAME - 1);
    if (window < PATTERN_MIN || window > PATTERN_MAX || bag < PATTERN_MIN || bag > PATTERN_MAX)
        return error_set(why, EXIT_USAGE, 0,
                         "a window of %u and a bag of %u: both must be %d to %d", window, bag,
                         PATTERN_MIN, PATTERN_MAX);
    return 0;
}

struct skink_learner *skink_learner_new(const char *service, const char *version, unsigned window,
                                        unsigned bag, struct skink_error *err)
{
    struct error why;
    if (check(service, version, window, bag, &why) < 0) {
        library_tell(err, &why);
        return NULL;
    }
    struct skink_learner *learner = memory_must(calloc(1, sizeof *learner));
    learner->profile = profile_new(service, version, window, bag);
    learner->rule = GROWTH_RULE_DEFAULT;
    learner->rule.interval_calls = INTERVAL_CALLS;
    return learner;
}

void skink_learner_rule(struct skink_learner *learner, uint64_t interval_ns,
                        uint64_t interval_calls, double sigma)
{
    learner->rule.interval_ns = interval_ns;
    learner->rule.interval_calls = interval_calls ? interval_calls : 1;
    learner->rule.sigma = sigma;
}

/* Begins with what the first call says: has it a time? */
static void start(struct skink_learner *learner, uint64_t time)
{
    if (time == 0)
        learner->rule.interval_ns = 0;
    growth_start(profile_growth(learner->profile), &learner->rule);
    learner->learner = learner_new(learner->profile);
}

void skink_learner_calls(struct skink_learner *learner, const struct skink_call *calls,
                         size_t count)
{
    struct call batch[LIBRARY_BATCH];
    if (!learner->learner && count > 0)
        start(learner, calls[0].time);
    for (size_t size; count > 0; calls += size, count -= size) {
        size = count < LIBRARY_BATCH ? count : LIBRARY_BATCH;
        library_take_calls(batch, calls, size);
        learner_calls(learner->learner, batch, size);
    }
}

void skink_learner_replica(struct skink_learner *learner)
{
    if (learner->learner)
        learner_replica(learner->learner);
}

struct skink_profile *skink_learner_finish(struct skink_learner *learner)
{
    struct profile *profile = learner->profile;
    if (!learner->learner)
        start(learner, 0);
    learner_finish(learner->learner);
    free(learner);
    return library_profile(profile);
}

void skink_learner_free(struct skink_learner *learner)
{
    if (learner)
        skink_profile_free(skink_learner_finish(learner));
}
