/*
 * The one place where text from outside becomes a number. Every function refuses an empty text,
 * trailing characters, a sign where none belongs, and what is out of range; err then names `what`.
 */
#ifndef SKINK_BASE_PARSE_H
#define SKINK_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A decimal integer in [min, max]. */
int parse_u64(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value,
              struct error *err);

/* A finite decimal number in [min, max]. */
int parse_double(const char *what, const char *text, double min, double max, double *value,
                 struct error *err);

/* A duration with a unit, ns us ms s m h d ("10s", "1.5h"), into nanoseconds; "0" needs no unit. */
int parse_duration(const char *what, const char *text, uint64_t *ns, struct error *err);

/* A size with an optional unit, B KiB MiB GiB kB MB GB ("4MiB"), into bytes. */
int parse_size(const char *what, const char *text, uint64_t *bytes, struct error *err);

/*
 * For parsers of streams: reads the digits of base 8, 10 or 16 at *at, as far as they go before
 * end, and moves *at behind them. false when there is none or the number exceeds 64 bits; then *at
 * is unchanged.
 */
static inline bool parse_digits(const char **at, const char *end, unsigned base, uint64_t *value)
{
    const char *digit = *at;
    uint64_t number = 0;
    for (; digit < end; digit++) {
        unsigned worth = (unsigned char)(*digit - '0');
        if (worth > 9 && base == 16) /* 'A' and 'a' are 10 */
            worth = (unsigned char)((*digit | 0x20) - 'a') < 6 ? (*digit & 7) + 9U : base;
        if (worth >= base)
            break;
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, worth, &number))
            return false;
    }
    if (digit == *at)
        return false;
    *at = digit;
    *value = number;
    return true;
}

#endif
