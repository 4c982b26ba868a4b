/* `skink detect`: what its parsing and its printing share. */
#ifndef SKINK_CMD_DETECT_H
#define SKINK_CMD_DETECT_H

#include <jansson.h>

#include "detect/inspect.h"

struct detect_request {
    struct profile *profile;
    struct detect_rule rule;
    struct trace_options options;
    bool all_novelties;
};

/* The table for people: its head, and a trace's part of it. */
void detect_print_head(void);
void detect_print(const struct detect_request *request, const char *path,
                  const struct inspection *inspection);

/* The same for machines. */
json_t *detect_json(const struct detect_request *request, const char *path,
                    const struct inspection *inspection);

#endif
