/* The control files of a replica's cgroup, on v1, hybrid and v2 hosts. */
#ifndef SKINK_RESPOND_CGROUP_PLACE_H
#define SKINK_RESPOND_CGROUP_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "workload/workload.h"

struct cgroup_place {
    bool v2;
    char path[PATH_MAX]; /* of the cgroup's directory */
};

/* The cgroup of a controller ("freezer", "cpu", "pids") that the replica's first process is in. */
int cgroup_place(const struct workload *workload, const char *controller,
                 struct cgroup_place *place, struct error *err);

/* Writes text to a control file; ENOENT stays in err->errnum when the cgroup has gone. */
int cgroup_write(const char *directory, const char *file, const char *text, struct error *err);

/* What a control file says, cut at size. */
int cgroup_read(const char *directory, const char *file, char *text, size_t size,
                struct error *err);

/* Freezes or thaws; returns when every thread stands, at most after a second. */
int cgroup_freeze(const struct cgroup_place *place, bool freeze, struct error *err);

/* Is it frozen, every thread? */
bool cgroup_stands(const struct cgroup_place *place);

/* The processes of a cgroup's directory, one by one: an opened list, NULL when it has gone, and the
 * next process in it, 0 when there is no more. */
FILE *cgroup_members(const char *directory);
pid_t cgroup_next_member(FILE *members);

/* Kills every process in it. place: of the freezer's controller, since who is frozen must wake to
 * die. */
int cgroup_kill(const struct cgroup_place *place, struct error *err);

#endif
