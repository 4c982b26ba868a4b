#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic(void)
{
    return now(CLOCK_MONOTONIC);
}

uint64_t clock_realtime(void)
{
    return now(CLOCK_REALTIME);
}

uint64_t clock_wall(uint64_t monotonic_ns)
{
    return clock_realtime() - clock_monotonic() + monotonic_ns;
}

const char *clock_format(uint64_t realtime_ns, char text[CLOCK_TEXT])
{
    time_t seconds = (time_t)(realtime_ns / NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + used, CLOCK_TEXT - used, ".%06uZ", (unsigned)(realtime_ns % NS_PER_S / 1000));
    return text;
}
