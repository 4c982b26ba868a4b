#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends formatted text; what does not fit is cut, which vsnprintf guarantees. */
static void append(struct error *err, const char *format, va_list args)
{
    size_t used = strlen(err->text);
    vsnprintf(err->text + used, sizeof err->text - used, format, args);
}

static void append_text(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(err, format, args);
    va_end(args);
}

int error_set(struct error *err, int code, int errnum, const char *format, ...)
{
    va_list args;
    err->code = code;
    err->errnum = errnum;
    err->text[0] = '\0';
    va_start(args, format);
    append(err, format, args);
    va_end(args);
    if (errnum > 0)
        append_text(err, ": %s", strerror(errnum));
    return -1;
}

int error_context(struct error *err, const char *format, ...)
{
    char before[ERROR_TEXT];
    va_list args;
    memcpy(before, err->text, sizeof before);
    err->text[0] = '\0';
    va_start(args, format);
    append(err, format, args);
    va_end(args);
    append_text(err, ": %s", before);
    return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
    va_list args;
    append_text(err, " (");
    va_start(args, format);
    append(err, format, args);
    va_end(args);
    append_text(err, ")");
    return -1;
}

int error_report(const struct error *err)
{
    fprintf(stderr, "skink: %s\n", err->text);
    return err->code;
}
