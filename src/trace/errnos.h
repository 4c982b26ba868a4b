/* Numbers of errors by their names ("ENOENT"), remembered. Private to the trace room. */
#ifndef SKINK_TRACE_ERRNOS_H
#define SKINK_TRACE_ERRNOS_H

#include <stddef.h>

#define ERRNOS_SLOTS 64
#define ERRNOS_NAME  24

/* All zero: empty. */
struct errnos {
    struct {
        char name[ERRNOS_NAME];
        int number;
    } slot[ERRNOS_SLOTS];
};

/* 0 for an unknown name. */
int errnos_find(struct errnos *errnos, const char *name, size_t length);

#endif
