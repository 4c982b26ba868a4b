#include "vote/dissent.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "vote/exchange.h"

#define KINDS 3 /* of what is told: dissent, silence, no majority */

enum kind { DISSENT, SILENCE, SPLIT };

/* The latest of a kind, and how many there were since it was last told. */
struct note {
    uint64_t count;
    size_t support; /* of a split */
    char name[SEAT_TEXT], request[DISSENT_REQUEST], why[EXCHANGE_WHY];
};

struct dissent {
    const struct front_rule *rule;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ends;
    struct note note[KINDS][BALLOT_REPLICAS]; /* a split is in the first place */
    bool unheard;                             /* it was said that the daemon does not answer */
};

/* ---- the thread ---- */

static bool any(const struct dissent *dissent)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < BALLOT_REPLICAS; i++)
            if (dissent->note[kind][i].count > 0)
                return true;
    return false;
}

static void tell_daemon(struct dissent *dissent, const struct note *note)
{
    const char *socket = dissent->rule->socket;
    struct error err;
    json_t *reply = NULL;
    if (!socket)
        return;
    json_t *request =
        json_pack("{s:s,s:s,s:o,s:s}", "verb", "dissent", "replica", note->name, "request",
                  text_json(note->request, strlen(note->request)), "why", note->why);
    bool heard = control_ask(socket, request, &reply, &err) == 0;
    if (!heard && !dissent->unheard)
        log_warn("dissent is not told to the daemon: %s", err.text);
    dissent->unheard = !heard;
    json_decref(request);
    json_decref(reply);
}

static void tell(struct dissent *dissent, enum kind kind, const struct note *note)
{
    char more[48] = "";
    if (note->count > 1)
        snprintf(more, sizeof more, ", and %llu requests more",
                 (unsigned long long)note->count - 1);
    if (kind == SPLIT)
        log_warn("no majority, %zu of %zu replicas agree: %s%s", note->support,
                 dissent->rule->replicas, note->request, more);
    else
        log_warn("%s %s on %s%s: %s", note->name, kind == DISSENT ? "is outvoted" : "has no answer",
                 note->request, more, note->why);
    if (kind == DISSENT)
        tell_daemon(dissent, note);
}

/* Tells what has been noted until now, without holding up who notes more. */
static void tell_all(struct dissent *dissent)
{
    struct note note[KINDS][BALLOT_REPLICAS];
    memcpy(note, dissent->note, sizeof note);
    memset(dissent->note, 0, sizeof dissent->note);
    pthread_mutex_unlock(&dissent->lock);
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < BALLOT_REPLICAS; i++)
            if (note[kind][i].count > 0)
                tell(dissent, (enum kind)kind, &note[kind][i]);
    pthread_mutex_lock(&dissent->lock);
}

/* A second, or until the end. */
static void rest(struct dissent *dissent)
{
    uint64_t until = clock_monotonic() + NS_PER_S;
    const struct timespec time = {.tv_sec = (time_t)(until / NS_PER_S),
                                  .tv_nsec = (long)(until % NS_PER_S)};
    while (!dissent->ends && pthread_cond_timedwait(&dissent->changed, &dissent->lock, &time) == 0)
        ;
}

static void *run(void *context)
{
    struct dissent *dissent = context;
    pthread_mutex_lock(&dissent->lock);
    while (!dissent->ends || any(dissent)) {
        while (!dissent->ends && !any(dissent))
            pthread_cond_wait(&dissent->changed, &dissent->lock);
        tell_all(dissent);
        rest(dissent);
    }
    pthread_mutex_unlock(&dissent->lock);
    return NULL;
}

/* ---- the callers' side ---- */

struct dissent *dissent_start(const struct front_rule *rule)
{
    struct dissent *dissent = memory_must(calloc(1, sizeof *dissent));
    pthread_condattr_t monotonic;
    dissent->rule = rule;
    pthread_mutex_init(&dissent->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&dissent->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&dissent->thread, NULL, run, dissent) != 0)
        memory_must(NULL);
    return dissent;
}

static void note(struct dissent *dissent, struct note *place, const char *name, const char *request,
                 const char *why, size_t support)
{
    pthread_mutex_lock(&dissent->lock);
    if (place->count++ == 0) {
        place->support = support;
        snprintf(place->name, sizeof place->name, "%s", name);
        snprintf(place->request, sizeof place->request, "%s", request);
        snprintf(place->why, sizeof place->why, "%s", why);
        pthread_cond_signal(&dissent->changed);
    }
    pthread_mutex_unlock(&dissent->lock);
}

void dissent_note(struct dissent *dissent, size_t seat, const char *name, bool silent,
                  const char *request, const char *why)
{
    note(dissent, &dissent->note[silent ? SILENCE : DISSENT][seat], name, request, why, 0);
}

void dissent_note_split(struct dissent *dissent, const char *request, size_t support)
{
    note(dissent, &dissent->note[SPLIT][0], "", request, "", support);
}

void dissent_stop(struct dissent *dissent)
{
    if (!dissent)
        return;
    pthread_mutex_lock(&dissent->lock);
    dissent->ends = true;
    pthread_cond_signal(&dissent->changed);
    pthread_mutex_unlock(&dissent->lock);
    pthread_join(dissent->thread, NULL);
    pthread_cond_destroy(&dissent->changed);
    pthread_mutex_destroy(&dissent->lock);
    free(dissent);
}
