/* Workloads that no engine knows: a cgroup path or a systemd unit of the configuration. */
#ifndef SKINK_WORKLOAD_EXTRAS_H
#define SKINK_WORKLOAD_EXTRAS_H

#include "workload/registry.h"

/* Reports those that run and are not known yet; looks for units only when `search` is set. */
void extras_scan(const struct workload_options *options, struct registry *registry, bool search);

/* Is the new cgroup that of an extra workload? */
bool extras_identify(const struct workload_options *options, const char *cgroup_path,
                     uint64_t cgroup, struct description *description);

#endif
