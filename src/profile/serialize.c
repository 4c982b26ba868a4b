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

static void put_patterns(struct buffer *buffer, const struct profile *profile,
                         enum pattern_kind kind, uint32_t length)
{
    for (size_t i = 0; i < profile_count(profile, kind); i++) {
        const uint16_t *codes = profile_pattern(profile, kind, i);
        for (uint32_t j = 0; j < length; j++)
            put_u16(buffer, codes[j]);
    }
}

static void put_content(struct buffer *buffer, enum section section, struct profile *profile)
{
    const struct profile_facts *facts = profile_facts(profile);
    if (section == SECTION_FACTS)
        put_facts(buffer, facts);
    else if (section == SECTION_GROWTH)
        put_growth(buffer, profile_growth(profile));
    else if (section == SECTION_WINDOWS)
        put_patterns(buffer, profile, PATTERN_WINDOW, facts->window);
    else
        put_patterns(buffer, profile, PATTERN_BAG, facts->bag);
}

static void put_section(struct buffer *buffer, enum section section, const struct profile *profile)
{
    size_t start = buffer->used;
    put(buffer, SECTION_TAGS[section], TAG_SIZE);
    put_u64(buffer, 0); /* the length, once it is known */
    size_t body = buffer->used;
    put_content(buffer, section, (struct profile *)profile); /* which it only reads */
    uint64_t length = htole64(buffer->used - body);
    memcpy(buffer->data + start + TAG_SIZE, &length, sizeof length);
    put_u64(buffer, XXH64(buffer->data + start, buffer->used - start, 0));
}

void *profile_serialize(const struct profile *profile, size_t *size)
{
    struct buffer buffer = {0};
    put(&buffer, MAGIC, MAGIC_SIZE);
    put_u64(&buffer, VERSION);
    for (enum section section = 0; section < SECTIONS; section++)
        put_section(&buffer, section, profile);
    *size = buffer.used;
    return buffer.data;
}
