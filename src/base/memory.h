/* Small memory must be there: a program that cannot get it stops at once instead of limping on. */
#ifndef SKINK_BASE_MEMORY_H
#define SKINK_BASE_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* Returns memory as malloc and its kin gave it, or aborts: `p = memory_must(calloc(1, sizeof *p))`.
 */
static inline void *memory_must(void *memory)
{
    if (!memory) {
        fputs("skink: out of memory\n", stderr);
        abort();
    }
    return memory;
}

#endif
