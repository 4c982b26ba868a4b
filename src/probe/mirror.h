/* A hash map of the kernel's that this process alone writes, with what it has put there: so that
 * what another changes is seen and put back. Of one thread, or under a lock of the caller's. */
#ifndef SKINK_PROBE_MIRROR_H
#define SKINK_PROBE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mirror;

/* Sizes in bytes, most: entries that the map has room for. Never NULL. */
struct mirror *mirror_new(int map, size_t key_size, size_t value_size, uint32_t most);

/* NULL is allowed. The map stays as it is. */
void mirror_free(struct mirror *mirror);

/* 0, or -errno: then nothing has changed. */
int mirror_put(struct mirror *mirror, const void *key, const void *value);

/* All entries of which is_over says so. */
void mirror_remove(struct mirror *mirror,
                   bool (*is_over)(const void *key, const void *value, const void *context),
                   const void *context);

/* How many entries another has added, removed or changed. */
int mirror_intact(struct mirror *mirror);

#endif
