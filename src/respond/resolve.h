/*
 * What names stand for: a profile knows a file by the name that the service wrote, the kernel
 * refuses by the name that it has found (refuse_files.bpf.h). Here the names that a profile knows
 * are resolved as the replica sees them, where that gives other names.
 */
#ifndef SKINK_RESPOND_RESOLVE_H
#define SKINK_RESPOND_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/accesses.h"

/* From where a process looks. */
struct resolve_view {
    int root;  /* descriptor of its root directory */
    char *cwd; /* of its working directory, seen from there */
};

/*
 * Adds to names what the known ones resolve to. A relative name may begin at every working
 * directory, and at every directory that is known to be read. since: ns since 1970; a symbolic link
 * that was changed after this is not followed, since an intruder may have made it.
 */
void resolve_names(struct access_set *names, const struct access_set *known,
                   const struct resolve_view *views, size_t count, uint64_t since);

/* The views of the processes in a cgroup (its directory) that began by then: they differ from one
 * another. Caller frees with resolve_views_free. */
struct resolve_view *resolve_views(const char *cgroup, uint64_t since, size_t *count);
void resolve_views_free(struct resolve_view *views, size_t count);

#endif
