/* What the replay keeps of each thread, found by its id. Private to the detect room. */
#ifndef SKINK_DETECT_THREADS_H
#define SKINK_DETECT_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/pattern.h"

/* Calls are taken in batches; the ring holds those before the batch as well. */
#define BATCH 32
#define RING  (HISTORY + BATCH) /* a power of two */

struct thread {
    uint64_t window, bag; /* profile/pattern.h */
    uint64_t frame;       /* detect/frame.h, as it was at the last mismatch */
    uint64_t framed;      /* windows up to that one, of the thread */
    uint64_t length;      /* calls since it began; the last at (length - 1) % RING */
    struct thread *next;  /* in the chain of the hash table */
    uint32_t tid;
    bool over; /* the frame is at the threshold, and that has been said */
    uint16_t ring[RING];
} __attribute__((aligned(64)));

struct threads {
    struct thread **chains; /* 2^bits */
    unsigned bits;
    size_t count;
};

/* Aborts without memory, as threads_get does. */
void threads_init(struct threads *threads);
void threads_free(struct threads *threads);

static inline struct thread **threads_chain(const struct threads *threads, uint32_t tid)
{
    return &threads->chains[tid * 0x9e3779b1u >> (32 - threads->bits)];
}

/* The general case of threads_get; brings the thread to the front of its chain. */
struct thread *threads_fetch(struct threads *threads, uint32_t tid);

/* The thread's state, made when there is none. Threads call in turns that cannot be foretold:
 * looking each up costs less than asking whether it is still the same. */
static inline struct thread *threads_get(struct threads *threads, uint32_t tid)
{
    struct thread *first = *threads_chain(threads, tid);
    return first && first->tid == tid ? first : threads_fetch(threads, tid);
}

/* Forgets a thread, if it is known. */
void threads_drop(struct threads *threads, uint32_t tid);

#endif
