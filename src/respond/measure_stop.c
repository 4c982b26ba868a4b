/*
 * Stop: from now on the kernel kills the process of this replica that makes a foreign call, at the
 * call itself. The rest of the replica goes on serving.
 */
#include "respond/measures.h"

static int check(const struct measure_target *target, struct error *err)
{
    if (!target->kernel.stop)
        return error_set(err, EXIT_MACHINE, 0, "%s: not watched", target->workload.name);
    return 0;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    if (target->kernel.stop(target->kernel.context, target->replica, target->generation, true) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: not watched any more", target->workload.name);
    json_object_set_new(token, "replica", json_integer(target->replica));
    json_object_set_new(token, "generation", json_integer(target->generation));
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)err;
    kernel->stop(kernel->context, (uint32_t)json_integer_value(json_object_get(token, "replica")),
                 (uint32_t)json_integer_value(json_object_get(token, "generation")), false);
    return 0; /* not watched any more: it is over */
}

const struct measure measure_stop = {
    .name = "stop",
    .summary = "kills each process of the replica at its next foreign call, in the kernel",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 0.1, .state = 0.1, .evidence = 0.2, .operation = 0.02},
    .collateral = 0.3,
    .worked = 7,
    .failed = 3,
    .irreversible = true,
    .at_once = true,
    .ends_with_daemon = true,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
