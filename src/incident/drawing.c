#include "incident/drawing.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/markup.h"
#include "base/memory.h"

const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* Is this byte the first one of a character in UTF-8? */
static bool begins(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

void drawing_text(FILE *out, const char *text, size_t max)
{
    size_t characters = 0, cut = 0, i;
    for (i = 0; text[i]; i++) {
        if (begins(text[i]) && characters++ == max - 1)
            cut = i;
    }
    if (characters <= max)
        cut = i;
    autofree char *start = memory_must(strndup(text, cut));
    markup_print(out, start);
    if (cut < i)
        fputs("\xe2\x80\xa6", out); /* an ellipsis */
}
