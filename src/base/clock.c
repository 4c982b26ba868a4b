#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

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

int clock_parse(const char *text, uint64_t *realtime_ns)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    time_t seconds = rest ? timegm(&utc) : -1;
    uint64_t ns = 0;
    if (seconds < 0 || seconds > 253402300799) /* the end of the year 9999 */
        return -1;
    if (*rest == '.') {
        uint64_t worth = NS_PER_S / 10;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, worth /= 10)
            ns += worth * (uint64_t)(*rest - '0');
    }
    if (strcmp(rest, "Z") != 0)
        return -1;
    *realtime_ns = (uint64_t)seconds * NS_PER_S + ns;
    return 0;
}

void clock_boot(char boot[CLOCK_BOOT])
{
    autofile FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || !fgets(boot, CLOCK_BOOT, file))
        *boot = '\0';
}
