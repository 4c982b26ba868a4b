/* Revoke: what the intruder has read of the service's credentials opens nothing any more. */
#include "respond/hook.h"
#include "respond/measures.h"

static int check(const struct measure_target *target, struct error *err)
{
    if (!target->rule.revoke)
        return error_set(err, EXIT_MACHINE, 0, "no command is configured (respond.revoke)");
    return 0;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    char said[256];
    if (hook_run(target->rule.revoke, target, MEASURE_START, said, sizeof said, err) < 0)
        return -1;
    json_object_set_new(token, "said", json_string(said));
    return 0;
}

const struct measure measure_revoke = {
    .name = "revoke",
    .summary = "runs the configured command that revokes the service's credentials",
    .stage = STAGE_RECOVER,
    .cost = {.service = 0.2, .operation = 0.3},
    .collateral = 0.2,
    .worked = 4,
    .failed = 6,
    .irreversible = true,
    .longest = MEASURE_START + MEASURE_LONGEST,
    .check = check,
    .carry_out = carry_out,
};
