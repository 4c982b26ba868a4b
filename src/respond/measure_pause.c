/* Pause: no thread of the replica runs any more; memory, files and connections stay as they are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "respond/cgroup_place.h"
#include "respond/measures.h"
#include "respond/token.h"

static int check(const struct measure_target *target, struct error *err)
{
    struct cgroup_place place;
    return cgroup_place(&target->workload, "freezer", &place, err);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct cgroup_place place;
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        cgroup_freeze(&place, true, err) < 0)
        return -1;
    token_cgroup(token, &place);
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    struct cgroup_place place;
    if (!token_find_cgroup(token, &place))
        return 0;
    return cgroup_freeze(&place, false, err);
}

const struct measure measure_pause = {
    .name = "pause",
    .summary = "freezes the replica",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 1, .operation = 0.05},
    .collateral = 0.1,
    .worked = 9,
    .failed = 1,
    .takes_out = true,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
