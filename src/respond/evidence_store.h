/* The directory of evidence: a directory for each copy, named by its time. */
#ifndef SKINK_RESPOND_EVIDENCE_STORE_H
#define SKINK_RESPOND_EVIDENCE_STORE_H

#include <limits.h>

#include "respond/measure.h"

/* Makes the directory for a copy, below target->evidence. */
int evidence_place(const struct measure_target *target, char path[PATH_MAX], struct error *err);

/* Removes the oldest copies, but never `kept`, until the rest takes no more than max bytes. */
void evidence_prune(const char *directory, const char *kept, uint64_t max);

/* Removes a copy. */
void evidence_remove(const char *path);

/* Bytes below a path. */
uint64_t evidence_size(const char *path);

#endif
