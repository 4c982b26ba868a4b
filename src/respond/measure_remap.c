/*
 * Remap: addresses that a map of nftables leads to the replica lead to another one from now on. One
 * transaction changes it; connections that stand are not touched (nft(8), maps and dnat).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "respond/held.h"
#include "respond/measures.h"
#include "respond/netfilter.h"
#include "respond/remap.h"
#include "respond/token.h"
#include "workload/fields.h"

#define ADDRESSES 16

static int check(const struct measure_target *target, struct error *err)
{
    if (!target->rule.map)
        return error_set(err, EXIT_MACHINE, 0, "no map of nftables is configured (respond.map)");
    if (!target->spare[0])
        return error_set(err, EXIT_MACHINE, 0, "there is no other replica to lead to");
    return 0;
}

static int open_network(const char *path, struct error *err)
{
    int fd = open(*path ? path : "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : error_set(err, EXIT_MACHINE, 0, "cannot open the network %s", path);
}

/* The changes that lead what leads to one of the replica's addresses to the spare one. */
static int find_changes(const struct measure_target *target, const json_t *listed, char **forth,
                        char **back, struct error *err)
{
    uint8_t addresses[ADDRESSES][16];
    int count = held_addresses(&target->workload, addresses, ADDRESSES, err);
    for (int i = 0; i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        workload_address_text(addresses[i], text);
        if (remap_changes(listed, target->rule.map, text, target->spare, forth, back) > 0)
            return 0;
    }
    return count < 0 ? -1
                     : error_set(err, EXIT_MACHINE, 0, "nothing in the map %s leads to %s",
                                 target->rule.map, target->workload.name);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    char command[256];
    const char *path = target->rule.map_network ? target->rule.map_network : "";
    autofree char *forth = NULL;
    autofree char *back = NULL;
    autoclose int network = open_network(path, err);
    snprintf(command, sizeof command, "list map %s", target->rule.map);
    autojson json_t *listed = network < 0 ? NULL : netfilter_ask(network, command, err);
    if (!listed || find_changes(target, listed, &forth, &back, err) < 0 ||
        netfilter_run(network, forth, err) < 0)
        return -1;
    json_object_set_new(token, "map_network", json_string(path));
    json_object_set_new(token, "back", json_string(back));
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    autoclose int network = open_network(token_text(token, "map_network"), err);
    return network < 0 ? -1 : netfilter_run(network, token_text(token, "back"), err);
}

const struct measure measure_remap = {
    .name = "remap",
    .summary = "leads the addresses of a map of nftables to another replica",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 1, .operation = 0.05},
    .collateral = 0.05,
    .worked = 1,
    .failed = 4,
    .takes_out = true,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
