/*
 * The one place where text from outside becomes a number. Every function refuses an empty text,
 * trailing characters, a sign where none belongs, and what is out of range; err then names `what`.
 */
#ifndef SKINK_BASE_PARSE_H
#define SKINK_BASE_PARSE_H

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

#endif
