#include "lab/sweep.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

/* The first value in the text that stands for several. */
struct values {
    size_t before; /* characters in front of it */
    char *text;    /* owned */
    const char *after;
};

static bool is_several(const char *value)
{
    return strchr(value, '/') || strstr(value, "..");
}

static bool find_values(const char *text, struct values *values)
{
    const char *value = strchr(text, '=') ? strchr(text, '=') + 1 : text;
    while (value) {
        size_t length = strcspn(value, ",() ");
        values->before = (size_t)(value - text);
        values->text = memory_must(strndup(value, length));
        values->after = value + length;
        if (is_several(values->text))
            return true;
        free(values->text);
        value = strchr(value + length, '=');
        value = value ? value + 1 : NULL;
    }
    return false;
}

static int add_with(struct sweep *sweep, const char *text, const struct values *values,
                    const char *value, struct error *err)
{
    autofree char *one = NULL;
    if (asprintf(&one, "%.*s%s%s", (int)values->before, text, value, values->after) < 0)
        memory_must(one = NULL);
    return sweep_add(sweep, one, err);
}

/* "3..9" or "3..9..2" */
static int add_range(struct sweep *sweep, const char *text, const struct values *values,
                     struct error *err)
{
    autofree char *copy = memory_must(strdup(values->text));
    char *last = strstr(copy, ".."), *step = strstr(last + 2, ".."), number[24];
    uint64_t from, to, by = 1;
    *last = '\0';
    if (step)
        *step = '\0';
    if (parse_u64("the range's beginning", copy, 0, UINT32_MAX, &from, err) < 0 ||
        parse_u64("the range's end", last + 2, from, UINT32_MAX, &to, err) < 0 ||
        (step && parse_u64("the range's step", step + 2, 1, UINT32_MAX, &by, err) < 0))
        return error_context(err, "%s", text);
    for (uint64_t i = from; i <= to; i += by) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)i);
        if (add_with(sweep, text, values, number, err) < 0)
            return -1;
    }
    return 0;
}

static int add_list(struct sweep *sweep, const char *text, const struct values *values,
                    struct error *err)
{
    autofree char *copy = memory_must(strdup(values->text));
    char *rest = copy;
    for (char *value; (value = strsep(&rest, "/"));) {
        if (!*value)
            return error_set(err, EXIT_USAGE, 0, "%s: a value is missing beside a \"/\"", text);
        if (add_with(sweep, text, values, value, err) < 0)
            return -1;
    }
    return 0;
}

int sweep_add(struct sweep *sweep, const char *text, struct error *err)
{
    struct values values;
    if (find_values(text, &values)) {
        autofree char *owned = values.text;
        return strchr(owned, '/') ? add_list(sweep, text, &values, err)
                                  : add_range(sweep, text, &values, err);
    }
    if (sweep->count == SWEEP_MAX)
        return error_set(err, EXIT_USAGE, 0, "%s: the sweep has more than %d members", text,
                         SWEEP_MAX);
    if ((sweep->count & (sweep->count - 1)) == 0) /* full at each power of two */
        sweep->text = memory_must(
            reallocarray(sweep->text, sweep->count ? 2 * sweep->count : 1, sizeof *sweep->text));
    sweep->text[sweep->count++] = memory_must(strdup(text));
    return 0;
}

void sweep_clear(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++)
        free(sweep->text[i]);
    free(sweep->text);
    *sweep = (struct sweep){0};
}
