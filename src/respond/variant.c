#include "respond/variant.h"

#include <stdio.h>
#include <string.h>

static const char IMAGE[] = "image=";

/* Takes one line; the place of the next one. */
static const char *take(const char *line, struct variant *variant)
{
    size_t length = strcspn(line, "\n"), name = strcspn(line, "=\n");
    size_t start = name < length ? name + 1 : name;
    snprintf(variant->name, sizeof variant->name, "%.*s", (int)name, line);
    snprintf(variant->start, sizeof variant->start, "%.*s", (int)(length - start), line + start);
    return line + length + (line[length] == '\n');
}

bool variant_next(const char *all, const char *version, bool other, struct variant *next)
{
    struct variant one, first = {.name = ""};
    bool passed = false;
    *next = first;
    for (const char *line = all; line && *line && !next->name[0];) {
        line = take(line, &one);
        bool own = strcmp(one.name, version) == 0;
        if (passed)
            *next = one;
        else if (!first.name[0] && !(own && other))
            first = one;
        passed |= own;
    }
    if (!next->name[0])
        *next = first;
    return next->name[0];
}

bool variant_find(const char *all, const char *name, struct variant *found)
{
    for (const char *line = all; line && *line;) {
        line = take(line, found);
        if (strcmp(found->name, name) == 0)
            return true;
    }
    *found = (struct variant){.name = ""};
    return !*name;
}

const char *variant_image(const struct variant *variant)
{
    size_t length = strlen(IMAGE);
    return strncmp(variant->start, IMAGE, length) == 0 ? variant->start + length : NULL;
}
