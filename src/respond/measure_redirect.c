/* Redirect: the balancer sends the replica no more requests. The intruder in it goes on. */
#include "respond/balancer.h"
#include "respond/measures.h"

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
    .carry_out = balancer_shed,
};
