/*
 * Quarantine: no packet enters or leaves the replica but on its own loopback; established
 * connections are cut as well. The kernel itself ends it when it expires, should Skink not be there
 * to do it.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "respond/measures.h"
#include "respond/netfilter.h"
#include "respond/powers.h"
#include "respond/token.h"
#include "workload/fields.h"

#define TABLE "inet skink_quarantine"

static const char CLOSE[] =
    "  set closed { type nf_proto; flags timeout; elements = { ipv4 timeout %llus, ipv6 timeout "
    "%llus } }\n"
    "  chain in { type filter hook input priority -300; iifname \"lo\" accept; meta nfproto @closed "
    "drop; }\n"
    "  chain out { type filter hook output priority -300; oifname \"lo\" accept; meta nfproto "
    "@closed drop; }\n"
    "  chain through { type filter hook forward priority -300; meta nfproto @closed drop; }\n";

int quarantine_possible(const struct measure_target *target, struct error *err)
{
    const char *name = target->workload.name;
    if (target->powers & POWER_HOST_NETWORK)
        return error_set(err, EXIT_MACHINE, 0, "%s: shares the host's network", name);
    if (target->shares_network)
        return error_set(err, EXIT_MACHINE, 0, "%s: shares its network with another replica", name);
    if (target->powers & POWER_NET_ADMIN)
        return error_set(err, EXIT_MACHINE, 0, "%s: may change its own packet filter", name);
    return 0;
}

bool quarantine_is_on(const struct measure_target *target)
{
    struct error ignored;
    autojson json_t *token = json_object();
    autoclose int network = token_network(token, target, &ignored);
    return network >= 0 && netfilter_run(network, "list table " TABLE "\n", &ignored) == 0;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    char chains[1024];
    unsigned long long seconds = target->rule.expiry / NS_PER_S;
    autoclose int network = token_network(token, target, err);
    if (network < 0)
        return -1;
    snprintf(chains, sizeof chains, CLOSE, seconds, seconds);
    return netfilter_table(network, TABLE, chains, err);
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    autoclose int network = token_open_network(token);
    return network < 0 ? 0 : netfilter_remove(network, TABLE, err);
}

const struct measure measure_quarantine = {
    .name = "quarantine",
    .summary = "drops every packet of the replica but on its loopback",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 1, .operation = 0.05},
    .collateral = 0.1,
    .worked = 8,
    .failed = 2,
    .takes_out = true,
    .check = quarantine_possible,
    .carry_out = carry_out,
    .undo = undo,
};
