/* What a replica has done and lost since it was asked last. */
#ifndef SKINK_AGENT_TALLY_H
#define SKINK_AGENT_TALLY_H

#include <stdint.h>

#include "probe/event.h"

struct tally {
    uint64_t calls;
    uint64_t lost;      /* what is learned from or judged: patterns, accesses, threads */
    uint64_t processes; /* that started, or ended, untold */
    uint64_t paths;     /* that could not be read */
};

/* The difference to what was counted, which becomes what is counted now. */
struct tally tally_take(struct tally *counted, const struct replica_counters *now);

#endif
