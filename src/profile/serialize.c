/* A profile becomes the bytes of its file. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "profile/layout.h"

struct buffer {
    uint8_t *data;
    size_t used, room;
};

static void put(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer->room - buffer->used < size) {
        buffer->room = 2 * (buffer->room + size);
        buffer->data = memory_must(realloc(buffer->data, buffer->room));
    }
    memcpy(buffer->data + buffer->used, data, size);
    buffer->used += size;
}

static void put_u64(struct buffer *buffer, uint64_t value)
{
    value = htole64(value);
    put(buffer, &value, sizeof value);
}

static void put_u16(struct buffer *buffer, uint16_t value)
{
    value = htole16(value);
    put(buffer, &value, sizeof value);
}

static void put_text(struct buffer *buffer, const char *text)
{
    put_u16(buffer, (uint16_t)strlen(text));
    put(buffer, text, strlen(text));
}

static void put_facts(struct buffer *buffer, const struct profile_facts *facts)
{
    put_text(buffer, facts->service);
    put_text(buffer, facts->version);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const void *member = (const char *)facts + FIELDS[i].offset;
        bool wide = FIELDS[i].size == sizeof(uint64_t);
        put_u64(buffer, wide ? *(const uint64_t *)member : *(const uint32_t *)member);
    }
}

static void put_growth(struct buffer *buffer, const struct growth *growth)
{
    uint64_t sigma;
    memcpy(&sigma, &growth->rule.sigma, sizeof sigma);
    put_u64(buffer, growth->rule.interval_ns);
    put_u64(buffer, growth->rule.interval_calls);
    put_u64(buffer, sigma);
    put_u64(buffer, growth->rule.needed);
    put_u64(buffer, growth->in_a_row);
    put_u64(buffer, growth->learned);
    put_u64(buffer, growth->learned_at);
    put_u64(buffer, growth->broken);
    for (size_t i = 0; i < growth->count; i++) {
        const struct growth_point *point = &growth->points[i];
        put_u64(buffer, point->elapsed_ns);
        put_u64(buffer, point->calls);
        put_u64(buffer, point->patterns);
        put_u64(buffer, point->steady);
    }
}

static void put_sources(struct buffer *buffer, const struct profile *profile)
{
    bool learns = profile->learner != NO_SOURCE;
    put_u64(buffer, learns ? profile->sources[profile->learner].id : 0);
    for (size_t i = 0; i < profile->source_count; i++) {
        const struct profile_source *source = &profile->sources[i];
        put_u64(buffer, source->id);
        put_text(buffer, source->version);
        put_text(buffer, source->host);
        put_u64(buffer, source->calls);
        put_u64(buffer, source->lost);
        put_u64(buffer, source->starts);
        put_u64(buffer, source->learn_ns);
        put_u64(buffer, source->created);
        put_u64(buffer, source->updated);
    }
}

static void put_patterns(struct buffer *buffer, const struct profile *profile,
                         enum pattern_kind kind)
{
    const struct pattern_set *set = &profile->patterns[kind];
    size_t row_size = (profile->source_count + 7) / 8;
    for (size_t i = 0; i < set->codes.count; i++) {
        const uint16_t *codes = code_set_at(&set->codes, set->order[i]);
        for (uint32_t j = 0; j < set->codes.length; j++)
            put_u16(buffer, codes[j]);
        put(buffer, pattern_set_row(set, set->order[i]), row_size);
    }
}

static void put_accesses(struct buffer *buffer, const struct access_set *set, unsigned flags)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct known_access *access = &set->list[i];
        put_u16(buffer, (uint16_t)(access->kind | flags | (access->below ? ACCESS_IS_BELOW : 0u)));
        put_text(buffer, access->path);
    }
}

static void put_content(struct buffer *buffer, enum section section, const struct profile *profile)
{
    switch (section) {
    case SECTION_FACTS:
        put_facts(buffer, &profile->facts);
        break;
    case SECTION_GROWTH:
        put_growth(buffer, &profile->growth);
        break;
    case SECTION_SOURCES:
        put_sources(buffer, profile);
        break;
    case SECTION_ACCESSES:
        put_accesses(buffer, &profile->accesses.own, 0);
        put_accesses(buffer, &profile->accesses.aside, ACCESS_IS_ASIDE);
        break;
    case SECTION_ACCESS_GROWTH:
        put_growth(buffer, &profile->accesses.growth);
        break;
    default:
        put_patterns(buffer, profile, section == SECTION_WINDOWS ? PATTERN_WINDOW : PATTERN_BAG);
    }
}

static void put_section(struct buffer *buffer, enum section section, const struct profile *profile)
{
    size_t start = buffer->used;
    put(buffer, SECTION_TAGS[section], TAG_SIZE);
    put_u64(buffer, 0); /* the length, once it is known */
    size_t body = buffer->used;
    put_content(buffer, section, profile);
    uint64_t length = htole64(buffer->used - body);
    memcpy(buffer->data + start + TAG_SIZE, &length, sizeof length);
    put_u64(buffer, XXH64(buffer->data + start, buffer->used - start, 0));
}

void *profile_serialize(struct profile *profile, size_t *size)
{
    struct buffer buffer = {0};
    sources_settle(profile);
    put(&buffer, MAGIC, MAGIC_SIZE);
    put_u64(&buffer, VERSION);
    for (enum section section = 0; section < SECTIONS; section++)
        put_section(&buffer, section, profile);
    *size = buffer.used;
    return buffer.data;
}
