#include "respond/remap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PART 256

/* An expression as a command writes it: a text, a number, or several with dots between; instead,
 * when it is not NULL, of the first. False: it is something else, or too long. */
static bool write_expression(const json_t *expression, const char *instead, char text[PART])
{
    const json_t *parts = json_object_get(expression, "concat");
    size_t count = parts ? json_array_size(parts) : 1, used = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *part = parts ? json_array_get(parts, i) : expression;
        const char *word = i == 0 && instead ? instead : json_string_value(part);
        if (!word && !json_is_integer(part))
            return false;
        int length = word ? snprintf(text + used, PART - used, "%s%s", i ? " . " : "", word)
                          : snprintf(text + used, PART - used, "%s%lld", i ? " . " : "",
                                     (long long)json_integer_value(part));
        used += (size_t)length;
        if (length < 0 || used >= PART)
            return false;
    }
    return count > 0;
}

static bool leads_to(const json_t *value, const char *address)
{
    const json_t *parts = json_object_get(value, "concat");
    const char *first = json_string_value(parts ? json_array_get(parts, 0) : value);
    return first && strcmp(first, address) == 0;
}

static void change(FILE *out, const char *map, const char *key, const char *from, const char *to)
{
    fprintf(out, "delete element %s { %s : %s }\nadd element %s { %s : %s }\n", map, key, from, map,
            key, to);
}

static const json_t *elements_of(const json_t *listed)
{
    const json_t *objects = json_object_get(listed, "nftables"), *object;
    size_t i;
    json_array_foreach (objects, i, object)
        if (json_object_get(object, "map"))
            return json_object_get(json_object_get(object, "map"), "elem");
    return NULL;
}

size_t remap_changes(const json_t *listed, const char *map, const char *address, const char *other,
                     char **forth, char **back)
{
    const json_t *elements = elements_of(listed), *element;
    size_t i, count = 0, sizes[2];
    FILE *there = memory_must(open_memstream(forth, &sizes[0]));
    FILE *home = memory_must(open_memstream(back, &sizes[1]));
    json_array_foreach (elements, i, element) {
        char key[PART], from[PART], to[PART];
        const json_t *value = json_array_get(element, 1);
        if (!leads_to(value, address) || !write_expression(json_array_get(element, 0), NULL, key) ||
            !write_expression(value, NULL, from) || !write_expression(value, other, to))
            continue;
        change(there, map, key, from, to);
        change(home, map, key, to, from);
        count++;
    }
    fclose(there);
    fclose(home);
    if (count == 0) {
        free(*forth);
        free(*back);
        *forth = *back = NULL;
    }
    return count;
}
