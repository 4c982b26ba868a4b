#include "agent/sealed.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/outlet.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "seal/seal.h"

#define CLOSE_WAIT (2 * NS_PER_S)
#define LOOK       "" /* a line that is no entry: look after the file */

struct sealed {
    char *directory;
    struct seal_log *log; /* NULL: could not be opened yet; of the thread alone, as all to missed */
    uint64_t written;     /* CLOCK_MONOTONIC */
    bool failing;         /* the last entry could not be written */
    uint64_t dropped_told, missed; /* entries that were not written, said; that came to no log */
    atomic_uint keep;              /* full files that stay, 0: all */
    struct outlet *outlet;
    pthread_mutex_t lock; /* of health */
    struct sealed_health health;
};

/* ---- in the thread ---- */

static void note_tampering(struct sealed *sealed, const char *what)
{
    pthread_mutex_lock(&sealed->lock);
    sealed->health.tampered++;
    snprintf(sealed->health.tampering, sizeof sealed->health.tampering, "%s", what);
    pthread_mutex_unlock(&sealed->lock);
}

static void on_finding(void *context, const struct seal_finding *finding)
{
    char text[ERROR_TEXT];
    snprintf(text, sizeof text, "sealed log: %s", finding->text);
    if (seal_is_notice(finding->fault))
        log_info("%s", text);
    else
        note_tampering(context, text);
}

static void note_outcome(struct sealed *sealed, int outcome, const struct error *err)
{
    pthread_mutex_lock(&sealed->lock);
    struct sealed_health *health = &sealed->health;
    bool news = outcome < 0 && health->error[0] == '\0';
    snprintf(health->error, sizeof health->error, "%s", outcome < 0 ? err->text : "");
    health->failures += outcome < 0;
    sealed->failing = outcome < 0;
    if (sealed->log) {
        health->next = seal_next(sealed->log);
        health->kept = seal_is_kept(sealed->log);
    }
    pthread_mutex_unlock(&sealed->lock);
    if (news)
        log_warn("%s (tried again)", err->text);
}

/* What the log says of the time, so that a hole in it shows; and a try, when nothing can be
 * written. */
static int checkpoint(struct sealed *sealed, struct error *err)
{
    struct timespec boot;
    char body[128];
    bool due = clock_passed(clock_monotonic(), sealed->written) > SEAL_CHECKPOINT_S * NS_PER_S;
    if (!due && !sealed->failing)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    snprintf(body, sizeof body, "{\"monotonic_ns\":%" PRIu64 ",\"boottime_s\":%lld}",
             clock_monotonic(), (long long)boot.tv_sec);
    sealed->written = clock_monotonic();
    return seal_append(sealed->log, "checkpoint", body, err);
}

static int look(struct sealed *sealed, struct error *err)
{
    struct error found;
    if (seal_look(sealed->log, &found) < 0)
        note_tampering(sealed, found.text);
    if (seal_prune(sealed->log, atomic_load(&sealed->keep), err) < 0)
        return -1;
    return checkpoint(sealed, err);
}

/* Entries that the queue had no room for, or that came while there was no log. */
static int confess(struct sealed *sealed, struct error *err)
{
    uint64_t sent, dropped;
    char body[64];
    outlet_count(sealed->outlet, &sent, &dropped);
    uint64_t entries = dropped - sealed->dropped_told + sealed->missed;
    if (entries == 0)
        return 0;
    snprintf(body, sizeof body, "{\"entries\":%" PRIu64 "}", entries);
    sealed->dropped_told = dropped;
    sealed->missed = 0;
    return seal_append(sealed->log, "dropped", body, err);
}

/* line: LOOK, or a kind, a blank and a body. True: what fails is counted by the log itself. */
static bool deliver(void *context, struct outlet *outlet, const char *line)
{
    struct sealed *sealed = context;
    struct error err = {0};
    int outcome = 0;
    (void)outlet;
    if (!sealed->log)
        sealed->log = seal_open(sealed->directory, 0, on_finding, sealed, &err);
    if (!sealed->log) {
        sealed->missed += strcmp(line, LOOK) != 0;
        note_outcome(sealed, -1, &err);
        return true;
    }
    if (strcmp(line, LOOK) == 0) {
        outcome = look(sealed, &err);
    } else {
        size_t length = strcspn(line, " ");
        autofree char *kind = memory_must(strndup(line, length));
        outcome = confess(sealed, &err);
        if (outcome == 0)
            outcome = seal_append(sealed->log, kind, line + length + 1, &err);
        sealed->written = clock_monotonic();
    }
    note_outcome(sealed, outcome, &err);
    return true;
}

/* ---- in the daemon ---- */

struct sealed *sealed_start(const char *state_directory, struct error *err)
{
    struct sealed *sealed = memory_must(calloc(1, sizeof *sealed));
    sealed->directory = memory_must(strdup(state_directory));
    sealed->written = clock_monotonic();
    pthread_mutex_init(&sealed->lock, NULL);
    sealed->outlet = outlet_start("the sealed log", deliver, sealed, err);
    if (!sealed->outlet) {
        sealed_stop(sealed);
        return NULL;
    }
    return sealed;
}

void sealed_write(struct sealed *sealed, const char *kind, const json_t *body)
{
    autofree char *line = NULL;
    autofree char *text = json_dumps(body, JSON_COMPACT);
    if (!sealed)
        return;
    if (!text || asprintf(&line, "%s %s", kind, text) < 0)
        memory_must(NULL);
    outlet_put(sealed->outlet, line);
}

void sealed_look(struct sealed *sealed, uint32_t keep)
{
    atomic_store(&sealed->keep, keep);
    outlet_put(sealed->outlet, LOOK);
}

void sealed_health(struct sealed *sealed, struct sealed_health *health)
{
    uint64_t sent, dropped;
    outlet_count(sealed->outlet, &sent, &dropped);
    pthread_mutex_lock(&sealed->lock);
    *health = sealed->health;
    pthread_mutex_unlock(&sealed->lock);
    health->dropped = dropped;
}

void sealed_stop(struct sealed *sealed)
{
    if (!sealed)
        return;
    outlet_stop(sealed->outlet, clock_monotonic() + CLOSE_WAIT);
    seal_close(sealed->log);
    pthread_mutex_destroy(&sealed->lock);
    free(sealed->directory);
    free(sealed);
}
