/* LXC containers, by their payload cgroups (lxc.payload.NAME; before LXC 4: lxc/NAME). */
#ifndef SKINK_WORKLOAD_LXC_H
#define SKINK_WORKLOAD_LXC_H

#include "workload/registry.h"

/* Reports the containers whose payload cgroup is there and not known yet; see oci_scan. */
void lxc_scan(const struct workload_options *options, struct registry *registry, int inotify_fd);

/* Describes a container from its cgroup's name and its configuration. */
void lxc_describe(const struct workload_options *options, const char *cgroup_name,
                  const char *cgroup_path, uint64_t cgroup, struct description *description);

/* An LXC configuration's lines KEY = VALUE as an object of texts (lxc.container.conf(5)); of a key
 * given twice the last. Pure: for the fuzzer. */
json_t *lxc_parse_config(const char *text, size_t size);

#endif
