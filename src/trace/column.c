#include "trace/column.h"

#include <string.h>

uint8_t *varint_put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

bool varint_get_long(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint64_t byte = *(*at)++;
        if (shift == 63 && byte > 1)
            return false;
        sum |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            return true;
        }
    }
    return false;
}

size_t planes_put(uint8_t *out, const uint64_t *values, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= values[i];
    size_t planes = 0;
    for (; bits; bits >>= 8, planes++)
        for (size_t i = 0; i < count; i++)
            out[planes * count + i] = (uint8_t)(values[i] >> (8 * planes));
    return planes * count;
}

bool planes_get(const uint8_t *in, size_t size, uint64_t *values, size_t count)
{
    if (size % count != 0 || size / count > 8)
        return false;
    memset(values, 0, count * sizeof *values);
    for (size_t plane = 0; plane < size / count; plane++)
        for (size_t i = 0; i < count; i++)
            values[i] |= (uint64_t)in[plane * count + i] << (8 * plane);
    return true;
}
