#include "agent/saver.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "profile/profile.h"

#define RETRY_S 2 /* after which what could not be written is tried again */

struct job {
    struct job *next;
    char *path;
    void *data; /* NULL: the file is to go */
    size_t size;
};

struct saver {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *jobs; /* in the order asked for */
    bool stop;
    uint64_t failures;
    char why[ERROR_TEXT];
};

static void release(struct job *job)
{
    free(job->path);
    free(job->data);
    free(job);
}

static void note_outcome(struct saver *saver, int outcome, const struct error *err)
{
    bool news = false;
    pthread_mutex_lock(&saver->lock);
    if (outcome < 0) {
        news = strcmp(saver->why, err->text) != 0;
        saver->failures++;
        memcpy(saver->why, err->text, sizeof saver->why);
    } else {
        saver->why[0] = '\0';
    }
    pthread_mutex_unlock(&saver->lock);
    if (news)
        log_warn("%s", err->text);
}

static struct job *take(struct saver *saver)
{
    pthread_mutex_lock(&saver->lock);
    while (!saver->jobs && !saver->stop)
        pthread_cond_wait(&saver->wake, &saver->lock);
    struct job *job = saver->jobs;
    if (job)
        saver->jobs = job->next;
    pthread_mutex_unlock(&saver->lock);
    return job;
}

/* The link to the job for a path, or to the end of the list. Called with the lock held. */
static struct job **find(struct saver *saver, const char *path)
{
    struct job **link = &saver->jobs;
    while (*link && strcmp((*link)->path, path) != 0)
        link = &(*link)->next;
    return link;
}

/* Keeps a job for later, unless there is a newer one for its file or this is the end; waits. */
static void put_off(struct saver *saver, struct job *job)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_S;
    pthread_mutex_lock(&saver->lock);
    while (!saver->stop && pthread_cond_timedwait(&saver->wake, &saver->lock, &until) == 0)
        ;
    struct job **link = find(saver, job->path);
    if (*link || saver->stop) {
        release(job);
    } else {
        job->next = NULL;
        *link = job;
    }
    pthread_mutex_unlock(&saver->lock);
}

static int carry_out(const struct job *job, struct error *err)
{
    if (job->data)
        return profile_write(job->path, job->data, job->size, err);
    if (unlink(job->path) < 0 && errno != ENOENT)
        return error_set(err, EXIT_MACHINE, errno, "%s: cannot be removed", job->path);
    return 0;
}

static void *work(void *argument)
{
    struct saver *saver = argument;
    for (struct job *job; (job = take(saver));) {
        struct error err;
        int outcome = carry_out(job, &err);
        note_outcome(saver, outcome, &err);
        if (outcome < 0)
            put_off(saver, job);
        else
            release(job);
    }
    return NULL;
}

struct saver *saver_start(void)
{
    struct saver *saver = memory_must(calloc(1, sizeof *saver));
    pthread_mutex_init(&saver->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&saver->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&saver->thread, NULL, work, saver) != 0)
        abort();
    return saver;
}

void saver_write(struct saver *saver, const char *path, void *data, size_t size)
{
    pthread_mutex_lock(&saver->lock);
    struct job **link = find(saver, path);
    if (*link) {
        free((*link)->data);
    } else {
        *link = memory_must(calloc(1, sizeof **link));
        (*link)->path = memory_must(strdup(path));
    }
    (*link)->data = data;
    (*link)->size = size;
    pthread_cond_signal(&saver->wake);
    pthread_mutex_unlock(&saver->lock);
}

uint64_t saver_failures(struct saver *saver, char *why, size_t size)
{
    pthread_mutex_lock(&saver->lock);
    uint64_t failures = saver->failures;
    snprintf(why, size, "%s", saver->why);
    pthread_mutex_unlock(&saver->lock);
    return failures;
}

void saver_stop(struct saver *saver)
{
    if (!saver)
        return;
    pthread_mutex_lock(&saver->lock);
    saver->stop = true;
    pthread_cond_signal(&saver->wake);
    pthread_mutex_unlock(&saver->lock);
    pthread_join(saver->thread, NULL);
    pthread_mutex_destroy(&saver->lock);
    pthread_cond_destroy(&saver->wake);
    free(saver);
}
