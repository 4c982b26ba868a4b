#include "agent/executor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define EVIDENCE_SPARED 0.5 /* a measure that costs more evidence than this waits for its copy */
#define CLOSE_WAIT      (10 * NS_PER_S) /* for what is going on when the daemon ends */

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
    int fd[2]; /* outcomes of the hand come on these, -1: none; under the lock */
};

/* What a thread has to say; measure NULL: its job is over. */
struct message {
    struct message *next;
    struct job *job;
    struct outcome outcome;
    char why[ERROR_TEXT];
};

struct executor {
    struct hand *hand;
    executor_hook *hook;
    void *context;
    sd_event_source *source;
    int fd; /* eventfd */
    size_t running;
    struct job *waiting, **waiting_end;
    struct job *active;   /* that have a thread */
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

/* What the daemon itself holds ends with it; everything else takes rights that it has given up. */
static int by_hand(struct job *job, int fd, const struct measure *measure,
                   const struct measure_kernel *kernel, json_t *token, struct error *err)
{
    pthread_mutex_t *lock = &job->executor->lock;
    if (fd < 0)
        return -1;
    pthread_mutex_lock(lock);
    int *place = &job->fd[job->fd[0] >= 0]; /* evidence is taken beside recovery: two at most */
    *place = fd;
    pthread_mutex_unlock(lock);
    int outcome = hand_outcome(fd, measure_longest(measure), kernel, token, err);
    pthread_mutex_lock(lock);
    *place = -1;
    pthread_mutex_unlock(lock);
    close(fd);
    return outcome;
}

static int do_measure(struct job *job, const struct measure *measure, json_t *token,
                      struct error *err)
{
    const struct measure_target *target = job->execution.target;
    if (measure->ends_with_daemon)
        return measure_carry_out(measure, target, token, err);
    return by_hand(job, hand_carry_out(job->executor->hand, measure, target, err), measure,
                   &target->kernel, token, err);
}

static int undo_measure(struct job *job, struct error *err)
{
    const struct measure *measure = job->undone;
    if (measure->ends_with_daemon) {
        if (measure_undo(measure->name, job->token, &job->kernel, NULL, job->expired, err) < 0)
            return -1;
        if (!measure->release)
            return 0;
    }
    return by_hand(job, hand_undo(job->executor->hand, measure, job->token, job->expired, err),
                   measure, &job->kernel, NULL, err);
}

/* What cannot be taken back has to wait, when what it would destroy could not be kept. */
static void hold_back(struct job *job, const struct measure *measure)
{
    struct error err;
    struct outcome outcome = {.what = OUTCOME_HELD_BACK,
                              .number = job->execution.number,
                              .measure = measure,
                              .token = json_object(),
                              .began = clock_monotonic()};
    outcome.ended = outcome.began;
    error_set(&err, EXIT_MACHINE, 0,
              "it destroys evidence of which no copy could be taken: needs a person");
    say(job, &outcome, &err);
}

static bool carry_out(struct job *job, const struct measure *measure)
{
    struct error err;
    struct outcome outcome = {.number = job->execution.number,
                              .measure = measure,
                              .token = json_object(),
                              .began = clock_monotonic()};
    int failed = do_measure(job, measure, outcome.token, &err);
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

/* Is the copy there that was to be taken, or does a person do without? */
static bool may_destroy(struct job *job)
{
    take_evidence(job);
    return job->evidence_taken || job->execution.approved ||
           !job->execution.choice[STAGE_EVIDENCE][0];
}

/* Evidence before eviction: what destroys it waits for its copy, and without one is left out. */
static void run_stage(struct job *job, enum measure_stage stage)
{
    const struct measure *const *choice = job->execution.choice[stage];
    for (; *choice; choice++) {
        if (destroys_evidence(*choice) && !may_destroy(job))
            hold_back(job, *choice);
        else if (carry_out(job, *choice))
            return;
    }
}

static void *recover(void *context)
{
    run_stage(context, STAGE_RECOVER);
    return NULL;
}

static bool is_alone(const struct measure *measure)
{
    return measure->alone;
}

static bool any(const struct measure *const *choice, bool (*is_so)(const struct measure *measure))
{
    while (*choice && !is_so(*choice))
        choice++;
    return *choice;
}

/* The service need not wait for the copy of the evidence, unless what makes it whole destroys it.
 */
static void take_evidence_and_recover(struct job *job)
{
    pthread_t beside;
    if (any(job->execution.choice[STAGE_RECOVER], destroys_evidence)) {
        take_evidence(job);
        recover(job);
    } else if (any(job->execution.choice[STAGE_EVIDENCE], is_alone) ||
               pthread_create(&beside, NULL, recover, job) != 0) {
        recover(job);
        take_evidence(job);
    } else {
        take_evidence(job);
        pthread_join(beside, NULL);
    }
}

static void undo(struct job *job)
{
    struct error err;
    struct outcome outcome = {
        .number = job->execution.number, .measure = job->undone, .began = clock_monotonic()};
    int failed = undo_measure(job, &err);
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
        struct job *job = executor->waiting, *next = job->next;
        if (pthread_create(&job->thread, NULL, work, job) != 0)
            return; /* the next message, or the next job, tries again */
        executor->running++;
        executor->waiting = next;
        if (!executor->waiting)
            executor->waiting_end = &executor->waiting;
        job->next = executor->active;
        executor->active = job;
    }
}

static void enqueue(struct executor *executor, struct job *job)
{
    *executor->waiting_end = job;
    executor->waiting_end = &job->next;
    start_waiting(executor);
}

static void end_job(struct executor *executor, struct job *job)
{
    struct job **link = &executor->active;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    executor->running--;
    free_job(job);
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
        end_job(executor, message->job);
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

struct executor *executor_open(sd_event *event, struct hand *hand, executor_hook *hook,
                               void *context, struct error *err)
{
    struct executor *executor = memory_must(calloc(1, sizeof *executor));
    executor->hand = hand;
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

/* Nobody waits for the outcomes of these any more; the hand takes them back. */
static void give_up(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    for (struct job *job = executor->active; job; job = job->next)
        for (int i = 0; i < 2; i++)
            if (job->fd[i] >= 0)
                shutdown(job->fd[i], SHUT_RDWR);
    pthread_mutex_unlock(&executor->lock);
}

/* Each that is given up may go on to the next choice, which is given up, too. */
static void await_all(struct executor *executor)
{
    uint64_t deadline = clock_monotonic() + CLOSE_WAIT;
    eventfd_t count;
    while (executor->running > 0) {
        struct pollfd said = {.fd = executor->fd, .events = POLLIN};
        if (poll(&said, 1, 100) > 0 && eventfd_read(executor->fd, &count) == 0)
            hear_all(executor);
        if (clock_monotonic() > deadline)
            give_up(executor);
    }
}

void executor_close(struct executor *executor)
{
    if (!executor)
        return;
    while (executor->waiting) {
        struct job *job = executor->waiting;
        executor->waiting = job->next;
        free_job(job);
    }
    executor->waiting_end = &executor->waiting;
    await_all(executor);
    sd_event_source_unref(executor->source);
    if (executor->fd >= 0)
        close(executor->fd);
    pthread_mutex_destroy(&executor->lock);
    free(executor);
}

static struct job *new_job(struct executor *executor)
{
    struct job *job = memory_must(calloc(1, sizeof *job));
    job->executor = executor;
    job->fd[0] = job->fd[1] = -1;
    return job;
}

void executor_start(struct executor *executor, const struct execution *execution)
{
    struct job *job = new_job(executor);
    const struct measure *first = execution->choice[STAGE_CONTAIN][0];
    job->execution = *execution;
    if (first && first->at_once)
        job->contained = carry_out(job, first);
    enqueue(executor, job);
}

void executor_undo(struct executor *executor, uint64_t number, const struct measure *measure,
                   const json_t *token, const struct measure_kernel *kernel, bool expired)
{
    struct job *job = new_job(executor);
    job->execution.number = number;
    job->undone = measure;
    job->token = json_deep_copy(token);
    job->kernel = *kernel;
    job->expired = expired;
    enqueue(executor, job);
}
