/*
 * Redirect: the balancer sends the replica no more requests, and lets the servers of another site
 * have their share where one is configured. The intruder in the replica goes on.
 */
#include "respond/balancer.h"
#include "respond/measures.h"

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    if (balancer_shed(target, token, err) < 0)
        return -1;
    if (!target->rule.site || balancer_open(target, target->rule.site, token, err) == 0)
        return 0;
    struct error ignored;
    balancer_restore(token, &ignored);
    return -1;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    return balancer_close(token, err);
}

const struct measure measure_redirect = {
    .name = "redirect",
    .summary = "tells the balancer to send the replica no more requests",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 1, .operation = 0.05},
    .collateral = 0.05,
    .worked = 1,
    .failed = 4,
    .takes_out = true,
    .check = balancer_check,
    .carry_out = carry_out,
    .undo = undo,
};
