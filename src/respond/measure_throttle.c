/* Throttle: the replica goes on with a tenth of a processor and 16 kB/s to send. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "respond/cgroup_place.h"
#include "respond/measures.h"
#include "respond/netfilter.h"
#include "respond/token.h"

#define TABLE "inet skink_throttle"

static const char SLOW[] =
    "  chain out { type filter hook output priority -290; oifname != \"lo\" limit rate over 16 "
    "kbytes/second drop; }\n";

static const char *quota_file(const struct cgroup_place *place)
{
    return place->v2 ? "cpu.max" : "cpu.cfs_quota_us";
}

static int check(const struct measure_target *target, struct error *err)
{
    struct cgroup_place place;
    char before[64];
    if (cgroup_place(&target->workload, "cpu", &place, err) < 0)
        return -1;
    return cgroup_read(place.path, quota_file(&place), before, sizeof before, err);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct cgroup_place place;
    struct error ignored;
    char before[64];
    if (cgroup_place(&target->workload, "cpu", &place, err) < 0 ||
        cgroup_read(place.path, quota_file(&place), before, sizeof before, err) < 0 ||
        cgroup_write(place.path, quota_file(&place), place.v2 ? "10000 100000" : "10000", err) < 0)
        return -1;
    before[strcspn(before, "\n")] = '\0';
    token_cgroup(token, &place);
    json_object_set_new(token, "quota", json_string(before));
    /* The network as well where it is the replica's own. */
    if (quarantine_possible(target, &ignored) < 0)
        return 0;
    autoclose int network = token_network(token, target, err);
    if (network >= 0 && netfilter_table(network, TABLE, SLOW, err) == 0)
        return 0;
    cgroup_write(place.path, quota_file(&place), before, &ignored);
    return -1;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    struct cgroup_place place;
    autoclose int network = token_open_network(token);
    int failed = network >= 0 ? netfilter_remove(network, TABLE, err) : 0;
    if (token_find_cgroup(token, &place))
        failed |= cgroup_write(place.path, quota_file(&place), token_text(token, "quota"), err);
    return failed;
}

const struct measure measure_throttle = {
    .name = "throttle",
    .summary = "leaves the replica a tenth of a processor and 16 kB/s to send",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 0.5, .operation = 0.05},
    .collateral = 0.05,
    .worked = 3,
    .failed = 7,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
