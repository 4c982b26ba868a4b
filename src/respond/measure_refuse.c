/*
 * Refuse: the kernel does not do for this replica what its service is not known to do: run another
 * program, open another file, call another peer, mount. The call fails with EPERM, and the service
 * goes on.
 */
#include "respond/cgroup_place.h"
#include "respond/measures.h"

static int check(const struct measure_target *target, struct error *err)
{
    struct cgroup_place place;
    if (!target->kernel.refuse)
        return error_set(err, EXIT_MACHINE, 0, "%s: not watched", target->workload.name);
    if (target->cannot_refuse)
        return error_set(err, EXIT_MACHINE, 0, "%s", target->cannot_refuse);
    return cgroup_place(&target->workload, "freezer", &place, err);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    if (target->kernel.refuse(target->kernel.context, target, err) < 0)
        return -1;
    json_object_set_new(token, "replica", json_integer(target->replica));
    json_object_set_new(token, "generation", json_integer(target->generation));
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)err;
    kernel->allow(kernel->context, (uint32_t)json_integer_value(json_object_get(token, "replica")),
                  (uint32_t)json_integer_value(json_object_get(token, "generation")));
    return 0; /* not watched any more: it is over */
}

const struct measure measure_refuse = {
    .name = "refuse",
    .summary = "refuses the replica programs, files, peers and mounts that its service never used",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 0.05, .operation = 0.02},
    .collateral = 0.1,
    .worked = 7,
    .failed = 3,
    .ends_with_daemon = true,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
