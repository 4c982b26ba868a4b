#include "detect/threads.h"

#include <stdlib.h>

#include "base/memory.h"

#define BITS_MIN 6

void threads_init(struct threads *threads)
{
    *threads = (struct threads){.bits = BITS_MIN};
    threads->chains = memory_must(calloc((size_t)1 << BITS_MIN, sizeof *threads->chains));
}

void threads_free(struct threads *threads)
{
    for (size_t i = 0; i < (size_t)1 << threads->bits; i++)
        for (struct thread *thread = threads->chains[i], *next; thread; thread = next) {
            next = thread->next;
            free(thread);
        }
    free(threads->chains);
}

static void grow(struct threads *threads)
{
    struct threads larger = {.bits = threads->bits + 1};
    larger.chains = memory_must(calloc((size_t)1 << larger.bits, sizeof *larger.chains));
    for (size_t i = 0; i < (size_t)1 << threads->bits; i++)
        for (struct thread *thread = threads->chains[i], *next; thread; thread = next) {
            struct thread **chain = threads_chain(&larger, thread->tid);
            next = thread->next;
            thread->next = *chain;
            *chain = thread;
        }
    free(threads->chains);
    threads->chains = larger.chains;
    threads->bits = larger.bits;
}

/* The link that leads to the thread, or the end of its chain. */
static struct thread **find(const struct threads *threads, uint32_t tid)
{
    struct thread **link = threads_chain(threads, tid);
    while (*link && (*link)->tid != tid)
        link = &(*link)->next;
    return link;
}

static struct thread *take_out(struct thread **link)
{
    struct thread *thread = *link;
    if (thread)
        *link = thread->next;
    return thread;
}

struct thread *threads_fetch(struct threads *threads, uint32_t tid)
{
    struct thread *thread = take_out(find(threads, tid));
    if (!thread) {
        if (threads->count++ >> threads->bits && threads->bits < 31)
            grow(threads);
        thread = memory_must(aligned_alloc(64, sizeof *thread));
        *thread = (struct thread){.tid = tid};
    }
    struct thread **chain = threads_chain(threads, tid);
    thread->next = *chain;
    return *chain = thread;
}

void threads_drop(struct threads *threads, uint32_t tid)
{
    struct thread *thread = take_out(find(threads, tid));
    threads->count -= thread != NULL;
    free(thread);
}
