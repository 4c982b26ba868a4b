/* Which container a cgroup belongs to, read from its path alone. */
#ifndef SKINK_WORKLOAD_CGROUP_NAME_H
#define SKINK_WORKLOAD_CGROUP_NAME_H

#include <stdbool.h>

#include "workload/workload.h"

struct cgroup_name {
    enum workload_engine engine; /* ENGINES: any engine that names containers by 64 hex digits */
    char id[WORKLOAD_TEXT];
    size_t length; /* of the path up to the container's own cgroup; more follows: it lies inside */
};

/* Finds the outermost container in a path; false when no part of it is named like one. A container
 * of runc or crun with a plain name ("/web") cannot be told this way. */
bool cgroup_name_parse(const char *path, struct cgroup_name *name);

/* The length of the path up to the component that holds id; 0 when there is none. */
size_t cgroup_name_find(const char *path, const char *id);

/* Is it an id as Docker and Podman make them, 64 hexadecimal digits? */
bool is_container_id(const char *text, size_t length);

#endif
