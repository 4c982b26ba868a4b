/* A copy of the options that lives as long as the watch, with the defaults filled in. */
#ifndef SKINK_WORKLOAD_OPTIONS_H
#define SKINK_WORKLOAD_OPTIONS_H

#include "workload/workload.h"

struct options_copy {
    struct workload_options options; /* no text in it is NULL but what may be absent */
    char **texts;                    /* what it points to */
    size_t count;
};

int options_copy(struct options_copy *copy, const struct workload_options *from, struct error *err);
void options_free(struct options_copy *copy);

#endif
