/*
 * What a profile is made of, and how its sources come together. Within the room only.
 */
#ifndef SKINK_PROFILE_INSIDE_H
#define SKINK_PROFILE_INSIDE_H

#include "profile/patterns.h"
#include "profile/profile.h"

#define NO_SOURCE SIZE_MAX

struct profile {
    struct profile_facts facts;
    struct growth growth;
    struct pattern_set patterns[PATTERN_KINDS];
    struct profile_accesses accesses;
    struct profile_source *sources;
    size_t source_count;
    size_t learner; /* the source that learns now, NO_SOURCE: none yet */
};

/* The number of a pattern, own or laid aside; SIZE_MAX when it is not there. */
size_t profile_find(const struct profile *profile, enum pattern_kind kind, const uint16_t *codes);

/* The source that learns now; begun when there is none. */
size_t source_begin(struct profile *profile);

/* The source that an older file, which knew of none, stands for: the same for the same training. */
void source_of_old_file(struct profile *profile);

/* Brings the running source's numbers up to the facts, which are the sum of all sources. */
void sources_settle(struct profile *profile);

/* The other way: the facts that sum up the sources of the profile's own version. */
void sources_sum(struct profile *profile);

/* Adds a source, or, when it is there, the later of both states of it. Its index; NO_SOURCE when
 * there are too many. */
size_t source_join(struct profile *profile, const struct profile_source *source);

/* Makes own what a source of the profile's own version has shown. */
void sources_claim(struct profile *profile);

/* Adds the patterns of another profile with their marks, whose sources are there already. */
void patterns_join(struct profile *profile, const struct profile *other);

#endif
