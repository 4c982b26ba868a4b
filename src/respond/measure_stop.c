/*
 * Stop: from now on the kernel kills the process of this replica that makes a foreign call, at the
 * call itself. The rest of the replica goes on serving.
 */
#include "respond/halt.h"
#include "respond/measures.h"

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    return halt_begin(target, HALT_KILL, token, err);
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)err;
    halt_end(token, HALT_KILL, kernel);
    return 0;
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
    .check = halt_check,
    .carry_out = carry_out,
    .undo = undo,
};
