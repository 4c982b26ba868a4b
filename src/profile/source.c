/*
 * Where patterns come from. A profile is a map from sources to what each has shown; its union with
 * another is a join in a semilattice (Shapiro et al. 2011, "Conflict-free replicated data types",
 * section 3: a grow-only counter for each source, a grow-only set of marks for each pattern).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/memory.h"
#include "profile/inside.h"
#include "profile/layout.h"

static uint64_t draw_id(void)
{
    uint64_t id = 0;
    while (id == 0)
        if (getrandom(&id, sizeof id, 0) != sizeof id)
            id = 0;
    return id;
}

static size_t append(struct profile *profile, const struct profile_source *source)
{
    size_t index = profile->source_count++;
    profile->sources = memory_must(
        reallocarray(profile->sources, profile->source_count, sizeof *profile->sources));
    profile->sources[index] = *source;
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        pattern_set_widen(&profile->patterns[kind], profile->source_count);
    return index;
}

size_t source_begin(struct profile *profile)
{
    struct profile_source source = {.id = draw_id()};
    struct utsname host;
    if (profile->learner != NO_SOURCE)
        return profile->learner;
    bool first = profile->source_count == 0;
    source.created = source.updated = first ? profile->facts.created : clock_realtime();
    memcpy(source.version, profile->facts.version, sizeof source.version);
    if (uname(&host) == 0)
        snprintf(source.host, sizeof source.host, "%s", host.nodename);
    name_clean(source.host);
    /* A list that is full is not worth refusing to learn: the last one takes it over. */
    profile->learner = profile->source_count < PROFILE_SOURCES_MAX ? append(profile, &source)
                                                                   : profile->source_count - 1;
    return profile->learner;
}

void source_of_old_file(struct profile *profile)
{
    const struct profile_facts *facts = &profile->facts;
    struct profile_source source = {.created = facts->created, .updated = facts->updated};
    source.id = XXH64(facts->service, strlen(facts->service), facts->created);
    source.id = XXH64(facts->version, strlen(facts->version), source.id);
    source.id += source.id == 0;
    memcpy(source.version, facts->version, sizeof source.version);
    profile->learner = append(profile, &source);
}

/* ---- numbers ---- */

/* The counters of a source, which only grow, and where the facts keep their sums. */
static const struct {
    size_t source, facts;
} COUNTERS[] = {
#define COUNTER(member)                                                                 \
    {                                                                                   \
        offsetof(struct profile_source, member), offsetof(struct profile_facts, member) \
    }
    COUNTER(calls),
    COUNTER(lost),
    COUNTER(starts),
    COUNTER(learn_ns),
#undef COUNTER
};
#define COUNTER_COUNT (sizeof COUNTERS / sizeof *COUNTERS)

static uint64_t *counter(struct profile_source *source, size_t i)
{
    return (uint64_t *)((char *)source + COUNTERS[i].source);
}

static uint64_t *total(struct profile_facts *facts, size_t i)
{
    return (uint64_t *)((char *)facts + COUNTERS[i].facts);
}

static bool of_own_version(const struct profile *profile, size_t source)
{
    return strcmp(profile->sources[source].version, profile->facts.version) == 0;
}

/* The sum over the sources of the own version but one. */
static uint64_t sum(const struct profile *profile, size_t i, size_t but)
{
    uint64_t result = 0;
    for (size_t s = 0; s < profile->source_count; s++)
        if (s != but && of_own_version(profile, s))
            result += *counter(&profile->sources[s], i);
    return result;
}

void sources_settle(struct profile *profile)
{
    if (profile->source_count == 0)
        source_begin(profile);
    if (profile->learner == NO_SOURCE)
        return;
    struct profile_source *running = &profile->sources[profile->learner];
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        uint64_t all = *total(&profile->facts, i), others = sum(profile, i, profile->learner);
        *counter(running, i) = all > others ? all - others : 0;
    }
    running->updated = profile->facts.updated;
}

void sources_sum(struct profile *profile)
{
    struct profile_facts *facts = &profile->facts;
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        *total(facts, i) = sum(profile, i, NO_SOURCE);
    bool first = true;
    for (size_t s = 0; s < profile->source_count; s++) {
        const struct profile_source *source = &profile->sources[s];
        if (!of_own_version(profile, s))
            continue;
        if (first || source->created < facts->created)
            facts->created = source->created;
        if (first || source->updated > facts->updated)
            facts->updated = source->updated;
        first = false;
    }
}

/* ---- union ---- */

static void take_later(struct profile_source *kept, struct profile_source source)
{
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        if (*counter(&source, i) > *counter(kept, i))
            *counter(kept, i) = *counter(&source, i);
    if (source.created < kept->created)
        kept->created = source.created;
    if (source.updated > kept->updated)
        kept->updated = source.updated;
}

static size_t find_source(const struct profile *profile, const struct profile_source *source)
{
    for (size_t s = 0; s < profile->source_count; s++)
        if (profile->sources[s].id == source->id &&
            strcmp(profile->sources[s].version, source->version) == 0 &&
            strcmp(profile->sources[s].host, source->host) == 0)
            return s;
    return NO_SOURCE;
}

size_t source_join(struct profile *profile, const struct profile_source *source)
{
    size_t found = find_source(profile, source);
    if (found != NO_SOURCE)
        take_later(&profile->sources[found], *source);
    else if (profile->source_count < PROFILE_SOURCES_MAX)
        found = append(profile, source);
    return found;
}

static void join_row(uint8_t *row, const uint8_t *other, size_t count, const size_t *source)
{
    for (size_t s = 0; s < count; s++)
        if (row_marked(other, s))
            row_mark(row, source[s]);
}

void patterns_join(struct profile *profile, const struct profile *other)
{
    size_t source[PROFILE_SOURCES_MAX];
    for (size_t s = 0; s < other->source_count; s++)
        source[s] = find_source(profile, &other->sources[s]);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        struct pattern_set *to = &profile->patterns[kind];
        const struct pattern_set *from = &other->patterns[kind];
        for (size_t i = 0; i < from->codes.count; i++) {
            size_t number = from->order[i];
            size_t joined = pattern_set_put(to, code_set_at(&from->codes, number));
            join_row(pattern_set_row(to, joined), pattern_set_row(from, number),
                     other->source_count, source);
        }
    }
}

/* Does one of the sources that a row marks belong to the profile's own version? */
static bool shown_by_own(const struct profile *profile, const uint8_t *row)
{
    for (size_t s = 0; s < profile->source_count; s++)
        if (row_marked(row, s) && of_own_version(profile, s))
            return true;
    return false;
}

void sources_claim(struct profile *profile)
{
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        struct pattern_set *set = &profile->patterns[kind];
        for (size_t i = 0; i < set->codes.count; i++)
            if (shown_by_own(profile, pattern_set_row(set, set->order[i])))
                pattern_set_claim(set, set->order[i]);
    }
}

/* ---- for other rooms ---- */

void profile_begin(struct profile *profile)
{
    source_begin(profile);
}

const struct profile_source *profile_sources(struct profile *profile, size_t *count)
{
    sources_settle(profile);
    *count = profile->source_count;
    return profile->sources;
}

bool profile_shown_by(const struct profile *profile, enum pattern_kind kind, size_t index,
                      size_t source)
{
    const struct pattern_set *set = &profile->patterns[kind];
    return row_marked(pattern_set_row(set, set->order[index]), source);
}

const char *profile_shown_in(const struct profile *profile, enum pattern_kind kind,
                             const uint16_t *codes)
{
    const struct profile_source *last = NULL;
    size_t number = profile_find(profile, kind, codes);
    for (size_t s = 0; s < profile->source_count && number != SIZE_MAX; s++) {
        const struct profile_source *source = &profile->sources[s];
        if (row_marked(pattern_set_row(&profile->patterns[kind], number), s) &&
            (!last || source->updated > last->updated))
            last = source;
    }
    return last ? last->version : NULL;
}
