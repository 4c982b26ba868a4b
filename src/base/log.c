#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static bool verbose;

void log_verbose(bool on)
{
    verbose = on;
}

static void line(const char *level, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "skink: %s%s\n", level, text);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line("warning: ", format, args);
    va_end(args);
}

void log_debug(const char *format, ...)
{
    va_list args;
    if (!verbose)
        return;
    va_start(args, format);
    line("debug: ", format, args);
    va_end(args);
}
