#include "agent/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "respond/balancer.h"

#define ASK_EVERY NS_PER_S
#define HOLDS     (5 * NS_PER_S) /* what a balancer has said, when its next answer is late */
#define LOOKS     32             /* at replicas, in one tick */
#define QUESTIONS 2              /* to the hand, in one tick */
#define SUSPECT   0.5            /* belief: a replica is rather an intruder's than not */

/* One balancer, and what it has said of all its servers; NULL: it is silent. */
struct answer {
    char *socket, *stat;
    char why[ERROR_TEXT];
};

struct round {
    struct answer *answers;
    size_t count;
    uint64_t began; /* CLOCK_MONOTONIC */
    pthread_t thread;
    atomic_bool stop, done;
};

struct health {
    struct round *goes_on, *last; /* NULL: none */
    uint32_t looked_at;           /* the replica that was looked at last */
};

static void round_free(struct round *round)
{
    for (size_t i = 0; round && i < round->count; i++) {
        free(round->answers[i].socket);
        free(round->answers[i].stat);
    }
    if (round)
        free(round->answers);
    free(round);
}

/* ---- the thread ---- */

static void *ask_all(void *context)
{
    struct round *round = context;
    for (size_t i = 0; i < round->count && !atomic_load(&round->stop); i++) {
        struct answer *answer = &round->answers[i];
        struct error err;
        answer->stat = haproxy_ask(answer->socket, "show stat -1 4 -1", BALANCER_TIME_OUT, &err);
        if (!answer->stat)
            memcpy(answer->why, err.text, sizeof answer->why);
    }
    atomic_store(&round->done, true);
    return NULL;
}

/* ---- rounds ---- */

static const struct answer *answer_of(const struct round *round, const char *socket)
{
    for (size_t i = 0; round && i < round->count; i++)
        if (strcmp(round->answers[i].socket, socket) == 0)
            return &round->answers[i];
    return NULL;
}

/* Each balancer once, however many services it serves. */
static struct round *plan(const struct agent *agent, uint64_t now)
{
    struct round *round = memory_must(calloc(1, sizeof *round));
    round->began = now;
    for (const struct service *s = agent->services; s; s = s->next) {
        const struct respond_rule *rule = &config_service(agent->config, s->name)->respond;
        if (!rule->balancer || !rule->backend || answer_of(round, rule->balancer))
            continue;
        round->answers =
            memory_must(reallocarray(round->answers, round->count + 1, sizeof *round->answers));
        round->answers[round->count++] =
            (struct answer){.socket = memory_must(strdup(rule->balancer))};
    }
    return round;
}

/* Said once when a balancer falls silent. */
static void tell_silent(const struct health *health, const struct round *round)
{
    for (size_t i = 0; i < round->count; i++) {
        const struct answer *answer = &round->answers[i];
        const struct answer *before = answer_of(health->last, answer->socket);
        if (!answer->stat && (!before || before->stat))
            log_warn("%s; which replicas are healthy is not known", answer->why);
    }
}

static void take_over(struct health *health)
{
    struct round *round = health->goes_on;
    pthread_join(round->thread, NULL);
    tell_silent(health, round);
    round_free(health->last);
    health->last = round;
    health->goes_on = NULL;
}

/* Without a balancer there is nothing to ask, and nothing is known any more. */
static void begin(struct agent *agent, uint64_t now)
{
    struct health *health = agent->health;
    struct round *round = plan(agent, now);
    if (round->count == 0) {
        round_free(health->last);
        health->last = round;
    } else if (pthread_create(&round->thread, NULL, ask_all, round) == 0) {
        health->goes_on = round;
    } else {
        round_free(round); /* tried again at the next tick */
    }
}

/* ---- replicas ---- */

/* The server that the replica was when it was looked at last, or that has one of its addresses. */
static bool find(struct agent *agent, const struct watched *watched, const char *stat,
                 struct haproxy_server *server, uint32_t *questions)
{
    uint8_t addresses[HAND_ADDRESSES][16];
    uint32_t network;
    const char *before = watched->balanced.address;
    const char *backend = config_service(agent->config, watched->service->name)->respond.backend;
    autofree char *copy = memory_must(strdup(stat));
    if (*before && haproxy_find(copy, backend, before, NULL, server))
        return true;
    ++*questions;
    size_t count =
        hand_addresses(agent->hand, watched->workload.pid, addresses, HAND_ADDRESSES, &network);
    return balancer_find_among(stat, backend, addresses, count, server);
}

static void look(struct agent *agent, struct watched *watched, uint32_t *questions)
{
    const struct round *round = agent->health->last;
    const struct respond_rule *rule =
        &config_service(agent->config, watched->service->name)->respond;
    const struct answer *answer = rule->balancer ? answer_of(round, rule->balancer) : NULL;
    struct balanced *balanced = &watched->balanced;
    struct haproxy_server server;
    balanced->asked = round->began;
    if (answer && !answer->stat && clock_passed(round->began, balanced->heard) < HOLDS)
        return;
    balanced->known = answer && answer->stat && rule->backend && watched->workload.pid > 0 &&
                      find(agent, watched, answer->stat, &server, questions);
    if (!balanced->known)
        return;
    balanced->heard = round->began;
    balanced->up = server.up;
    balanced->latency = (double)server.latency_ms / 1000;
    memcpy(balanced->address, server.address, sizeof balanced->address);
}

/* A few at a time and in turn: reading long answers takes time, and the hand may be slow. */
static void look_at_some(struct agent *agent)
{
    uint32_t looks = 0, questions = 0, *turn = &agent->health->looked_at;
    for (uint32_t i = 0; i < PROBE_REPLICAS && looks < LOOKS && questions < QUESTIONS; i++) {
        *turn = (*turn + 1) % PROBE_REPLICAS;
        struct watched *watched = agent->watched[*turn];
        if (!watched || !watched->service || watched->balanced.asked == agent->health->last->began)
            continue;
        look(agent, watched, &questions);
        looks++;
    }
}

struct health *health_new(void)
{
    return memory_must(calloc(1, sizeof(struct health)));
}

void health_free(struct health *health)
{
    if (!health)
        return;
    if (health->goes_on) {
        atomic_store(&health->goes_on->stop, true);
        pthread_join(health->goes_on->thread, NULL);
    }
    round_free(health->goes_on);
    round_free(health->last);
    free(health);
}

void health_tick(struct agent *agent, uint64_t now)
{
    struct health *health = agent->health;
    if (health->goes_on && atomic_load(&health->goes_on->done))
        take_over(health);
    else if (!health->goes_on &&
             (!health->last || clock_passed(now, health->last->began) >= ASK_EVERY))
        begin(agent, now);
    if (health->last)
        look_at_some(agent);
}

static bool is_down(const struct watched *watched)
{
    return watched->balanced.known && !watched->balanced.up;
}

bool health_is_good(const struct agent *agent, const struct watched *watched)
{
    return !is_down(watched) && !(watched->alert && tolerance_belief(agent, watched) >= SUSPECT);
}

void health_tell(const struct agent *agent, const struct watched *watched, json_t *replica)
{
    const char *balancer = is_down(watched) ? "down" : "up";
    bool known = watched->balanced.known;
    json_object_set_new(replica, "healthy", json_boolean(health_is_good(agent, watched)));
    json_object_set_new(replica, "balancer", known ? json_string(balancer) : json_null());
    json_object_set_new(replica, "latency_ms",
                        known ? json_real(1000 * watched->balanced.latency) : json_null());
}
