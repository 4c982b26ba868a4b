/* Profiles, for programs that embed Skink. */
#include "library/library_profile.h"

#include "base/cleanup.h"
#include "base/memory.h"

struct skink_profile *library_profile(struct profile *profile)
{
    struct skink_profile *made = memory_must(malloc(sizeof *made));
    made->profile = profile;
    return made;
}

struct skink_profile *skink_profile_load(const char *path, struct skink_error *err)
{
    struct error why;
    struct profile *profile = profile_load(path, &why);
    if (!profile) {
        library_tell(err, &why);
        return NULL;
    }
    return library_profile(profile);
}

int skink_profile_save(const struct skink_profile *profile, const char *path,
                       struct skink_error *err)
{
    struct error why;
    size_t size;
    autofree void *data = profile_serialize(profile->profile, &size);
    if (profile_write(path, data, size, &why) < 0) {
        library_tell(err, &why);
        return -1;
    }
    return 0;
}

void skink_profile_free(struct skink_profile *profile)
{
    if (!profile)
        return;
    profile_free(profile->profile);
    free(profile);
}

const char *skink_profile_service(const struct skink_profile *profile)
{
    return profile_facts(profile->profile)->service;
}

const char *skink_profile_version(const struct skink_profile *profile)
{
    return profile_facts(profile->profile)->version;
}

size_t skink_profile_windows(const struct skink_profile *profile)
{
    return profile_count(profile->profile, PATTERN_WINDOW);
}

size_t skink_profile_bags(const struct skink_profile *profile)
{
    return profile_count(profile->profile, PATTERN_BAG);
}

bool skink_profile_complete(const struct skink_profile *profile, char *text, size_t size)
{
    if (text && size > 0)
        profile_state(profile->profile, text, size);
    return profile_gaps(profile->profile) == 0;
}

struct skink_rule skink_profile_rule(const struct skink_profile *profile)
{
    const struct profile_facts *facts = profile_facts(profile->profile);
    struct skink_rule rule = {.frame = facts->frame, .epoch = facts->epoch};
    profile_propose(facts, &rule.frame_threshold, &rule.epoch_threshold);
    return rule;
}
