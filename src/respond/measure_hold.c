/*
 * Hold: from now on the kernel stops (SIGSTOP) the process of this replica that makes a foreign
 * call, at the call itself. The rest of the replica goes on serving, and what is stopped is there
 * to be looked at, or goes on when this is undone.
 */
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "respond/cgroup_place.h"
#include "respond/halt.h"
#include "respond/measures.h"
#include "respond/token.h"

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    json_object_set_new(token, "below", json_string(target->workload.cgroup_path));
    return halt_begin(target, HALT_STOP, token, err);
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)err;
    halt_end(token, HALT_STOP, kernel);
    return 0;
}

static void go_on(const char *directory)
{
    pid_t pid;
    autofile FILE *members = cgroup_members(directory);
    while ((pid = cgroup_next_member(members)))
        if (workload_stopped(pid))
            kill(pid, SIGCONT);
}

/* Whom the kernel has stopped stays so until he is told. */
static int release(const json_t *token, struct error *err)
{
    struct cgroup_hierarchy hierarchy;
    char directory[PATH_MAX];
    const char *below = token_text(token, "below");
    if (cgroup_hierarchy_find(&hierarchy, err) < 0)
        return -1;
    if (below[0] != '/' || strstr(below, "/..") ||
        snprintf(directory, sizeof directory, "%s%s", hierarchy.mount, below) >=
            (int)sizeof directory)
        return error_set(err, EXIT_MACHINE, 0, "%s: no cgroup of a replica", below);
    char *const roots[] = {directory, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    while (tree && (entry = fts_read(tree)))
        if (entry->fts_info == FTS_D)
            go_on(entry->fts_path);
    if (tree)
        fts_close(tree);
    return 0; /* the replica has gone: it is over */
}

const struct measure measure_hold = {
    .name = "hold",
    .summary = "stops each process of the replica at its next foreign call, in the kernel",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 0.2, .operation = 0.02},
    .collateral = 0.2,
    .worked = 6,
    .failed = 4,
    .at_once = true,
    .ends_with_daemon = true,
    .check = halt_check,
    .carry_out = carry_out,
    .undo = undo,
    .release = release,
};
