/*
 * Replace: a new replica first, then the old one is taken out and frozen, so that what the intruder
 * did can be studied until the measure expires; then it is ended.
 */
#include "respond/cgroup_place.h"
#include "respond/measures.h"
#include "respond/successor.h"
#include "respond/token.h"

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct successor successor;
    struct cgroup_place place;
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        successor_start(target, &successor, token, err) < 0)
        return -1;
    json_object_set_new(token, "stood", json_boolean(cgroup_stands(&place)));
    if (cgroup_freeze(&place, true, err) < 0) {
        successor_take_back(target, &successor, token);
        return -1;
    }
    successor_keep(target, &place, token);
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    struct cgroup_place place;
    (void)kernel;
    return token_find_cgroup(token, &place) ? cgroup_freeze(&place, false, err) : 0;
}

static int withdraw(const struct measure_target *target, const json_t *token, struct error *err)
{
    int thawed = token_is(token, "stood") ? 0 : undo(token, &target->kernel, err);
    successor_withdraw(target, token);
    return thawed;
}

const struct measure measure_replace = {
    .name = "replace",
    .summary = "starts a new replica, then freezes the old one, and ends it when this expires",
    .stage = STAGE_RECOVER,
    .cost = {.service = 0.05, .state = 0.5, .evidence = 0.3, .operation = 0.2},
    .collateral = 0.1,
    .worked = 9,
    .failed = 1,
    .restarts = true,
    .longest = MEASURE_SUCCESSION,
    .check = successor_check,
    .carry_out = carry_out,
    .undo = undo,
    .withdraw = withdraw,
    .expire = successor_evict,
};
