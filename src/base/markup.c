#include "base/markup.h"

void markup_print(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if ((unsigned char)*text < ' ')
            fputc(' ', out);
        else
            fputc(*text, out);
    }
}
