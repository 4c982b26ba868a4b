/*
 * Decoy: a new replica takes over, and the old one is cut off from every network but goes on, so
 * that the intruder shows what he is after; when the measure expires it is ended.
 */
#include "respond/cgroup_place.h"
#include "respond/measures.h"
#include "respond/successor.h"
#include "respond/token.h"

static int check(const struct measure_target *target, struct error *err)
{
    return successor_check(target, err) < 0 ? -1 : measure_quarantine.check(target, err);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct successor successor;
    struct cgroup_place place;
    struct error ignored; /* it stands still then, as after `replace` */
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        successor_start(target, &successor, token, err) < 0)
        return -1;
    json_object_set_new(token, "stood", json_boolean(cgroup_stands(&place)));
    json_object_set_new(token, "closed", json_boolean(quarantine_is_on(target)));
    if (measure_quarantine.carry_out(target, token, err) < 0) {
        successor_take_back(target, &successor, token);
        return -1;
    }
    cgroup_freeze(&place, false, &ignored); /* what contained him so far may have frozen it */
    successor_keep(target, &place, token);
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    return measure_quarantine.undo(token, kernel, err);
}

static int withdraw(const struct measure_target *target, const json_t *token, struct error *err)
{
    struct cgroup_place place;
    int failed = token_is(token, "stood") && token_find_cgroup(token, &place)
                     ? cgroup_freeze(&place, true, err)
                     : 0;
    if (!token_is(token, "closed") && undo(token, &target->kernel, err) < 0)
        failed = -1;
    successor_withdraw(target, token);
    return failed;
}

const struct measure measure_decoy = {
    .name = "decoy",
    .summary = "starts a new replica; the old one goes on without a network until this expires",
    .stage = STAGE_RECOVER,
    .cost = {.service = 0.05, .state = 0.5, .operation = 0.3},
    .collateral = 0.1,
    .worked = 8,
    .failed = 2,
    .restarts = true,
    .longest = MEASURE_SUCCESSION,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
    .withdraw = withdraw,
    .expire = successor_evict,
};
