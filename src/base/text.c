#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

size_t text_character(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (length == 0 || byte[0] < 0x80)
        return length > 0;
    size_t wanted = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    if (length < wanted)
        return 0;
    bool overlong = byte[0] < 0xc2 || (byte[0] == 0xe0 && byte[1] < 0xa0) ||
                    (byte[0] == 0xf0 && byte[1] < 0x90);
    bool beyond = byte[0] > 0xf4 || (byte[0] == 0xf4 && byte[1] > 0x8f) ||
                  (byte[0] == 0xed && byte[1] > 0x9f);
    if (overlong || beyond)
        return 0;
    for (size_t i = 1; i < wanted; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    return wanted;
}

json_t *text_json(const char *text, size_t length)
{
    json_t *json = json_stringn(text, length);
    if (json)
        return json;
    autofree char *plain = memory_must(malloc(length + 1));
    memcpy(plain, text, length);
    for (size_t at = 0; at < length;) {
        size_t size = text_character(plain + at, length - at);
        if (size == 0)
            plain[at++] = '?';
        at += size;
    }
    return memory_must(json_stringn(plain, length));
}
