#include "respond/successor.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "respond/balancer.h"
#include "respond/engine.h"
#include "respond/hook.h"
#include "respond/token.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* The command that starts one; NULL: the engine does. */
static const char *command_of(const struct measure_target *target)
{
    const struct variant *variant = &target->variant;
    if (variant->name[0])
        return variant_image(variant) ? NULL : variant->start;
    return target->rule.replace;
}

int successor_check(const struct measure_target *target, struct error *err)
{
    if (command_of(target) || target->engine_socket)
        return 0;
    if (target->variant.name[0])
        return error_set(err, EXIT_MACHINE, 0,
                         "variant %s is an image, which only an engine's API can start "
                         "(give a command)",
                         target->variant.name);
    return error_set(err, EXIT_MACHINE, 0,
                     "nothing can start a new replica (respond.replace names a command)");
}

/* "ADDRESS" or "ADDRESS:PORT", as the command printed it. */
static void take_place(const char *text, struct successor *successor)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : "";
    uint64_t port = 0;
    bool has_port = colon && strchr(text, ':') == colon &&
                    parse_digits(&digits, digits + strlen(digits), 10, &port) && !*digits &&
                    port <= UINT16_MAX;
    size_t length = has_port ? (size_t)(colon - text) : strlen(text);
    snprintf(successor->address, sizeof successor->address, "%.*s", (int)length, text);
    successor->port = has_port ? (uint16_t)port : 0;
}

/* A service's name may be anything; the engine and the balancer want a word. */
static void give_name(const struct measure_target *target, struct successor *successor)
{
    snprintf(successor->name, sizeof successor->name, "%.80s-%llx", target->workload.service,
             (unsigned long long)(clock_realtime() / NS_PER_MS));
    for (char *at = successor->name; *at; at++)
        if (!strchr(WORD, *at))
            *at = '-';
}

static int start(const struct measure_target *target, struct successor *successor,
                 struct error *err)
{
    char said[128];
    const char *command = command_of(target);
    give_name(target, successor);
    if (!command)
        return engine_start_like(target, successor->name, successor->address,
                                 sizeof successor->address, err);
    if (hook_run(command, target, MEASURE_START, said, sizeof said, err) < 0)
        return -1;
    take_place(said, successor);
    return 0;
}

/* Requests go to the new one; the old one gets no more. */
static int hand_over(const struct measure_target *target, const struct haproxy_server *old,
                     const struct successor *successor, json_t *token, struct error *err)
{
    uint16_t port = successor->port ? successor->port : old->port;
    if (!successor->address[0])
        return error_set(err, EXIT_MACHINE, 0, "the new replica's address is not known");
    if (balancer_add(target, successor->name, successor->address, port, err) < 0)
        return -1;
    return balancer_shed(target, token, err);
}

int successor_start(const struct measure_target *target, struct successor *successor, json_t *token,
                    struct error *err)
{
    struct haproxy_server old;
    bool balanced = balancer_check(target, err) == 0;
    *successor = (struct successor){.port = 0};
    /* Whom it would need is asked before anything is started. */
    if ((balanced && balancer_find(target, &old, err) < 0) || start(target, successor, err) < 0)
        return -1;
    if (balanced && hand_over(target, &old, successor, token, err) < 0) {
        successor_take_back(target, successor, token);
        return -1;
    }
    json_object_set_new(token, "new", json_string(successor->name));
    json_object_set_new(token, "address", json_string(successor->address));
    if (target->variant.name[0])
        json_object_set_new(token, "variant", json_string(target->variant.name));
    return 0;
}

void successor_take_back(const struct measure_target *target, const struct successor *successor,
                         const json_t *token)
{
    struct error ignored;
    balancer_restore(token, &ignored);
    if (balancer_check(target, &ignored) == 0)
        balancer_remove(target, successor->name);
    if (!command_of(target))
        engine_take_away(target, successor->name);
}

void successor_keep(const struct measure_target *target, const struct cgroup_place *place,
                    json_t *token)
{
    token_cgroup(token, place);
    engine_hold(target, token);
}

void successor_withdraw(const struct measure_target *target, const json_t *token)
{
    struct successor successor = {.port = 0};
    struct error ignored;
    snprintf(successor.name, sizeof successor.name, "%s", token_text(token, "new"));
    engine_release(target->engine_socket, token, &ignored);
    successor_take_back(target, &successor, token);
}

/* An engine that does not answer does not keep it alive, but is asked again later. */
int successor_evict(const json_t *token, const char *engine_socket, struct error *err)
{
    struct cgroup_place place;
    struct error ignored; /* the balancer may have forgotten it */
    balancer_retire(token, &ignored);
    int finished = engine_finish(engine_socket, token, err);
    if (token_find_cgroup(token, &place) && cgroup_kill(&place, err) < 0)
        return -1;
    return finished;
}
