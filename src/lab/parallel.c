#include "lab/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct share {
    size_t count;
    parallel_work *work;
    void *context;
    atomic_size_t next;
    pthread_mutex_t lock;
    bool failed;
    struct error err; /* of the first that failed */
};

static void *take_part(void *shared)
{
    struct share *share = shared;
    for (size_t i; (i = atomic_fetch_add(&share->next, 1)) < share->count;) {
        struct error err = {.code = EXIT_USAGE};
        if (share->work(share->context, i, &err) == 0)
            continue;
        pthread_mutex_lock(&share->lock);
        if (!share->failed)
            share->err = err;
        share->failed = true;
        pthread_mutex_unlock(&share->lock);
        atomic_store(&share->next, share->count);
    }
    return NULL;
}

int parallel_each(size_t count, unsigned threads, parallel_work *work, void *context,
                  struct error *err)
{
    struct share share = {
        .count = count, .work = work, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t helpers = (count < threads ? count : threads), started = 0;
    helpers -= helpers > 0;
    autofree pthread_t *ids = memory_must(calloc(helpers + 1, sizeof *ids));
    /* Where no thread is to be had, those that there are do the work. */
    while (started < helpers && pthread_create(&ids[started], NULL, take_part, &share) == 0)
        started++;
    take_part(&share);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    if (share.failed)
        *err = share.err;
    return share.failed ? -1 : 0;
}

unsigned parallel_cores(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 0 ? (unsigned)count : 1;
}
