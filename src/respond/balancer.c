#include "respond/balancer.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "respond/held.h"
#include "respond/token.h"

#define ADDRESSES 16
#define WEIGHT    1 /* as a server has that the configuration gives none */
/* A new server is asked often until it answers: that is what the service waits for. */
#define CHECK "inter 50ms fastinter 10ms downinter 10ms rise 1"

int balancer_check(const struct measure_target *target, struct error *err)
{
    if (!target->rule.balancer || !target->rule.backend)
        return error_set(err, EXIT_MACHINE, 0,
                         "no balancer is configured (respond.balancer, respond.backend)");
    return 0;
}

static int command(const char *socket, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int command(const char *socket, struct error *err, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text)
        return error_set(err, EXIT_USAGE, 0, "a command to the balancer is too long");
    return haproxy_do(socket, text, BALANCER_TIME_OUT, err);
}

static char *statistics(const char *socket, const char *backend, struct error *err)
{
    char text[256];
    snprintf(text, sizeof text, "show stat %s 4 -1", backend);
    return haproxy_ask(socket, text, BALANCER_TIME_OUT, err);
}

bool balancer_find_among(const char *stat, const char *backend, uint8_t (*addresses)[16],
                         size_t count, struct haproxy_server *server)
{
    for (size_t i = 0; i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        autofree char *copy = memory_must(strdup(stat));
        workload_address_text(addresses[i], text);
        if (haproxy_find(copy, backend, text, NULL, server))
            return true;
    }
    return false;
}

int balancer_find(const struct measure_target *target, struct haproxy_server *server,
                  struct error *err)
{
    uint8_t addresses[ADDRESSES][16];
    const struct respond_rule *rule = &target->rule;
    autofree char *stat = statistics(rule->balancer, rule->backend, err);
    if (!stat)
        return -1;
    int count = held_addresses(&target->workload, addresses, ADDRESSES, err);
    if (count < 0)
        return -1;
    if (balancer_find_among(stat, rule->backend, addresses, (size_t)count, server))
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: is no server of the balancer's backend %s",
                     target->workload.name, rule->backend);
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * (long)NS_PER_MS};
    nanosleep(&pause, NULL);
}

void balancer_await_idle(const struct measure_target *target, uint64_t longest)
{
    struct haproxy_server server = {.sessions = 0};
    struct error ignored; /* who cannot be asked is not waited for */
    for (uint64_t end = clock_monotonic() + longest; clock_monotonic() < end; pause_ms(2))
        if (balancer_find(target, &server, &ignored) < 0 || server.sessions == 0)
            return;
}

int balancer_shed(const struct measure_target *target, json_t *token, struct error *err)
{
    const struct respond_rule *rule = &target->rule;
    struct haproxy_server server = {.serves = false};
    if (balancer_find(target, &server, err) < 0)
        return -1;
    if (!server.serves) /* whoever has taken it out brings it back */
        return 0;
    if (command(rule->balancer, err, "set server %s/%s state drain", rule->backend, server.name) <
        0)
        return -1;
    json_object_set_new(token, "balancer", json_string(rule->balancer));
    json_object_set_new(token, "backend", json_string(rule->backend));
    json_object_set_new(token, "server", json_string(server.name));
    balancer_await_idle(target, BALANCER_GRACE);
    return 0;
}

int balancer_open(const struct measure_target *target, const char *address, json_t *token,
                  struct error *err)
{
    const struct respond_rule *rule = &target->rule;
    struct haproxy_server server = {.serves = false};
    autofree char *stat = statistics(rule->balancer, rule->backend, err);
    if (!stat)
        return -1;
    if (!haproxy_find(stat, rule->backend, address, NULL, &server))
        return error_set(err, EXIT_MACHINE, 0, "%s: is no server of the balancer's backend %s",
                         address, rule->backend);
    if (server.weight > 0)
        return 0;
    if (command(rule->balancer, err, "set server %s/%s weight %d", rule->backend, server.name,
                WEIGHT) < 0)
        return -1;
    json_object_set_new(token, "opened",
                        json_pack("{s:s,s:s,s:s}", "balancer", rule->balancer, "backend",
                                  rule->backend, "server", server.name));
    return 0;
}

int balancer_close(const json_t *token, struct error *err)
{
    const json_t *opened = json_object_get(token, "opened");
    if (!opened)
        return 0;
    return command(token_text(opened, "balancer"), err, "set server %s/%s weight 0",
                   token_text(opened, "backend"), token_text(opened, "server"));
}

static int set_state(const json_t *token, const char *state, struct error *err)
{
    const char *server = token_text(token, "server");
    if (!*server)
        return 0;
    return command(token_text(token, "balancer"), err, "set server %s/%s state %s",
                   token_text(token, "backend"), server, state);
}

/* A person may have put it into maintenance since, or taken it away. */
int balancer_restore(const json_t *token, struct error *err)
{
    struct haproxy_server server;
    const char *name = token_text(token, "server"), *backend = token_text(token, "backend");
    if (!*name)
        return 0;
    autofree char *stat = statistics(token_text(token, "balancer"), backend, err);
    if (!stat)
        return -1;
    bool ours = haproxy_find(stat, backend, NULL, name, &server) && server.drained;
    return ours ? set_state(token, "ready", err) : 0;
}

int balancer_retire(const json_t *token, struct error *err)
{
    return set_state(token, "maint", err);
}

/* Waits until the balancer's own checks of the server pass. That it is late once is no reason to
 * give up: a machine on which a replica starts is busy. */
static int await_health(const struct respond_rule *rule, const char *name, struct error *err)
{
    struct error late;
    struct haproxy_server server;
    for (uint64_t end = clock_monotonic() + MEASURE_START; clock_monotonic() < end; pause_ms(4)) {
        autofree char *stat = statistics(rule->balancer, rule->backend, &late);
        if (stat && haproxy_find(stat, rule->backend, NULL, name, &server) && server.healthy)
            return 0;
    }
    return error_set(err, EXIT_MACHINE, 0, "the new replica %s is not healthy in time", name);
}

int balancer_add(const struct measure_target *target, const char *name, const char *address,
                 uint16_t port, struct error *err)
{
    const struct respond_rule *rule = &target->rule;
    const char *backend = rule->backend;
    if (command(rule->balancer, err, "add server %s/%s %s:%u check " CHECK, backend, name, address,
                port) < 0)
        return -1;
    /* It is checked before the first request goes to it. */
    if (command(rule->balancer, err, "set server %s/%s state drain", backend, name) == 0 &&
        command(rule->balancer, err, "enable health %s/%s", backend, name) == 0 &&
        await_health(rule, name, err) == 0 &&
        command(rule->balancer, err, "set server %s/%s state ready", backend, name) == 0)
        return 0;
    balancer_remove(target, name);
    return -1;
}

void balancer_remove(const struct measure_target *target, const char *name)
{
    struct error ignored;
    const struct respond_rule *rule = &target->rule;
    command(rule->balancer, &ignored, "set server %s/%s state maint", rule->backend, name);
    command(rule->balancer, &ignored, "del server %s/%s", rule->backend, name);
}

int balancer_has(const struct measure_target *target, const char *address, struct error *err)
{
    struct haproxy_server server;
    autofree char *stat = statistics(target->rule.balancer, target->rule.backend, err);
    return stat ? haproxy_find(stat, target->rule.backend, address, NULL, &server) : -1;
}

static bool look(const struct balancer_place *place, struct haproxy_server *server,
                 struct error *err)
{
    autofree char *stat = statistics(place->socket, place->backend, err);
    return stat && haproxy_find(stat, place->backend, NULL, place->server, server);
}

/* Until its requests have ended. */
static void await_end(const struct balancer_place *place, struct error *err)
{
    struct haproxy_server server;
    uint64_t end = clock_monotonic() + MEASURE_TIME_OUT;
    while (clock_monotonic() < end && look(place, &server, err) && server.sessions > 0)
        pause_ms(4);
}

/* A server that is drained and down is drained alone once its checks pass. */
static int await_checks(const struct balancer_place *place, struct error *err)
{
    struct haproxy_server server;
    for (uint64_t end = clock_monotonic() + MEASURE_START; clock_monotonic() < end; pause_ms(4))
        if (look(place, &server, err) && server.drained)
            return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s does not answer at its new address", place->server);
}

static int move_drained(const struct balancer_place *place, const char *address, uint16_t port,
                        struct error *err)
{
    const char *backend = place->backend, *server = place->server;
    struct error ignored;
    await_end(place, &ignored);
    if (command(place->socket, err, "set server %s/%s addr %s port %u", backend, server, address,
                port) < 0)
        return -1;
    /* Refused where there are no checks. */
    bool checked =
        command(place->socket, &ignored, "set server %s/%s health down", backend, server) == 0;
    return checked ? await_checks(place, err) : 0;
}

int balancer_move(const struct balancer_place *place, const char *address, uint16_t port,
                  struct error *err)
{
    struct haproxy_server before = {.serves = false};
    const char *backend = place->backend, *server = place->server;
    if (!look(place, &before, err))
        return error_set(err, EXIT_MACHINE, 0, "%s: is no server of %s", server, backend);
    if (!before.serves) /* no request goes to it anyway */
        return command(place->socket, err, "set server %s/%s addr %s port %u", backend, server,
                       address, port);
    if (command(place->socket, err, "set server %s/%s state drain", backend, server) < 0)
        return -1;
    int failed = move_drained(place, address, port, err);
    struct error ignored;
    int ready = command(place->socket, failed ? &ignored : err, "set server %s/%s state ready",
                        backend, server);
    return failed ? -1 : ready;
}
