/*
 * Fields out of what engines write: JSON that may be of any size, any shape and any type. What is
 * not there or of another type reads as absent; what is too large is refused before it costs
 * memory.
 */
#ifndef SKINK_WORKLOAD_FIELDS_H
#define SKINK_WORKLOAD_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* The most values (members and elements) that a document may have; a tree of that many takes some
 * 50 MB, a host with a thousand containers a tenth of it. */
#define FIELDS_VALUES_MAX 200000

/* Parses one document, which `what` names in errors. The caller owns the tree. */
json_t *fields_parse(const char *what, const char *text, size_t size, struct error *err);

/* Copies a text value, cut at size, control characters as "?"; "" when value is not a text. */
void fields_text(const json_t *value, char *to, size_t size);

/* The same for any text from outside: what a container calls itself ends on terminals. */
void text_copy(char *to, size_t size, const char *from);

/* A process id, 0 when value is none. */
int fields_pid(const json_t *value);

static inline void cleanup_json(json_t **value)
{
    json_decref(*value);
}
#define autojson __attribute__((cleanup(cleanup_json)))

/* Reads a file of at most max bytes whole, NUL-terminated; NULL with errno set (EFBIG: larger). */
char *read_whole(const char *path, size_t max, size_t *size);

#endif
