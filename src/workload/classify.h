/* What an engine says about a container, and which service's replica that makes it. */
#ifndef SKINK_WORKLOAD_CLASSIFY_H
#define SKINK_WORKLOAD_CLASSIFY_H

#include <jansson.h>

#include "workload/workload.h"

struct description {
    struct workload workload; /* service and version are what classify adds */
    const char *service;      /* given by the configuration, borrowed; NULL: to be found */
    const char *version;
    char image_id[WORKLOAD_TEXT];
    json_t
        *labels; /* object of texts: labels, annotations, configuration keys; owned, may be NULL */
};

void description_free(struct description *description);

/*
 * Fills service, version and project: the first rule that matches, else labels and annotations in
 * the order of docs/workloads.md, else the image's name, else the container's name without its
 * replica number. What no rule has named is named within its namespace: NAMESPACE/NAME. May be
 * called again when the cgroup has become known.
 */
void classify(struct description *description, const struct workload_options *options);

/* Does the rule's `match` fit? A rule of an unknown kind fits nothing. */
bool classify_matches(const struct description *description, const char *match);

/* A pod's sandbox: a process that only holds namespaces, nobody's replica. */
bool classify_is_sandbox(const struct description *description);

#endif
