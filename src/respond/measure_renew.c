/*
 * Renew: a replica in which nobody is, but which has aged, gives way to a clean one. The new one
 * serves first; then the old one has time to end what it does, and is ended as its engine would.
 */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "respond/balancer.h"
#include "respond/cgroup_place.h"
#include "respond/engine.h"
#include "respond/held.h"
#include "respond/measures.h"
#include "respond/successor.h"
#include "respond/token.h"

#define REQUESTS_END  (10 * NS_PER_S) /* the requests that it has may take so long */
#define PROCESSES_END (5 * NS_PER_S)  /* and so long what it does when it is told to end */

/* Its first process is told, as an engine does; what is left is killed. */
static int end_processes(int first, const struct cgroup_place *place, struct error *err)
{
    struct pollfd ended = {.fd = first, .events = POLLIN};
    if (syscall(SYS_pidfd_send_signal, first, SIGTERM, NULL, 0) == 0)
        poll(&ended, 1, (int)(PROCESSES_END / NS_PER_MS));
    return cgroup_kill(place, err);
}

/* Whom a person has taken out of service is his. */
static int check_serves(const struct measure_target *target, struct error *err)
{
    struct haproxy_server server;
    if (balancer_find(target, &server, err) < 0)
        return -1;
    if (server.serves)
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: was taken out of service at the balancer",
                     target->workload.name);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct successor successor;
    struct cgroup_place place;
    bool balanced = balancer_check(target, err) == 0;
    autoclose int first = held_open(&target->workload, err);
    if (first < 0 || cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        (balanced && check_serves(target, err) < 0) ||
        successor_start(target, &successor, token, err) < 0)
        return -1;
    if (balanced)
        balancer_await_idle(target, REQUESTS_END);
    if (target->engine_socket && engine_end(target, PROCESSES_END, err) < 0) {
        successor_take_back(target, &successor, token);
        return -1;
    }
    if (*token_text(token, "server"))
        balancer_remove(target, token_text(token, "server"));
    return target->engine_socket ? 0 : end_processes(first, &place, err);
}

const struct measure measure_renew = {
    .name = "renew",
    .summary = "starts a new replica, then ends the old one, in which nobody is",
    .stage = STAGE_RENEWAL,
    .cost = {.service = 0.05, .state = 0.5, .evidence = 1, .operation = 0.2},
    .collateral = 0.1,
    .worked = 9,
    .failed = 1,
    .irreversible = true,
    .longest = MEASURE_SUCCESSION + REQUESTS_END + PROCESSES_END,
    .restarts = true,
    .check = successor_check,
    .carry_out = carry_out,
};
