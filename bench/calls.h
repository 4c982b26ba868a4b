/* The page that the benchmark shares with a program of its own, so that neither needs a call to
 * tell the other something: the calls made are exactly the ones that are counted. */
#ifndef SKINK_BENCH_CALLS_H
#define SKINK_BENCH_CALLS_H

#include <stdint.h>

struct page {
    uint64_t stop;  /* the benchmark: end */
    uint64_t calls; /* calls.c, when it has ended: calls made */
    uint64_t order; /* worker.c: a number of the benchmark's choice and what to do, enum order */
    uint64_t done;  /* worker.c: the last order that was carried out */
    uint64_t first; /* worker.c: CLOCK_MONOTONIC of its first foreign call, ns */
};

#endif
