/* Containers that runc and crun run, by their state directories (ROOT/ID/state.json, status). */
#ifndef SKINK_WORKLOAD_OCI_H
#define SKINK_WORKLOAD_OCI_H

#include "workload/registry.h"

/* Reports every container that runs and is not known yet. Adds what must be looked at to the
 * inotify descriptor: after any event there, call it again. */
void oci_scan(const struct workload_options *options, struct registry *registry, int inotify_fd);

/* The container id whose cgroup has just appeared, from the state directories alone. */
enum workload_answer oci_identify(const struct workload_options *options, const char *id,
                                  const char *cgroup_path, struct description *description);

/* The container with that id as the state directory below root describes it, its annotations (and
 * runc's "bundle") as labels; -1: none runs there. */
int oci_load(const char *root, const char *id, const struct cgroup_hierarchy *hierarchy,
             struct description *description);

#endif
