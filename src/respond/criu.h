/*
 * Checkpoint and restore of a container by CRIU (criu.org), through runc, which is beneath Docker
 * and Podman too. The container stands still from the first moment of a checkpoint to the last, and
 * the probe looks away as long: CRIU makes calls in its processes' names.
 */
#ifndef SKINK_RESPOND_CRIU_H
#define SKINK_RESPOND_CRIU_H

#include <limits.h>

#include "respond/cgroup_place.h"
#include "respond/measure.h"

/* A killed CRIU may leave a process that never recovers: it is given time. */
#define CRIU_TIME_OUT (30ULL * 1000000000) /* ns */

struct criu_container {
    struct workload workload;
    const char *runc; /* its state directory, borrowed */
    char bundle[PATH_MAX];
    struct cgroup_place freezer;
};

/* Are the programs there? Asks nobody. */
int criu_installed(struct error *err);

/* Does CRIU work on this kernel? Asks it. */
int criu_works(struct error *err);

/* The container as runc knows it now. */
int criu_find(const char *runc, const char *id, struct criu_container *container,
              struct error *err);

/* Refuses more than max bytes of memory, or than half of what is free where `directory` is. */
int criu_fits(const struct criu_container *container, const char *directory, uint64_t max,
              struct error *err);

/*
 * Writes its processes into `images`. When it ends well and goes_on is false they are gone, else
 * they go on (or stand, as they did before).
 */
int criu_dump(const struct criu_container *container, const struct measure_kernel *kernel,
              const char *images, bool goes_on, struct error *err);

/* Makes the processes again, in the networks and with the root of this bundle. */
int criu_restore(const struct criu_container *container, const struct measure_kernel *kernel,
                 const char *bundle, const char *images, struct error *err);

#endif
