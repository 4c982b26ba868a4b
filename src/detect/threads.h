/* What the replay keeps of each thread, found by its id. Private to the detect room. */
#ifndef SKINK_DETECT_THREADS_H
#define SKINK_DETECT_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/pattern.h"

/* Two cache lines. */
struct thread {
    uint64_t window, bag; /* profile/pattern.h */
    uint64_t frame;       /* detect/frame.h */
    uint64_t length;      /* calls since the windows were emptied */
    struct thread *next;  /* in the chain of the hash table */
    uint32_t tid, pid;
    bool over;                 /* the frame is at the threshold, and that has been said */
    uint16_t history[HISTORY]; /* a ring: the call before the next is at (length - 1) % HISTORY */
};

struct threads {
    struct thread **chains; /* 2^bits */
    unsigned bits;
    size_t count;
    struct thread *last; /* the thread found last: threads call in runs */
};

/* Aborts without memory, as threads_get does. */
void threads_init(struct threads *threads);
void threads_free(struct threads *threads);

/* The thread's state, made when there is none. */
struct thread *threads_get(struct threads *threads, uint32_t tid);

/* Forgets a thread, if it is known. */
void threads_drop(struct threads *threads, uint32_t tid);

/* Windows and bags start empty; the frame stays. */
void thread_empty(struct thread *thread);
void threads_empty_all(struct threads *threads);

#endif
