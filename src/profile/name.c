#include <string.h>

#include "profile/layout.h"

/* Bytes of the UTF-8 sequence that begins here; 0 when it is malformed or a C1 control character.
 * RFC 3629, section 4: no overlong forms, no surrogates, nothing over U+10FFFF. */
static size_t sequence(const unsigned char *s)
{
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
        return 0;
    if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
        (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) /* the text's end included */
            return 0;
    return length;
}

static bool is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        size_t length = sequence(s);
        if (length == 0)
            return false;
        s += length;
    }
    return true;
}

bool name_clean(char name[PROFILE_NAME])
{
    bool utf8 = is_utf8(name), clean = true;
    for (char *c = name; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= ' ' && byte != 0x7f && (utf8 || byte < 0x80))
            continue;
        *c = '?';
        clean = false;
    }
    return clean;
}
