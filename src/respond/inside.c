#include "respond/inside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

struct run {
    int network;
    int (*work)(void *context, struct error *err);
    void *context;
    struct error *err;
    int outcome;
};

static void *enter_and_run(void *context)
{
    struct run *run = context;
    if (setns(run->network, CLONE_NEWNET) < 0)
        run->outcome = error_set(run->err, EXIT_MACHINE, errno, "cannot enter its network");
    else
        run->outcome = run->work(run->context, run->err);
    return NULL;
}

int inside_run(int network, int (*work)(void *context, struct error *err), void *context,
               struct error *err)
{
    struct run run = {.network = network, .work = work, .context = context, .err = err};
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, enter_and_run, &run);
    if (failed)
        return error_set(err, EXIT_MACHINE, failed, "cannot start a thread");
    pthread_join(thread, NULL);
    return run.outcome;
}
