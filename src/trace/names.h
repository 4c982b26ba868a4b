/*
 * Numbers of call names as foreign traces spell them, remembered so that a stream of names costs
 * no search each. Private to the trace room.
 */
#ifndef SKINK_TRACE_NAMES_H
#define SKINK_TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/call.h"

#define NAMES_SLOTS 1024

/* All zero: empty. A name that falls into another's slot takes its place. */
struct names {
    struct {
        char name[CALL_NAME];
        int32_t number;
    } slot[2][NAMES_SLOTS]; /* of 64-bit and of 32-bit calls */
};

/*
 * As struct call carries it; -1 for an unknown name. A name that only 32-bit x86 has ("mmap2") is a
 * 32-bit call even without i386.
 */
int names_find(struct names *names, const char *name, size_t length, bool i386);

#endif
