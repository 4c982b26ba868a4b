#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit DURATIONS[] = {
    {"ns", 1},   {"us", 1e3},   {"ms", 1e6},    {"s", 1e9},
    {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0},
};

static const struct unit SIZES[] = {
    {"B", 1},    {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824},
    {"kB", 1e3}, {"MB", 1e6},   {"GB", 1e9},      {NULL, 0},
};

int parse_u64(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value,
              struct error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long parsed = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    if (!end || *end != '\0' || errno != 0 || parsed < min || parsed > max)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not a whole number from %llu to %llu",
                         what, text, (unsigned long long)min, (unsigned long long)max);
    *value = parsed;
    return 0;
}

/* Reads an unsigned decimal number and leaves *end behind it; NULL in *end when there is none. */
static double number(const char *text, char **end)
{
    *end = NULL;
    /* strtod alone would take "inf", "nan", "0x1p3" and leading blanks. */
    if (!isdigit((unsigned char)text[0]) || text[1] == 'x' || text[1] == 'X')
        return 0;
    errno = 0;
    double value = strtod(text, end);
    if (errno != 0 || !isfinite(value))
        *end = NULL;
    return value;
}

int parse_double(const char *what, const char *text, double min, double max, double *value,
                 struct error *err)
{
    char *end;
    const char *digits = text[0] == '-' ? text + 1 : text;
    double parsed = number(digits, &end);
    if (digits != text)
        parsed = -parsed;
    if (!end || *end != '\0' || parsed < min || parsed > max)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not a number from %g to %g", what, text,
                         min, max);
    *value = parsed;
    return 0;
}

static int with_unit(const char *text, const struct unit *units, const char *bare, uint64_t *value)
{
    char *end;
    double parsed = number(text, &end);
    if (!end)
        return -1;
    const char *name = *end == '\0' ? bare : end;
    if (!name)
        return parsed == 0 ? (int)(*value = 0) : -1;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(unit->name, name) != 0)
            continue;
        double scaled = parsed * unit->factor;
        if (scaled > 9.0e18)
            return -1;
        *value = (uint64_t)(scaled + 0.5);
        return 0;
    }
    return -1;
}

int parse_duration(const char *what, const char *text, uint64_t *ns, struct error *err)
{
    if (with_unit(text, DURATIONS, NULL, ns) < 0)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: \"%s\" is not a duration such as 10s, 500ms or 2h", what, text);
    return 0;
}

int parse_size(const char *what, const char *text, uint64_t *bytes, struct error *err)
{
    if (with_unit(text, SIZES, "B", bytes) < 0)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not a size such as 512KiB or 4MiB",
                         what, text);
    return 0;
}
