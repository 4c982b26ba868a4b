/*
 * Writes files in a thread of its own, because fsync on a busy disk takes longer than detection may
 * wait. A file asked for twice before it was written is written once, with the later content.
 */
#ifndef SKINK_AGENT_SAVER_H
#define SKINK_AGENT_SAVER_H

#include <stddef.h>
#include <stdint.h>

struct saver;

struct saver *saver_start(void);

/* Takes over data (malloc); NULL: the file is removed. path is copied. */
void saver_write(struct saver *saver, const char *path, void *data, size_t size);

/* Files that could not be written so far; the last reason into why (size bytes), "" when the last
 * write worked. */
uint64_t saver_failures(struct saver *saver, char *why, size_t size);

/* Writes what is waiting, then ends. NULL is allowed. */
void saver_stop(struct saver *saver);

#endif
