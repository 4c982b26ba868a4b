/*
 * Shuffle: the replica gets another address, and is asked at another port of it, both drawn at
 * random. The balancer alone is told: what an intruder knows of where the replica is has become
 * worthless, and his connections to and from the old address are dead.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "respond/address.h"
#include "respond/balancer.h"
#include "respond/inside.h"
#include "respond/measures.h"
#include "respond/netfilter.h"
#include "respond/token.h"

#define TABLE     "ip skink_shuffle"
#define LOW_PORT  20000
#define HIGH_PORT 32000 /* below the ports that the kernel gives to clients */
#define DRAWS     16

/* At the new address the service's own port is reached by way of the other one alone. */
static const char LEAD[] =
    "  chain lead { type nat hook prerouting priority -100; ip daddr %s tcp dport %u dnat to %s:%u; "
    "}\n"
    "  chain close { type filter hook input priority -290; ip daddr %s meta l4proto tcp ct original proto-dst %u drop; "
    "}\n";

struct change {
    struct address address;
    bool there;
};

static int find(void *context, struct error *err)
{
    struct change *change = context;
    return address_find(change->address.address, &change->address, err);
}

static int set(void *context, struct error *err)
{
    const struct change *change = context;
    return address_set(&change->address, change->there, err);
}

static int set_address(int network, const struct address *address, bool there, struct error *err)
{
    struct change change = {*address, there};
    return inside_run(network, set, &change, err);
}

static int check(const struct measure_target *target, struct error *err)
{
    struct in_addr range;
    uint8_t prefix;
    if (!target->rule.addresses)
        return error_set(err, EXIT_MACHINE, 0, "no addresses are configured (respond.addresses)");
    if (balancer_check(target, err) < 0 || quarantine_possible(target, err) < 0)
        return -1;
    return address_parse_range(target->rule.addresses, &range, &prefix, err);
}

/* An address of the range that no server of the backend has. */
static int draw(const struct measure_target *target, struct in_addr *drawn, struct error *err)
{
    struct in_addr range;
    uint8_t prefix;
    char text[INET_ADDRSTRLEN];
    if (address_parse_range(target->rule.addresses, &range, &prefix, err) < 0)
        return -1;
    for (int i = 0; i < DRAWS; i++) {
        *drawn = address_draw(range, prefix);
        inet_ntop(AF_INET, drawn, text, sizeof text);
        int taken = balancer_has(target, text, err);
        if (taken <= 0)
            return taken;
    }
    return error_set(err, EXIT_MACHINE, 0, "%s: no address is left", target->rule.addresses);
}

static uint16_t draw_port(void)
{
    uint16_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
        drawn = 0;
    return (uint16_t)(LOW_PORT + drawn % (HIGH_PORT - LOW_PORT));
}

/* The new address, and the way to the service's port at it. */
static int prepare(int network, const struct address *fresh, uint16_t port, uint16_t own,
                   struct error *err)
{
    char chains[1024], text[INET_ADDRSTRLEN];
    struct error ignored;
    inet_ntop(AF_INET, &fresh->address, text, sizeof text);
    snprintf(chains, sizeof chains, LEAD, text, port, text, own, text, own);
    if (set_address(network, fresh, true, err) < 0)
        return -1;
    if (netfilter_table(network, TABLE, chains, err) == 0)
        return 0;
    set_address(network, fresh, false, &ignored);
    return -1;
}

/* What undo needs to lead the server and the network back. */
static void note(json_t *token, const struct measure_target *target,
                 const struct haproxy_server *server, const struct address *fresh, uint16_t port)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &fresh->address, text, sizeof text);
    json_t *moved =
        json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:i,s:s,s:i}", "balancer", target->rule.balancer,
                  "backend", target->rule.backend, "server", server->name, "from", server->address,
                  "from_port", server->port, "to", text, "to_port", port, "interface",
                  fresh->interface, "prefix", fresh->prefix);
    json_object_set_new(token, "moved", moved);
}

/* The way to the new address and the address itself go. */
static int withdraw(int network, const struct address *fresh, struct error *err)
{
    int failed = netfilter_remove(network, TABLE, err);
    return set_address(network, fresh, false, err) < 0 ? -1 : failed;
}

static int move(const struct measure_target *target, int network, const struct address *old,
                const struct haproxy_server *server, json_t *token, struct error *err)
{
    char text[INET_ADDRSTRLEN];
    struct error ignored;
    struct address fresh = *old;
    uint16_t port = draw_port();
    struct balancer_place place = {target->rule.balancer, target->rule.backend, server->name};
    if (draw(target, &fresh.address, err) < 0 ||
        prepare(network, &fresh, port, server->port, err) < 0)
        return -1;
    inet_ntop(AF_INET, &fresh.address, text, sizeof text);
    if (balancer_move(&place, text, port, err) < 0 || set_address(network, old, false, err) < 0) {
        balancer_move(&place, server->address, server->port, &ignored);
        withdraw(network, &fresh, &ignored);
        return -1;
    }
    note(token, target, server, &fresh, port);
    return 0;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct haproxy_server server = {.port = 0};
    struct change change = {.there = true};
    autoclose int network = token_network(token, target, err);
    if (network < 0 || balancer_find(target, &server, err) < 0)
        return -1;
    if (inet_pton(AF_INET, server.address, &change.address.address) != 1)
        return error_set(err, EXIT_MACHINE, 0, "%s: only an IPv4 address can be changed",
                         server.address);
    if (inside_run(network, find, &change, err) < 0)
        return -1;
    return move(target, network, &change.address, &server, token, err);
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    (void)kernel;
    const json_t *moved = json_object_get(token, "moved");
    struct balancer_place place = {token_text(moved, "balancer"), token_text(moved, "backend"),
                                   token_text(moved, "server")};
    struct address old = {.prefix = (uint8_t)json_integer_value(json_object_get(moved, "prefix"))};
    autoclose int network = token_open_network(token);
    if (network < 0)
        return 0;
    snprintf(old.interface, sizeof old.interface, "%s", token_text(moved, "interface"));
    struct address fresh = old;
    inet_pton(AF_INET, token_text(moved, "from"), &old.address);
    inet_pton(AF_INET, token_text(moved, "to"), &fresh.address);
    if (set_address(network, &old, true, err) < 0 ||
        balancer_move(&place, token_text(moved, "from"),
                      (uint16_t)json_integer_value(json_object_get(moved, "from_port")), err) < 0)
        return -1;
    return withdraw(network, &fresh, err);
}

const struct measure measure_shuffle = {
    .name = "shuffle",
    .summary = "gives the replica another address and port, which the balancer alone is told",
    .stage = STAGE_CONTAIN,
    .cost = {.service = 0.1, .operation = 0.1},
    .collateral = 0.03,
    .worked = 3,
    .failed = 7,
    .longest = MEASURE_SUCCESSION,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
