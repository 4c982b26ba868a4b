/* Time: nanoseconds everywhere inside, ISO 8601 UTC wherever a person or a file sees it. */
#ifndef SKINK_BASE_CLOCK_H
#define SKINK_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

/* "2026-11-21T23:25:49.123456Z" and its NUL. */
#define CLOCK_TEXT 32

/* A UUID and its NUL. */
#define CLOCK_BOOT 37

/* CLOCK_MONOTONIC, the clock that the probe stamps its events with, in nanoseconds. */
uint64_t clock_monotonic(void);

/* CLOCK_REALTIME in nanoseconds since 1970. */
uint64_t clock_realtime(void);

/* How long ago `then` was; 0 when it is yet to come (who noted it may have looked later). */
static inline uint64_t clock_passed(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

/* The wall-clock time of a monotonic instant, by the offset between both clocks now. */
uint64_t clock_wall(uint64_t monotonic_ns);

/* Which boot of the machine this is, "" when that is not known: what was counted from its beginning
 * means nothing in another one. */
void clock_boot(char boot[CLOCK_BOOT]);

/* Writes realtime_ns as ISO 8601 UTC with microseconds into text and returns text. */
const char *clock_format(uint64_t realtime_ns, char text[CLOCK_TEXT]);

/* The instant that such a text names, with any number of decimals. 0, or -1 when it names none. */
int clock_parse(const char *text, uint64_t *realtime_ns);

#endif
