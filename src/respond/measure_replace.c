/*
 * Replace: a new replica first, then the old one is taken out and frozen, so that what the intruder
 * did can be studied until the measure expires; then it is ended.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "respond/balancer.h"
#include "respond/cgroup_place.h"
#include "respond/engine.h"
#include "respond/hook.h"
#include "respond/measures.h"
#include "respond/token.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

struct fresh {
    char name[HAPROXY_NAME];
    char address[64];
    uint16_t port; /* 0: the same as the old one's */
};

static int check(const struct measure_target *target, struct error *err)
{
    if (!target->rule.replace && !target->engine_socket)
        return error_set(err, EXIT_MACHINE, 0,
                         "nothing can start a new replica (respond.replace names a command)");
    return 0;
}

/* "ADDRESS" or "ADDRESS:PORT", as the command printed it. */
static void take_place(const char *text, struct fresh *fresh)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : "";
    uint64_t port = 0;
    bool has_port = colon && strchr(text, ':') == colon &&
                    parse_digits(&digits, digits + strlen(digits), 10, &port) && !*digits &&
                    port <= UINT16_MAX;
    size_t length = has_port ? (size_t)(colon - text) : strlen(text);
    snprintf(fresh->address, sizeof fresh->address, "%.*s", (int)length, text);
    fresh->port = has_port ? (uint16_t)port : 0;
}

/* A service's name may be anything; the engine and the balancer want a word. */
static void name_fresh(const struct measure_target *target, struct fresh *fresh)
{
    snprintf(fresh->name, sizeof fresh->name, "%.80s-%llx", target->workload.service,
             (unsigned long long)(clock_realtime() / NS_PER_MS));
    for (char *at = fresh->name; *at; at++)
        if (!strchr(WORD, *at))
            *at = '-';
}

static int start_fresh(const struct measure_target *target, struct fresh *fresh, struct error *err)
{
    char said[128];
    name_fresh(target, fresh);
    if (!target->rule.replace)
        return engine_start_like(target, fresh->name, fresh->address, sizeof fresh->address, err);
    if (hook_run(target->rule.replace, target, MEASURE_START, said, sizeof said, err) < 0)
        return -1;
    take_place(said, fresh);
    return 0;
}

/* Requests go to the new one; the old one gets no more. */
static int hand_over(const struct measure_target *target, const struct haproxy_server *old,
                     const struct fresh *fresh, json_t *token, struct error *err)
{
    uint16_t port = fresh->port ? fresh->port : old->port;
    if (!fresh->address[0])
        return error_set(err, EXIT_MACHINE, 0, "the new replica's address is not known");
    if (balancer_add(target, fresh->name, fresh->address, port, err) < 0)
        return -1;
    return balancer_shed(target, token, err);
}

/* The old one serves again, and the new one ends: a command's own cannot be ended from here. */
static void take_back(const struct measure_target *target, const struct fresh *fresh, bool balanced,
                      const json_t *token)
{
    struct error ignored;
    balancer_restore(token, &ignored);
    if (balanced)
        balancer_remove(target, fresh->name);
    if (!target->rule.replace)
        engine_take_away(target, fresh->name);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct fresh fresh = {.port = 0};
    struct haproxy_server old;
    struct cgroup_place place;
    bool balanced = balancer_check(target, err) == 0;
    /* Whom it would need is asked before anything is started. */
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        (balanced && balancer_find(target, &old, err) < 0) || start_fresh(target, &fresh, err) < 0)
        return -1;
    if ((balanced && hand_over(target, &old, &fresh, token, err) < 0) ||
        cgroup_freeze(&place, true, err) < 0) {
        take_back(target, &fresh, balanced, token);
        return -1;
    }
    token_cgroup(token, &place);
    json_object_set_new(token, "new", json_string(fresh.name));
    json_object_set_new(token, "address", json_string(fresh.address));
    return 0;
}

static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    struct cgroup_place place;
    (void)kernel;
    return token_find_cgroup(token, &place) ? cgroup_freeze(&place, false, err) : 0;
}

static int evict(const json_t *token, struct error *err)
{
    struct cgroup_place place;
    struct error ignored; /* the balancer may have forgotten it */
    balancer_retire(token, &ignored);
    return token_find_cgroup(token, &place) ? cgroup_kill(&place, err) : 0;
}

const struct measure measure_replace = {
    .name = "replace",
    .summary = "starts a new replica, then freezes the old one, and ends it when this expires",
    .stage = STAGE_RECOVER,
    .cost = {.service = 0.05, .state = 0.5, .evidence = 0.3, .operation = 0.2},
    .collateral = 0.1,
    .worked = 9,
    .failed = 1,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
    .expire = evict,
};
