/* The bytes of a profile file become a profile; nothing in them is believed unseen. */
#include <endian.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "profile/layout.h"

struct reader {
    const uint8_t *data;
    size_t at, end; /* end of the section, or of the file between sections */
    uint64_t format;
    const char *name; /* for errors */
    struct error *err;
};

__attribute__((format(printf, 3, 4))) static int damaged(const struct reader *reader, size_t at,
                                                         const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    error_set(reader->err, EXIT_USAGE, 0, "%s: damaged profile: %s at byte %zu", reader->name, why,
              at);
    error_hint(reader->err, "put back a copy, or remove it and learn again");
    return -1;
}

/* The next bytes, NULL when fewer are left. */
static const uint8_t *get_bytes(struct reader *reader, size_t size, const char *what)
{
    if (reader->end - reader->at < size) {
        damaged(reader, reader->end, "it ends within %s", what);
        return NULL;
    }
    reader->at += size;
    return reader->data + reader->at - size;
}

static int get_u64(struct reader *reader, const char *what, uint64_t min, uint64_t max,
                   uint64_t *value)
{
    const uint8_t *bytes = get_bytes(reader, sizeof *value, what);
    if (!bytes)
        return -1;
    memcpy(value, bytes, sizeof *value);
    *value = le64toh(*value);
    if (*value < min || *value > max)
        return damaged(reader, reader->at - sizeof *value, "%s is %llu, not %llu to %llu,", what,
                       (unsigned long long)*value, (unsigned long long)min,
                       (unsigned long long)max);
    return 0;
}

static uint16_t u16_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static int get_text(struct reader *reader, const char *what, char text[PROFILE_NAME])
{
    const uint8_t *bytes = get_bytes(reader, 2, what);
    if (!bytes)
        return -1;
    size_t start = reader->at, size = u16_at(bytes);
    bytes = get_bytes(reader, size, what);
    if (!bytes)
        return -1;
    if (size >= PROFILE_NAME)
        return damaged(reader, start, "%s is too long", what);
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (strlen(text) != size || !name_clean(text))
        return damaged(reader, start, "%s is no name", what);
    return 0;
}

/* What follows the known numbers was added by a later program of the same version: passed over. */
static int get_facts(struct reader *reader, struct profile_facts *facts)
{
    if (get_text(reader, "the service", facts->service) < 0 ||
        get_text(reader, "the version", facts->version) < 0)
        return -1;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &FIELDS[i];
        void *member = (char *)facts + field->offset;
        uint64_t value;
        if (get_u64(reader, field->name, field->min, field->max, &value) < 0)
            return -1;
        if (field->size == sizeof value)
            *(uint64_t *)member = value;
        else
            *(uint32_t *)member = (uint32_t)value;
    }
    reader->at = reader->end;
    return 0;
}

static int get_rule(struct reader *reader, struct growth_rule *rule)
{
    uint64_t sigma, needed;
    size_t sigma_at = reader->at + 2 * sizeof(uint64_t);
    if (get_u64(reader, "interval_ns", 0, UINT64_MAX, &rule->interval_ns) < 0 ||
        get_u64(reader, "interval_calls", 0, UINT64_MAX, &rule->interval_calls) < 0 ||
        get_u64(reader, "sigma", 0, UINT64_MAX, &sigma) < 0 ||
        get_u64(reader, "needed", 1, UINT32_MAX, &needed) < 0)
        return -1;
    memcpy(&rule->sigma, &sigma, sizeof sigma);
    rule->needed = (uint32_t)needed;
    if (!isfinite(rule->sigma) || rule->sigma < 0)
        return damaged(reader, sigma_at, "sigma is no number of 0 or more");
    return 0;
}

static int get_point(struct reader *reader, struct growth *growth)
{
    static const struct growth_point origin;
    const struct growth_point *last = growth->count ? &growth->points[growth->count - 1] : &origin;
    struct growth_point point;
    uint64_t steady;
    if (get_u64(reader, "elapsed", last->elapsed_ns, UINT64_MAX, &point.elapsed_ns) < 0 ||
        get_u64(reader, "calls", last->calls, UINT64_MAX, &point.calls) < 0 ||
        get_u64(reader, "patterns", 0, UINT64_MAX, &point.patterns) < 0 ||
        get_u64(reader, "steady", 0, 1, &steady) < 0)
        return -1;
    point.steady = steady;
    growth_append(growth, &point);
    return 0;
}

static int get_growth(struct reader *reader, struct growth *growth)
{
    struct growth_rule rule;
    uint64_t in_a_row, learned, learned_at, broken;
    if (get_rule(reader, &rule) < 0 ||
        get_u64(reader, "in_a_row", 0, GROWTH_POINTS_MAX, &in_a_row) < 0 ||
        get_u64(reader, "learned", 0, 1, &learned) < 0 ||
        get_u64(reader, "learned_at", 0, GROWTH_POINTS_MAX, &learned_at) < 0 ||
        get_u64(reader, "broken", 0, 1, &broken) < 0)
        return -1;
    size_t points = reader->at;
    if ((reader->end - points) / POINT_SIZE > GROWTH_POINTS_MAX)
        return damaged(reader, points, "more than %u points", GROWTH_POINTS_MAX);
    growth_start(growth, &rule);
    while (reader->at < reader->end)
        if (get_point(reader, growth) < 0)
            return -1;
    if (learned && learned_at >= growth->count)
        return damaged(reader, points, "learned at point %llu of %zu",
                       (unsigned long long)learned_at, growth->count);
    growth->in_a_row = (uint32_t)in_a_row;
    growth->learned = learned;
    growth->learned_at = learned_at;
    growth->broken = broken;
    return 0;
}

static int get_source(struct reader *reader, struct profile *profile)
{
    struct profile_source source = {0};
    size_t start = reader->at, count = profile->source_count;
    if (get_u64(reader, "a source's id", 1, UINT64_MAX, &source.id) < 0 ||
        get_text(reader, "a source's version", source.version) < 0 ||
        get_text(reader, "a source's host", source.host) < 0 ||
        get_u64(reader, "a source's calls", 0, UINT64_MAX, &source.calls) < 0 ||
        get_u64(reader, "a source's losses", 0, UINT64_MAX, &source.lost) < 0 ||
        get_u64(reader, "a source's starts", 0, UINT64_MAX, &source.starts) < 0 ||
        get_u64(reader, "a source's time", 0, UINT64_MAX, &source.learn_ns) < 0 ||
        get_u64(reader, "a source's beginning", 0, UINT64_MAX, &source.created) < 0 ||
        get_u64(reader, "a source's end", 0, UINT64_MAX, &source.updated) < 0)
        return -1;
    if (source_join(profile, &source) == NO_SOURCE)
        return damaged(reader, start, "more than %d sources", PROFILE_SOURCES_MAX);
    if (profile->source_count == count)
        return damaged(reader, start, "a source that is there already");
    return 0;
}

static int get_sources(struct reader *reader, struct profile *profile)
{
    uint64_t learner;
    size_t start = reader->at;
    if (get_u64(reader, "the learning source", 0, UINT64_MAX, &learner) < 0)
        return -1;
    while (reader->at < reader->end)
        if (get_source(reader, profile) < 0)
            return -1;
    for (size_t i = profile->source_count; i-- > 0;)
        if (profile->sources[i].id == learner)
            profile->learner = i;
    if (learner != 0 && profile->learner == NO_SOURCE)
        return damaged(reader, start, "the learning source is none of the list");
    return 0;
}

/* Which sources have shown a pattern: one at least, and none that there is not. */
static int get_row(struct reader *reader, const struct profile *profile, uint8_t *row)
{
    size_t start = reader->at, size = (profile->source_count + 7) / 8;
    const uint8_t *bytes = get_bytes(reader, size, "a pattern's sources");
    if (!bytes)
        return -1;
    unsigned any = 0, beyond = profile->source_count % 8 ? 0xffu << profile->source_count % 8 : 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    if (!any || bytes[size - 1] & beyond)
        return damaged(reader, start, "a pattern of %s source", any ? "an unlisted" : "no");
    memcpy(row, bytes, size);
    return 0;
}

static int get_pattern(struct reader *reader, struct profile *profile, enum pattern_kind kind)
{
    struct pattern_set *set = &profile->patterns[kind];
    uint32_t length = set->codes.length;
    uint16_t codes[PATTERN_MAX];
    size_t start = reader->at, count = set->codes.count;
    const uint8_t *bytes = get_bytes(reader, 2 * (size_t)length, "a pattern");
    if (!bytes)
        return -1;
    for (uint32_t i = 0; i < length; i++) {
        codes[i] = u16_at(bytes + 2 * (size_t)i);
        if (codes[i] >= CALL_CODES)
            return damaged(reader, start, "call code %u", codes[i]);
        if (kind == PATTERN_BAG && i > 0 && codes[i] < codes[i - 1])
            return damaged(reader, start, "a bag out of order");
    }
    size_t number = pattern_set_put(set, codes);
    if (number != count)
        return damaged(reader, start, "a pattern that is there already");
    if (reader->format > VERSION_PLAIN)
        return get_row(reader, profile, pattern_set_row(set, number));
    row_mark(pattern_set_row(set, number), profile->learner);
    return 0;
}

static int get_patterns(struct reader *reader, struct profile *profile, enum pattern_kind kind)
{
    size_t row = reader->format > VERSION_PLAIN ? (profile->source_count + 7) / 8 : 0;
    size_t size = 2 * (size_t)profile->patterns[kind].codes.length + row;
    profile_reserve(profile, kind, (reader->end - reader->at) / size);
    while (reader->at < reader->end)
        if (get_pattern(reader, profile, kind) < 0)
            return -1;
    return 0;
}

static int get_access(struct reader *reader, struct profile_accesses *accesses)
{
    char path[ACCESS_PATH] = "", folded[ACCESS_PATH];
    size_t start = reader->at;
    const uint8_t *head = get_bytes(reader, 4, "an access");
    if (!head)
        return -1;
    unsigned what = u16_at(head), size = u16_at(head + 2), kind = what & 0xff;
    const uint8_t *bytes = get_bytes(reader, size, "an access");
    if (!bytes)
        return -1;
    if (kind >= ACCESS_KINDS || what & ~(0xffu | ACCESS_IS_BELOW | ACCESS_IS_ASIDE))
        return damaged(reader, start, "access %u", what);
    if (size >= sizeof path)
        return damaged(reader, start, "a path of %u bytes", size);
    memcpy(path, bytes, size);
    memcpy(folded, path, sizeof folded);
    access_fold(folded);
    bool below = what & ACCESS_IS_BELOW;
    if (strlen(path) != size || strcmp(path, folded) != 0 ||
        (below ? size > 0 && path[size - 1] != '/' : size == 0))
        return damaged(reader, start, "an access to no %s", below ? "directory" : "file");
    if (!access_set_add(what & ACCESS_IS_ASIDE ? &accesses->aside : &accesses->own, kind, path,
                        below))
        return damaged(reader, start, "an access that is known already");
    return 0;
}

static int get_accesses(struct reader *reader, struct profile_accesses *accesses)
{
    while (reader->at < reader->end)
        if (get_access(reader, accesses) < 0)
            return -1;
    return 0;
}

/* Reads a section's head and checksum, and leaves in *body a reader for its content alone. */
static int open_section(struct reader *file, enum section section, struct reader *body)
{
    const char *tag = SECTION_TAGS[section];
    uint64_t length, checksum;
    size_t start = file->at;
    *body = *file;
    const uint8_t *bytes = get_bytes(file, TAG_SIZE, "a section's name");
    if (!bytes)
        return -1;
    if (memcmp(bytes, tag, TAG_SIZE) != 0)
        return damaged(file, start, "no section \"%s\"", tag);
    if (get_u64(file, "a section's length", 0, UINT64_MAX, &length) < 0)
        return -1;
    size_t left = file->end - file->at;
    if (left < CHECKSUM_SIZE || length > left - CHECKSUM_SIZE)
        return damaged(file, file->end, "section \"%s\" of %llu bytes is cut off", tag,
                       (unsigned long long)length);
    body->at = file->at;
    body->end = file->at + length;
    file->at = body->end;
    if (get_u64(file, "a checksum", 0, UINT64_MAX, &checksum) < 0)
        return -1;
    if (checksum != XXH64(file->data + start, body->end - start, 0))
        return damaged(file, start, "wrong checksum of section \"%s\"", tag);
    return 0;
}

static int get_head(struct reader *file)
{
    size_t prefix = file->end < MAGIC_SIZE ? file->end : MAGIC_SIZE;
    if (prefix == 0 || memcmp(file->data, MAGIC, prefix) != 0)
        return error_set(file->err, EXIT_USAGE, 0, "%s: not a Skink profile%s", file->name,
                         prefix ? ": another mark at byte 0" : ": the file is empty");
    file->at = prefix;
    if (prefix < MAGIC_SIZE)
        return damaged(file, prefix, "it ends within the mark");
    if (get_u64(file, "the format's version", 1, UINT64_MAX, &file->format) < 0)
        return -1;
    if (file->format > VERSION) {
        error_set(file->err, EXIT_USAGE, 0,
                  "%s: profile format %llu at byte %d, this Skink reads %d", file->name,
                  (unsigned long long)file->format, MAGIC_SIZE, VERSION);
        return error_hint(file->err, "upgrade Skink");
    }
    return 0;
}

/* Everything behind the facts. */
static int get_content(struct reader *file, struct profile *profile)
{
    struct reader body;
    if (open_section(file, SECTION_GROWTH, &body) < 0 || get_growth(&body, &profile->growth) < 0)
        return -1;
    if (file->format == VERSION_PLAIN)
        source_of_old_file(profile);
    else if (open_section(file, SECTION_SOURCES, &body) < 0 || get_sources(&body, profile) < 0)
        return -1;
    if (open_section(file, SECTION_WINDOWS, &body) < 0 ||
        get_patterns(&body, profile, PATTERN_WINDOW) < 0 ||
        open_section(file, SECTION_BAGS, &body) < 0 ||
        get_patterns(&body, profile, PATTERN_BAG) < 0)
        return -1;
    if (file->format > VERSION_CALLS && (open_section(file, SECTION_ACCESSES, &body) < 0 ||
                                         get_accesses(&body, &profile->accesses) < 0 ||
                                         open_section(file, SECTION_ACCESS_GROWTH, &body) < 0 ||
                                         get_growth(&body, &profile->accesses.growth) < 0))
        return -1;
    if (file->at < file->end)
        return damaged(file, file->at, "%zu bytes too many", file->end - file->at);
    sources_claim(profile);
    return 0;
}

struct profile *profile_parse(const void *data, size_t size, const char *name, struct error *err)
{
    struct reader file = {.data = data, .end = size, .name = name, .err = err};
    struct reader body;
    struct profile_facts facts = {0};
    if (get_head(&file) < 0 || open_section(&file, SECTION_FACTS, &body) < 0 ||
        get_facts(&body, &facts) < 0)
        return NULL;
    struct profile *profile = profile_new(facts.service, facts.version, facts.window, facts.bag);
    *profile_facts(profile) = facts;
    if (get_content(&file, profile) < 0) {
        profile_free(profile);
        return NULL;
    }
    return profile;
}
