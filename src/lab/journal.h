/*
 * The file of a sweep that can be resumed: one line of JSON for what is evaluated, and one for each
 * detector that is done. A line that was cut off by a kill is made anew.
 */
#ifndef SKINK_LAB_JOURNAL_H
#define SKINK_LAB_JOURNAL_H

#include <jansson.h>

#include "base/error.h"

struct journal;

/* Opens the file, or begins it, of the evaluation that `about` describes. An evaluation of other
 * traces or by other rules is refused. NULL on error. */
struct journal *journal_open(const char *path, const json_t *about, struct error *err);

/* What is noted for the key; borrowed. NULL: it is not done. */
json_t *journal_find(const struct journal *journal, const char *key);

/* Notes a result, on the disk before it returns. 0 or -1. */
int journal_add(struct journal *journal, const char *key, json_t *result, struct error *err);

void journal_close(struct journal *journal);

#endif
