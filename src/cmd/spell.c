#include "cmd/spell.h"

#include <stdio.h>

#include "trace/call.h"
#include "trace/call_json.h"

void spell_pattern(enum pattern_kind kind, const uint16_t *codes, uint32_t length)
{
    for (uint32_t i = 0, run; i < length; i += run) {
        char name[CALL_NAME];
        for (run = 1; kind == PATTERN_BAG && i + run < length && codes[i + run] == codes[i];)
            run++;
        printf("%s%s", i ? " " : "", call_name(codes[i], name));
        if (run > 1)
            printf("*%u", run);
    }
}

void spell_alphabet(const bool there[CALL_CODES], int indent)
{
    int column = 0;
    for (uint16_t code = 0; code < CALL_CODES; code++) {
        char name[CALL_NAME];
        if (!there[code])
            continue;
        call_name(code, name);
        if (column > 72) {
            putchar('\n');
            column = 0;
        }
        column += printf("%*s%s", column ? 1 : indent, "", name);
    }
    if (column)
        putchar('\n');
}

json_t *spell_alphabet_json(const bool there[CALL_CODES])
{
    uint16_t codes[CALL_CODES];
    size_t count = 0;
    for (uint16_t code = 0; code < CALL_CODES; code++)
        if (there[code])
            codes[count++] = code;
    return call_names_json(codes, count);
}
