#include "respond/site.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "respond/netfilter.h"
#include "respond/program.h"
#include "workload/fields.h"

#define ANSWER   65536
#define TIME_OUT (2 * NS_PER_S)

#define TABLE "skink_migrate"

static const char CLOSE[] =
    "  chain in { type filter hook prerouting priority -310; iifname != \"lo\" drop; }\n";

extern char **environ;

/* ---- the plan ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Appends a line; false when there is no room for it. */
__attribute__((format(printf, 2, 3))) static bool put(char *lines, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(lines);
    va_start(arguments, format);
    int length = vsnprintf(lines + used, SITE_LINES - used, format, arguments);
    va_end(arguments);
    return length >= 0 && (size_t)length < SITE_LINES - used;
}

static bool plan_address(const json_t *address, const char *device, struct site_move *move)
{
    const char *local = text_of(address, "local");
    int prefix = (int)json_integer_value(json_object_get(address, "prefixlen"));
    bool v6 = strcmp(text_of(address, "family"), "inet6") == 0;
    return put(move->leave, "address del %s/%d dev %s\n", local, prefix, device) &&
           put(move->enter, "address add %s/%d dev %s%s\n", local, prefix, device,
               v6 ? " nodad" : "");
}

/* How many addresses; -1: there is no room for them. `ip` shows those of another scope as {}. */
static int plan_link(const json_t *link, struct site_move *move)
{
    const json_t *address;
    size_t i;
    int count = 0;
    const char *device = text_of(link, "ifname");
    const char *hardware = text_of(link, "address");
    json_array_foreach (json_object_get(link, "addr_info"), i, address) {
        if (!*text_of(address, "local"))
            continue;
        if (count++ == 0 && !put(move->enter, "link set dev %s address %s up\n", device, hardware))
            return -1;
        if (!plan_address(address, device, move))
            return -1;
    }
    return count == 0 || put(move->leave, "link set dev %s down\n", device) ? count : -1;
}

/* Those that the kernel makes of addresses come with them. */
static bool plan_routes(const json_t *routes, struct site_move *move)
{
    const json_t *route;
    size_t i;
    json_array_foreach (routes, i, route)
        if (strcmp(text_of(route, "protocol"), "kernel") != 0 && *text_of(route, "gateway") &&
            !put(move->enter, "route add %s via %s dev %s\n", text_of(route, "dst"),
                 text_of(route, "gateway"), text_of(route, "dev")))
            return false;
    return true;
}

int site_plan(const char *addresses, const char *routes, struct site_move *move, struct error *err)
{
    autojson json_t *links = fields_parse("ip address", addresses, strlen(addresses), err);
    autojson json_t *ways = links ? fields_parse("ip route", routes, strlen(routes), err) : NULL;
    const json_t *link;
    size_t i;
    int count = 0;
    move->leave[0] = move->enter[0] = '\0';
    if (!ways)
        return -1;
    json_array_foreach (links, i, link) {
        int more = plan_link(link, move);
        if (more < 0)
            return error_set(err, EXIT_MACHINE, 0, "the replica has too many addresses");
        count += more;
    }
    if (count == 0)
        return error_set(err, EXIT_MACHINE, 0, "the replica has no address to take along");
    return plan_routes(ways, move)
               ? 0
               : error_set(err, EXIT_MACHINE, 0, "the replica has too many routes");
}

/* ---- in the namespaces ---- */

static int ip(const char *network, const char *const *words, char *answer, struct error *err)
{
    char enter[512];
    const char *all[16] = {"nsenter", enter, "ip"};
    snprintf(enter, sizeof enter, "--net=%s", network);
    for (size_t i = 0; i < 12 && words[i]; i++)
        all[i + 3] = words[i];
    return program_run("ip", (char *const *)all, environ, TIME_OUT, answer, ANSWER, err);
}

static int look_at_addresses(const char *network, char *answer, struct error *err)
{
    static const char *const WORDS[] = {"-json", "address", "show", "scope", "global", NULL};
    return ip(network, WORDS, answer, err);
}

int site_look(const char *network, struct site_move *move, struct error *err)
{
    static const char *const ROUTES[] = {"-json", "route", "show", NULL};
    autofree char *addresses = malloc(ANSWER);
    autofree char *routes = malloc(ANSWER);
    if (!addresses || !routes || look_at_addresses(network, addresses, err) < 0 ||
        ip(network, ROUTES, routes, err) < 0)
        return -1;
    return site_plan(addresses, routes, move, err);
}

int site_is_free(const char *network, struct error *err)
{
    struct error none;
    struct site_move move;
    autofree char *addresses = malloc(ANSWER);
    if (!addresses || look_at_addresses(network, addresses, err) < 0)
        return -1;
    if (site_plan(addresses, "[]", &move, &none) < 0)
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: has an address already (is a replica there?)",
                     network);
}

/* `ip -batch` reads a file: one that is nowhere. */
static int change(const char *network, const char *lines, struct error *err)
{
    char path[64];
    const char *const words[] = {"-force", "-batch", path, NULL};
    autofree char *answer = malloc(ANSWER);
    autoclose int file = memfd_create("skink-ip", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    if (!answer || file < 0 || write(file, lines, strlen(lines)) != (ssize_t)strlen(lines))
        return error_set(err, EXIT_MACHINE, 0, "cannot write what ip is to do");
    return ip(network, words, answer, err);
}

/* Nothing comes in until it is opened. */
static int close_network(const char *network, struct error *err)
{
    autoclose int fd = open(network, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: no such network", network);
    return netfilter_table(fd, "inet " TABLE, CLOSE, err);
}

int site_take_over(const char *from, const char *to, const struct site_move *move,
                   struct error *err)
{
    if (close_network(to, err) < 0 || change(from, move->leave, err) < 0)
        return -1;
    return change(to, move->enter, err);
}

/* What CRIU closes a network with: tables, or by iptables a chain, which lets through what it does
 * not drop. */
static void put_opening(const json_t *listed, char *commands)
{
    const json_t *item;
    size_t i;
    json_array_foreach (json_object_get(listed, "nftables"), i, item) {
        const json_t *table = json_object_get(item, "table");
        const json_t *chain = json_object_get(item, "chain");
        const char *name = text_of(table, "name");
        if (strcmp(name, TABLE) == 0 || strncmp(name, "CRIU-", 5) == 0)
            put(commands, "delete table %s %s\n", text_of(table, "family"), name);
        if (strcmp(text_of(chain, "name"), "CRIU") == 0)
            put(commands, "flush chain %s %s CRIU\n", text_of(chain, "family"),
                text_of(chain, "table"));
    }
}

int site_open(const char *network, struct error *err)
{
    char commands[SITE_LINES] = "";
    autoclose int fd = open(network, O_RDONLY | O_CLOEXEC);
    autojson json_t *tables = fd < 0 ? NULL : netfilter_ask(fd, "list tables", err);
    autojson json_t *chains = tables ? netfilter_ask(fd, "list chains", err) : NULL;
    if (!chains)
        return -1;
    put_opening(tables, commands);
    put_opening(chains, commands);
    return *commands ? netfilter_run(fd, commands, err) : 0;
}
