/*
 * Scope-bound release of resources: one exit path, no ladder of gotos.
 *
 *     autofree char *text = NULL;
 *     autoclose int fd = open(…);
 *     autofile FILE *file = fopen(…);
 */
#ifndef SKINK_BASE_CLEANUP_H
#define SKINK_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define autofree  __attribute__((cleanup(cleanup_free)))
#define autoclose __attribute__((cleanup(cleanup_close)))
#define autofile  __attribute__((cleanup(cleanup_fclose)))

/* Hands the value over and leaves the variable empty, so that its cleanup does nothing. */
#define take_pointer(p)             \
    (__extension__({                \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    }))
#define take_fd(fd)        \
    (__extension__({       \
        int taken_ = (fd); \
        (fd) = -1;         \
        taken_;            \
    }))

#endif
