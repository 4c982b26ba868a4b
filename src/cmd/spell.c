#include "cmd/spell.h"

#include <stdio.h>

#include "trace/call.h"

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
