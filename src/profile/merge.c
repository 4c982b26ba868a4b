/* Profiles that come from profiles: the union over replicas, and the next version's beginning. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "profile/inside.h"

static int mergeable(struct profile *const *profiles, size_t count, struct error *err)
{
    const struct profile_facts *first = &profiles[0]->facts;
    for (size_t i = 1; i < count; i++) {
        const struct profile_facts *facts = &profiles[i]->facts;
        if (strcmp(facts->service, first->service) != 0 ||
            strcmp(facts->version, first->version) != 0) {
            error_set(err, EXIT_USAGE, 0, "%s@%s and %s@%s are not the same service and version",
                      first->service, first->version, facts->service, facts->version);
            return error_hint(err, "a new version starts from an old one by reuse");
        }
        if (facts->window != first->window || facts->bag != first->bag)
            return error_set(err, EXIT_USAGE, 0,
                             "windows of %u and bags of %u cannot be merged with %u and %u",
                             first->window, first->bag, facts->window, facts->bag);
    }
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct profile_source *x = a, *y = b;
    int versions = strcmp(x->version, y->version);
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return versions ? versions : strcmp(x->host, y->host);
}

/* A peak belongs to the length of its frame or epoch: the longer one counts, then the higher. */
static void join_peak(uint32_t *length, uint32_t *peak, uint32_t other_length, uint32_t other_peak)
{
    if (other_length == *length && other_peak > *peak)
        *peak = other_peak;
    if (other_length > *length) {
        *length = other_length;
        *peak = other_peak;
    }
}

/* Which of two curves is further: the learned one, then the one that saw more. A total order, so
 * that the greatest of many does not depend on the order in which they are looked at. */
static int compare_growth(const struct growth *a, const struct growth *b)
{
#define COMPARE(x, y) \
    if ((x) != (y))   \
    return (x) < (y) ? -1 : 1
    COMPARE(a->learned, b->learned);
    COMPARE(a->count, b->count);
    COMPARE(a->in_a_row, b->in_a_row);
    COMPARE(a->learned_at, b->learned_at);
    COMPARE(b->broken, a->broken);
    COMPARE(a->rule.interval_ns, b->rule.interval_ns);
    COMPARE(a->rule.interval_calls, b->rule.interval_calls);
    COMPARE(b->rule.sigma, a->rule.sigma);
    COMPARE(a->rule.needed, b->rule.needed);
    for (size_t i = a->count; i-- > 0;) {
        const struct growth_point *x = &a->points[i], *y = &b->points[i];
        COMPARE(x->calls, y->calls);
        COMPARE(x->elapsed_ns, y->elapsed_ns);
        COMPARE(x->patterns, y->patterns);
        COMPARE(x->steady, y->steady);
    }
#undef COMPARE
    return 0;
}

static void copy_growth(struct growth *to, const struct growth *from)
{
    growth_free(to);
    *to = *from;
    to->points = NULL;
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        growth_append(to, &from->points[i]);
}

static void join_accesses(struct profile_accesses *to, const struct profile_accesses *from)
{
    access_set_join(&to->own, &from->own);
    access_set_join(&to->aside, &from->aside);
    if (compare_growth(&from->growth, &to->growth) > 0)
        copy_growth(&to->growth, &from->growth);
}

static void join_facts(struct profile *merged, const struct profile *profile)
{
    struct profile_facts *facts = &merged->facts;
    const struct profile_facts *other = &profile->facts;
    join_peak(&facts->frame, &facts->frame_peak, other->frame, other->frame_peak);
    join_peak(&facts->epoch, &facts->epoch_peak, other->epoch, other->epoch_peak);
    if (other->min_calls > facts->min_calls)
        facts->min_calls = other->min_calls;
    if (other->created < facts->created)
        facts->created = other->created;
    if (other->updated > facts->updated)
        facts->updated = other->updated;
    if (compare_growth(&profile->growth, &merged->growth) > 0)
        copy_growth(&merged->growth, &profile->growth);
    join_accesses(&merged->accesses, &profile->accesses);
}

static int join_sources(struct profile *merged, struct profile *profile, struct error *err)
{
    sources_settle(profile);
    for (size_t s = 0; s < profile->source_count; s++)
        if (source_join(merged, &profile->sources[s]) == NO_SOURCE)
            return error_set(err, EXIT_USAGE, 0, "more than %d sources", PROFILE_SOURCES_MAX);
    return 0;
}

/* A profile like the first of them, without patterns and sources. */
static struct profile *begin(const struct profile *like, const char *version)
{
    const struct profile_facts *facts = &like->facts;
    struct profile *profile = profile_new(facts->service, version, facts->window, facts->bag);
    profile->facts.min_calls = facts->min_calls;
    profile->facts.frame = facts->frame;
    profile->facts.epoch = facts->epoch;
    profile->facts.created = facts->created;
    profile->facts.updated = facts->updated;
    return profile;
}

struct profile *profile_merge(struct profile *const *profiles, size_t count, struct error *err)
{
    if (mergeable(profiles, count, err) < 0)
        return NULL;
    struct profile *merged = begin(profiles[0], profiles[0]->facts.version);
    copy_growth(&merged->growth, &profiles[0]->growth);
    copy_growth(&merged->accesses.growth, &profiles[0]->accesses.growth);
    for (size_t i = 0; i < count; i++) {
        if (join_sources(merged, profiles[i], err) < 0) {
            profile_free(merged);
            return NULL;
        }
        join_facts(merged, profiles[i]);
    }
    qsort(merged->sources, merged->source_count, sizeof *merged->sources, by_id);
    for (size_t i = 0; i < count; i++)
        patterns_join(merged, profiles[i]);
    sources_claim(merged);
    sources_sum(merged);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        pattern_set_sort(&merged->patterns[kind]);
    return merged;
}

struct profile *profile_reuse(struct profile *old, const char *version, struct error *err)
{
    struct profile *profile = begin(old, version);
    if (strcmp(profile->facts.version, old->facts.version) == 0) {
        error_set(err, EXIT_USAGE, 0, "%s@%s is of version %s already", old->facts.service,
                  old->facts.version, version);
        profile_free(profile);
        return NULL;
    }
    profile->facts.created = profile->facts.updated = clock_realtime();
    if (join_sources(profile, old, err) < 0) {
        profile_free(profile);
        return NULL;
    }
    patterns_join(profile, old);
    sources_claim(profile);
    sources_sum(profile);
    access_set_join(&profile->accesses.aside, &old->accesses.own);
    access_set_join(&profile->accesses.aside, &old->accesses.aside);
    profile_grow_by(profile, &old->growth.rule);
    return profile;
}

void profile_recall(struct profile *profile)
{
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        struct pattern_set *set = &profile->patterns[kind];
        for (size_t number = 0; number < set->codes.count; number++)
            pattern_set_claim(set, number);
    }
    access_set_join(&profile->accesses.own, &profile->accesses.aside);
}
