#include "detect/threads.h"

#include <stdlib.h>

#include "base/memory.h"

#define BITS_MIN 6

static struct thread **chain_of(const struct threads *threads, uint32_t tid)
{
    return &threads->chains[tid * 0x9e3779b1u >> (32 - threads->bits)];
}

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
            struct thread **chain = chain_of(&larger, thread->tid);
            next = thread->next;
            thread->next = *chain;
            *chain = thread;
        }
    free(threads->chains);
    threads->chains = larger.chains;
    threads->bits = larger.bits;
}

static struct thread *find(const struct threads *threads, uint32_t tid)
{
    struct thread *thread = *chain_of(threads, tid);
    while (thread && thread->tid != tid)
        thread = thread->next;
    return thread;
}

static struct thread *add(struct threads *threads, uint32_t tid)
{
    if (threads->count >> threads->bits && threads->bits < 31)
        grow(threads);
    struct thread **chain = chain_of(threads, tid);
    struct thread *thread = memory_must(aligned_alloc(64, sizeof *thread));
    *thread = (struct thread){.tid = tid, .next = *chain};
    *chain = thread;
    threads->count++;
    return thread;
}

struct thread *threads_get(struct threads *threads, uint32_t tid)
{
    if (threads->last && threads->last->tid == tid)
        return threads->last;
    struct thread *thread = find(threads, tid);
    return threads->last = thread ? thread : add(threads, tid);
}

void threads_drop(struct threads *threads, uint32_t tid)
{
    struct thread **link = chain_of(threads, tid);
    while (*link && (*link)->tid != tid)
        link = &(*link)->next;
    struct thread *thread = *link;
    if (!thread)
        return;
    *link = thread->next;
    if (threads->last == thread)
        threads->last = NULL;
    threads->count--;
    free(thread);
}

void thread_empty(struct thread *thread)
{
    thread->window = thread->bag = thread->length = 0;
}

void threads_empty_all(struct threads *threads)
{
    for (size_t i = 0; i < (size_t)1 << threads->bits; i++)
        for (struct thread *thread = threads->chains[i]; thread; thread = thread->next)
            thread_empty(thread);
}
