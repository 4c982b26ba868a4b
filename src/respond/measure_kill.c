/* Kill: every process of the replica ends at once. Its engine may start it anew. */
#include "respond/cgroup_place.h"
#include "respond/measures.h"

static int check(const struct measure_target *target, struct error *err)
{
    struct cgroup_place place;
    return cgroup_place(&target->workload, "freezer", &place, err);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct cgroup_place place;
    (void)token;
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0)
        return -1;
    return cgroup_kill(&place, err);
}

const struct measure measure_kill = {
    .name = "kill",
    .summary = "ends every process of the replica",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 1, .state = 1, .evidence = 1, .operation = 0.1},
    .collateral = 0.4,
    .worked = 19,
    .failed = 1,
    .takes_out = true,
    .irreversible = true,
    .restarts = true,
    .check = check,
    .carry_out = carry_out,
};
