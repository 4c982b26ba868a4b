#include "agent/executor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define EVIDENCE_SPARED 0.5 /* a measure that costs more evidence than this waits for its copy */

/* One thread's work: a plan, or one measure to be undone. */
struct job {
    struct job *next;
    struct executor *executor;
    pthread_t thread;
    struct execution execution; /* target NULL: an undo */
    const struct measure *undone;
    json_t *token;
    struct measure_kernel kernel;
    bool expired;
    bool contained, evidence_taken;
};

/* What a thread has to say; measure NULL: its job is over. */
struct message {
    struct message *next;
    struct job *job;
    struct outcome outcome;
    char why[ERROR_TEXT];
};

struct executor {
    executor_hook *hook;
    void *context;
    sd_event_source *source;
    int fd; /* eventfd */
    size_t running;
    struct job *waiting, **waiting_end;
    pthread_mutex_t lock; /* of what follows */
    struct message *said, **said_end;
};

/* ---- in the threads ---- */

static void say(struct job *job, const struct outcome *outcome, const struct error *err)
{
    struct executor *executor = job->executor;
    struct message *message = memory_must(calloc(1, sizeof *message));
    message->job = job;
    message->outcome = *outcome;
    if (err)
        memcpy(message->why, err->text, sizeof message->why);
    pthread_mutex_lock(&executor->lock);
    *executor->said_end = message;
    executor->said_end = &message->next;
    pthread_mutex_unlock(&executor->lock);
    eventfd_write(executor->fd, 1);
}

static bool carry_out(struct job *job, const struct measure *measure)
{
    struct error err;
    struct outcome outcome = {.number = job->execution.number,
                              .measure = measure,
                              .token = json_object(),
                              .began = clock_monotonic()};
    int failed = measure_carry_out(measure, job->execution.target, outcome.token, &err);
    outcome.ended = clock_monotonic();
    outcome.what = failed ? OUTCOME_FAILED : OUTCOME_DONE;
    say(job, &outcome, failed ? &err : NULL);
    return !failed;
}

static void take_evidence(struct job *job)
{
    const struct measure *const *choice = job->execution.choice[STAGE_EVIDENCE];
    while (!job->evidence_taken && *choice)
        job->evidence_taken = carry_out(job, *choice++);
}

static bool destroys_evidence(const struct measure *measure)
{
    return measure->cost.evidence > EVIDENCE_SPARED;
}

/* Evidence before eviction: what destroys it waits for its copy. */
static void run_stage(struct job *job, enum measure_stage stage)
{
    const struct measure *const *choice = job->execution.choice[stage];
    for (; *choice; choice++) {
        if (destroys_evidence(*choice))
            take_evidence(job);
        if (carry_out(job, *choice))
            return;
    }
}

static void *recover(void *context)
{
    run_stage(context, STAGE_RECOVER);
    return NULL;
}

/* The service need not wait for the copy of the evidence, unless what makes it whole destroys it.
 */
static void take_evidence_and_recover(struct job *job)
{
    pthread_t beside;
    const struct measure *const *choice = job->execution.choice[STAGE_RECOVER];
    while (*choice && !destroys_evidence(*choice))
        choice++;
    bool alone = *choice || pthread_create(&beside, NULL, recover, job) != 0;
    take_evidence(job);
    if (alone)
        recover(job);
    else
        pthread_join(beside, NULL);
}

static void undo(struct job *job)
{
    struct error err;
    struct outcome outcome = {
        .number = job->execution.number, .measure = job->undone, .began = clock_monotonic()};
    int failed = measure_undo(job->undone->name, job->token, &job->kernel, job->expired, &err);
    outcome.ended = clock_monotonic();
    outcome.what = failed ? OUTCOME_KEPT : OUTCOME_UNDONE;
    say(job, &outcome, failed ? &err : NULL);
}

static void *work(void *context)
{
    static const struct outcome OVER = {0};
    struct job *job = context;
    if (job->execution.target) {
        if (!job->contained)
            run_stage(job, STAGE_CONTAIN);
        take_evidence_and_recover(job);
    } else {
        undo(job);
    }
    say(job, &OVER, NULL);
    return NULL;
}

/* ---- in the event loop ---- */

static void free_job(struct job *job)
{
    measure_target_free(job->execution.target);
    json_decref(job->token);
    free(job);
}

static void start_waiting(struct executor *executor)
{
    while (executor->waiting && executor->running < EXECUTOR_THREADS) {
        struct job *job = executor->waiting;
        if (pthread_create(&job->thread, NULL, work, job) != 0)
            return; /* the next message, or the next job, tries again */
        executor->running++;
        executor->waiting = job->next;
        if (!executor->waiting)
            executor->waiting_end = &executor->waiting;
    }
}

static void enqueue(struct executor *executor, struct job *job)
{
    job->executor = executor;
    *executor->waiting_end = job;
    executor->waiting_end = &job->next;
    start_waiting(executor);
}

static void hear(struct executor *executor, struct message *message)
{
    if (message->outcome.measure) {
        message->outcome.why = message->why;
        executor->hook(executor->context, &message->outcome);
        json_decref(message->outcome.token);
    } else {
        const struct outcome over = {.what = OUTCOME_OVER,
                                     .number = message->job->execution.number};
        pthread_join(message->job->thread, NULL);
        if (!message->job->undone)
            executor->hook(executor->context, &over);
        free_job(message->job);
        executor->running--;
    }
    free(message);
}

static void hear_all(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    struct message *message = executor->said;
    executor->said = NULL;
    executor->said_end = &executor->said;
    pthread_mutex_unlock(&executor->lock);
    while (message) {
        struct message *next = message->next;
        hear(executor, message);
        message = next;
    }
    start_waiting(executor);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *context)
{
    eventfd_t count;
    (void)source, (void)events;
    if (eventfd_read(fd, &count) == 0)
        hear_all(context);
    return 0;
}

struct executor *executor_open(sd_event *event, executor_hook *hook, void *context,
                               struct error *err)
{
    struct executor *executor = memory_must(calloc(1, sizeof *executor));
    executor->hook = hook;
    executor->context = context;
    executor->waiting_end = &executor->waiting;
    executor->said_end = &executor->said;
    pthread_mutex_init(&executor->lock, NULL);
    executor->fd = eventfd(0, EFD_CLOEXEC);
    int failed = executor->fd < 0 ? -errno
                                  : sd_event_add_io(event, &executor->source, executor->fd, EPOLLIN,
                                                    on_message, executor);
    if (failed >= 0)
        return executor;
    error_set(err, EXIT_MACHINE, -failed, "event loop");
    executor_close(executor);
    return NULL;
}

void executor_close(struct executor *executor)
{
    eventfd_t count;
    if (!executor)
        return;
    while (executor->waiting) {
        struct job *job = executor->waiting;
        executor->waiting = job->next;
        free_job(job);
    }
    executor->waiting_end = &executor->waiting;
    while (executor->running > 0 && eventfd_read(executor->fd, &count) == 0)
        hear_all(executor);
    sd_event_source_unref(executor->source);
    if (executor->fd >= 0)
        close(executor->fd);
    pthread_mutex_destroy(&executor->lock);
    free(executor);
}

void executor_start(struct executor *executor, const struct execution *execution)
{
    struct job *job = memory_must(calloc(1, sizeof *job));
    const struct measure *first = execution->choice[STAGE_CONTAIN][0];
    job->execution = *execution;
    job->executor = executor;
    if (first && first->at_once)
        job->contained = carry_out(job, first);
    enqueue(executor, job);
}

void executor_undo(struct executor *executor, uint64_t number, const struct measure *measure,
                   const json_t *token, const struct measure_kernel *kernel, bool expired)
{
    struct job *job = memory_must(calloc(1, sizeof *job));
    job->execution.number = number;
    job->undone = measure;
    job->token = json_deep_copy(token);
    job->kernel = *kernel;
    job->expired = expired;
    enqueue(executor, job);
}
