#include "profile/profile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "profile/inside.h"
#include "profile/layout.h"

static void grow_accesses_by(struct profile *profile, const struct growth_rule *rule)
{
    growth_free(&profile->accesses.growth);
    growth_start(&profile->accesses.growth, rule);
    profile->accesses.growth.rule.sigma = 0;
}

struct profile *profile_new(const char *service, const char *version, uint32_t window, uint32_t bag)
{
    assert(window >= PATTERN_MIN && window <= PATTERN_MAX);
    assert(bag >= PATTERN_MIN && bag <= PATTERN_MAX);
    struct profile *profile = memory_must(calloc(1, sizeof *profile));
    struct profile_facts *facts = &profile->facts;
    snprintf(facts->service, sizeof facts->service, "%s", service);
    snprintf(facts->version, sizeof facts->version, "%s", version);
    name_clean(facts->service);
    name_clean(facts->version);
    facts->window = window;
    facts->bag = bag;
    facts->frame = PROFILE_FRAME;
    facts->epoch = PROFILE_EPOCH;
    facts->created = facts->updated = clock_realtime();
    growth_start(&profile->growth, &GROWTH_RULE_DEFAULT);
    grow_accesses_by(profile, &GROWTH_RULE_DEFAULT);
    profile->learner = NO_SOURCE;
    pattern_set_init(&profile->patterns[PATTERN_WINDOW], window);
    pattern_set_init(&profile->patterns[PATTERN_BAG], bag);
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    growth_free(&profile->growth);
    growth_free(&profile->accesses.growth);
    access_set_free(&profile->accesses.own);
    access_set_free(&profile->accesses.aside);
    for (int kind = 0; kind < PATTERN_KINDS; kind++)
        pattern_set_free(&profile->patterns[kind]);
    free(profile->sources);
    free(profile);
}

struct profile_facts *profile_facts(struct profile *profile)
{
    return &profile->facts;
}

struct growth *profile_growth(struct profile *profile)
{
    return &profile->growth;
}

struct profile_accesses *profile_accesses(struct profile *profile)
{
    return &profile->accesses;
}

const struct access_set *profile_accesses_known(const struct profile *profile)
{
    return &profile->accesses.own;
}

enum pattern_state profile_add_access(struct profile *profile, enum access_kind kind,
                                      const char *path, const struct known_access **by)
{
    struct profile_accesses *accesses = &profile->accesses;
    bool known = access_set_has(&accesses->own, kind, path, false);
    const struct known_access *added =
        known ? NULL : access_set_add(&accesses->own, kind, path, false);
    if (by)
        *by = added;
    if (known)
        return PATTERN_KNOWN;
    return access_set_has(&accesses->aside, kind, path, false) ? PATTERN_ASIDE : PATTERN_NEW;
}

void profile_grow_by(struct profile *profile, const struct growth_rule *rule)
{
    growth_free(&profile->growth);
    growth_start(&profile->growth, rule);
    if (profile_size(profile) > 0)
        growth_append(&profile->growth, &(struct growth_point){.patterns = profile_size(profile)});
    grow_accesses_by(profile, rule);
}

size_t profile_count(const struct profile *profile, enum pattern_kind kind)
{
    return profile->patterns[kind].own;
}

size_t profile_count_all(const struct profile *profile, enum pattern_kind kind)
{
    return profile->patterns[kind].codes.count;
}

size_t profile_count_known(const struct profile *profile, enum pattern_kind kind)
{
    return profile->growth.learned ? profile_count(profile, kind)
                                   : profile_count_all(profile, kind);
}

size_t profile_size(const struct profile *profile)
{
    return profile_count_all(profile, PATTERN_WINDOW) + profile_count_all(profile, PATTERN_BAG);
}

size_t profile_aside(const struct profile *profile)
{
    return profile_size(profile) - profile_count(profile, PATTERN_WINDOW) -
           profile_count(profile, PATTERN_BAG);
}

const uint16_t *profile_pattern(const struct profile *profile, enum pattern_kind kind, size_t index)
{
    const struct pattern_set *set = &profile->patterns[kind];
    assert(index < set->codes.count);
    return code_set_at(&set->codes, set->order[index]);
}

void profile_reserve(struct profile *profile, enum pattern_kind kind, size_t count)
{
    pattern_set_reserve(&profile->patterns[kind], count);
}

/* How the set spells a pattern: a window as it is, a bag sorted into `sorted`. */
static const uint16_t *spelling(const struct profile *profile, enum pattern_kind kind,
                                const uint16_t *codes, uint16_t sorted[PATTERN_MAX])
{
    if (kind == PATTERN_WINDOW)
        return codes;
    for (uint32_t i = 0; i < profile->facts.bag; i++) {
        uint32_t place = i;
        for (; place > 0 && sorted[place - 1] > codes[i]; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = codes[i];
    }
    return sorted;
}

size_t profile_find(const struct profile *profile, enum pattern_kind kind, const uint16_t *codes)
{
    uint16_t sorted[PATTERN_MAX];
    return pattern_set_find(&profile->patterns[kind], spelling(profile, kind, codes, sorted));
}

enum pattern_state profile_look(const struct profile *profile, enum pattern_kind kind,
                                const uint16_t *codes)
{
    size_t number = profile_find(profile, kind, codes);
    if (number == SIZE_MAX)
        return PATTERN_NEW;
    return pattern_set_owns(&profile->patterns[kind], number) ? PATTERN_KNOWN : PATTERN_ASIDE;
}

bool profile_has(const struct profile *profile, enum pattern_kind kind, const uint16_t *codes)
{
    return profile_look(profile, kind, codes) == PATTERN_KNOWN;
}

enum pattern_state profile_add(struct profile *profile, enum pattern_kind kind,
                               const uint16_t *codes)
{
    struct pattern_set *set = &profile->patterns[kind];
    uint16_t sorted[PATTERN_MAX];
    size_t count = set->codes.count, source = source_begin(profile);
    size_t number = pattern_set_put(set, spelling(profile, kind, codes, sorted));
    if (!pattern_set_claim(set, number))
        return PATTERN_KNOWN;
    row_mark(pattern_set_row(set, number), source);
    return number == count ? PATTERN_NEW : PATTERN_ASIDE;
}

unsigned profile_gaps(const struct profile *profile)
{
    const struct profile_facts *facts = &profile->facts;
    return (profile->growth.learned ? 0u : PROFILE_NOT_STEADY) |
           (facts->lost ? PROFILE_LOSSES : 0u) |
           (facts->calls < facts->min_calls ? PROFILE_FEW_CALLS : 0u) |
           (facts->starts ? 0u : PROFILE_NO_START);
}

__attribute__((format(printf, 3, 4))) static void add_gap(char *text, size_t size,
                                                          const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    used += (size_t)snprintf(text + used, size - used, used ? ", " : "incomplete: ");
    if (used >= size)
        return;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

const char *profile_state(const struct profile *profile, char *text, size_t size)
{
    const struct profile_facts *facts = &profile->facts;
    unsigned gaps = profile_gaps(profile);
    assert(size > 0);
    text[0] = '\0';
    if (gaps & PROFILE_NOT_STEADY)
        add_gap(text, size, "not steady yet (%u of %u intervals)", profile->growth.in_a_row,
                profile->growth.rule.needed);
    if (gaps & PROFILE_LOSSES)
        add_gap(text, size, "%llu lost while learning", (unsigned long long)facts->lost);
    if (gaps & PROFILE_FEW_CALLS)
        add_gap(text, size, "few calls (%llu of %llu)", (unsigned long long)facts->calls,
                (unsigned long long)facts->min_calls);
    if (gaps & PROFILE_NO_START)
        add_gap(text, size, "no start seen");
    if (gaps == 0)
        snprintf(text, size, "complete");
    return text;
}

/* One more than what was normal, but not below the floor that a quiet service needs. */
static uint32_t threshold(uint32_t peak, uint32_t floor, uint32_t length)
{
    if (peak >= length)
        return length;
    uint32_t proposed = peak < floor ? floor : peak + 1;
    return proposed > length ? length : proposed;
}

/*
 * One call out of place makes as many mismatches as the window is long, two within a frame twice as
 * many: a rare path, taken for the first time. More than that is asked for. In the testbed's benign
 * load, windows of 6, false alarms reached 10 to 14 of 20, intrusions 16 and more.
 */
static uint32_t frame_floor(const struct profile_facts *facts)
{
    uint32_t floor = facts->window * 5 / 2;
    return floor > PROFILE_FRAME_FLOOR ? floor : PROFILE_FRAME_FLOOR;
}

void profile_propose(const struct profile_facts *facts, uint32_t *frame_threshold,
                     uint32_t *epoch_threshold)
{
    *frame_threshold = threshold(facts->frame_peak, frame_floor(facts), facts->frame);
    *epoch_threshold = threshold(facts->epoch_peak, PROFILE_EPOCH_FLOOR, facts->epoch);
}
