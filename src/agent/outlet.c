#include "agent/outlet.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

struct outlet {
    const char *name;
    outlet_deliver deliver;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;   /* over all that follows */
    pthread_cond_t changed; /* a line came, the queue ran empty, or stopping */
    char *line[OUTLET_LINES];
    size_t first, count; /* the line in delivery still counts */
    uint64_t sent, dropped;
    bool stopping;
};

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* Delivers the first line without the lock; it keeps its place until it is done. */
static void deliver_first(struct outlet *outlet)
{
    char *line = outlet->line[outlet->first];
    pthread_mutex_unlock(&outlet->lock);
    bool sent = outlet->deliver(outlet->context, outlet, line);
    free(line);
    pthread_mutex_lock(&outlet->lock);
    outlet->first = (outlet->first + 1) % OUTLET_LINES;
    outlet->count--;
    *(sent ? &outlet->sent : &outlet->dropped) += 1;
}

static void *work(void *argument)
{
    struct outlet *outlet = argument;
    pthread_mutex_lock(&outlet->lock);
    while (!outlet->stopping) {
        if (outlet->count > 0)
            deliver_first(outlet);
        if (outlet->count == 0) {
            pthread_cond_broadcast(&outlet->changed);
            if (!outlet->stopping)
                pthread_cond_wait(&outlet->changed, &outlet->lock);
        }
    }
    pthread_mutex_unlock(&outlet->lock);
    return NULL;
}

/* The thread takes no signals: they belong to the event loop. */
static int start_thread(struct outlet *outlet)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&outlet->thread, NULL, work, outlet);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct outlet *outlet_start(const char *name, outlet_deliver deliver, void *context,
                            struct error *err)
{
    pthread_condattr_t monotonic;
    struct outlet *outlet = memory_must(calloc(1, sizeof *outlet));
    outlet->name = name;
    outlet->deliver = deliver;
    outlet->context = context;
    pthread_mutex_init(&outlet->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&outlet->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = start_thread(outlet);
    if (failed) {
        error_set(err, EXIT_MACHINE, failed, "cannot start the thread of %s", name);
        free(outlet);
        return NULL;
    }
    return outlet;
}

void outlet_put(struct outlet *outlet, const char *line)
{
    char *copy = strdup(line);
    pthread_mutex_lock(&outlet->lock);
    if (copy && outlet->count < OUTLET_LINES) {
        outlet->line[(outlet->first + outlet->count++) % OUTLET_LINES] = take_pointer(copy);
        pthread_cond_broadcast(&outlet->changed);
    } else {
        outlet->dropped++;
    }
    pthread_mutex_unlock(&outlet->lock);
    free(copy);
}

void outlet_count(struct outlet *outlet, uint64_t *sent, uint64_t *dropped)
{
    pthread_mutex_lock(&outlet->lock);
    *sent = outlet->sent;
    *dropped = outlet->dropped;
    pthread_mutex_unlock(&outlet->lock);
}

bool outlet_pause(struct outlet *outlet, uint64_t ns)
{
    struct timespec until = timespec_of(clock_monotonic() + ns);
    int waited = 0;
    pthread_mutex_lock(&outlet->lock);
    while (!outlet->stopping && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&outlet->changed, &outlet->lock, &until);
    bool go_on = !outlet->stopping;
    pthread_mutex_unlock(&outlet->lock);
    return go_on;
}

bool outlet_stopping(struct outlet *outlet)
{
    pthread_mutex_lock(&outlet->lock);
    bool stopping = outlet->stopping;
    pthread_mutex_unlock(&outlet->lock);
    return stopping;
}

/* What the thread has not delivered by now is lost, and said. */
static void discard(struct outlet *outlet)
{
    if (outlet->count > 0)
        log_warn("%s: %zu alerts were not delivered before the end", outlet->name, outlet->count);
    for (; outlet->count > 0; outlet->count--) {
        free(outlet->line[outlet->first]);
        outlet->first = (outlet->first + 1) % OUTLET_LINES;
    }
}

void outlet_stop(struct outlet *outlet, uint64_t deadline)
{
    struct timespec until = timespec_of(deadline);
    int waited = 0;
    if (!outlet)
        return;
    pthread_mutex_lock(&outlet->lock);
    while (outlet->count > 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&outlet->changed, &outlet->lock, &until);
    outlet->stopping = true;
    pthread_cond_broadcast(&outlet->changed);
    pthread_mutex_unlock(&outlet->lock);
    pthread_join(outlet->thread, NULL);
    discard(outlet);
    pthread_cond_destroy(&outlet->changed);
    pthread_mutex_destroy(&outlet->lock);
    free(outlet);
}
