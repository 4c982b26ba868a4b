/* The Prometheus text format. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "agent/metrics.h"

#include "base/text.h"

void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s ", name);
    for (; *help; help++) {
        if (*help == '\\' || *help == '\n')
            fputs(*help == '\n' ? "\\n" : "\\\\", out);
        else
            fputc(*help, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", name, type);
}

/* A byte that is no text becomes "?": one of them would have the whole page refused. */
static void put_label(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s=\"", name);
    while (*value) {
        size_t length = text_character(value, strlen(value));
        if (length == 0)
            fputc('?', out);
        else if (*value == '\n')
            fputs("\\n", out);
        else
            fprintf(out, "%s%.*s", *value == '\\' || *value == '"' ? "\\" : "", (int)length, value);
        value += length ? length : 1;
    }
    fputc('"', out);
}

/* Counters stay whole numbers as long as a double is exact. */
static void put_value(FILE *out, double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740992.0)
        fprintf(out, " %.0f\n", value);
    else
        fprintf(out, " %.9g\n", value);
}

void metrics_sample(FILE *out, const char *name, double value, ...)
{
    va_list labels;
    const char *separator = "{";
    fputs(name, out);
    va_start(labels, value);
    for (const char *label; (label = va_arg(labels, const char *)) != NULL; separator = ",") {
        fputs(separator, out);
        put_label(out, label, va_arg(labels, const char *));
    }
    va_end(labels);
    if (*separator == ',')
        fputc('}', out);
    put_value(out, value);
}
