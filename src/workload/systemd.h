/* Where systemd puts its units' processes. */
#ifndef SKINK_WORKLOAD_SYSTEMD_H
#define SKINK_WORKLOAD_SYSTEMD_H

#include "workload/workload.h"

/* Is this the cgroup of the system's unit, whichever slice it is in? A user's own units are not. */
bool systemd_is_unit(const char *cgroup_path, const char *unit);

/* Finds a running unit's cgroup below the hierarchy's root; false when there is none. */
bool systemd_find_unit(const struct cgroup_hierarchy *hierarchy, const char *unit, char *path,
                       size_t size);

#endif
