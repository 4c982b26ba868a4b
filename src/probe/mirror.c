#include "probe/mirror.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct mirror {
    int map;
    size_t key_size, value_size;
    uint32_t most;
    uint32_t look; /* number of the last look */
    void *tree;    /* of struct noted */
};

struct noted {
    struct mirror *mirror;
    struct noted *next_over;                 /* while they are taken out */
    uint32_t look;                           /* at which it was there last */
    alignas(uint64_t) unsigned char bytes[]; /* the key, then the value */
};

static void *value_of(struct noted *entry)
{
    return entry->bytes + entry->mirror->key_size;
}

static int compare(const void *a, const void *b)
{
    const struct noted *x = a, *y = b;
    return memcmp(x->bytes, y->bytes, x->mirror->key_size);
}

static struct noted *make(struct mirror *mirror, const void *key, const void *value)
{
    struct noted *entry =
        memory_must(calloc(1, sizeof *entry + mirror->key_size + mirror->value_size));
    entry->mirror = mirror;
    memcpy(entry->bytes, key, mirror->key_size);
    memcpy(value_of(entry), value, mirror->value_size);
    return entry;
}

struct mirror *mirror_new(int map, size_t key_size, size_t value_size, uint32_t most)
{
    struct mirror *mirror = memory_must(calloc(1, sizeof *mirror));
    *mirror =
        (struct mirror){.map = map, .key_size = key_size, .value_size = value_size, .most = most};
    return mirror;
}

void mirror_free(struct mirror *mirror)
{
    if (!mirror)
        return;
    tdestroy(mirror->tree, free);
    free(mirror);
}

int mirror_put(struct mirror *mirror, const void *key, const void *value)
{
    if (bpf_map_update_elem(mirror->map, key, value, BPF_ANY) != 0)
        return -errno;
    struct noted *made = make(mirror, key, value);
    struct noted *there = *(struct noted **)memory_must(tsearch(made, &mirror->tree, compare));
    if (there != made) {
        memcpy(value_of(there), value, mirror->value_size);
        free(made);
    }
    return 0;
}

/* ---- what is over ---- */

/* A tree must not change while it is walked. */
struct walk {
    bool (*is_over)(const void *key, const void *value, const void *context);
    const void *context;
    struct noted *over;
};

static void find_over(const void *node, VISIT visit, void *context)
{
    struct noted *entry = *(struct noted *const *)node;
    struct walk *walk = context;
    if ((visit != postorder && visit != leaf) ||
        !walk->is_over(entry->bytes, value_of(entry), walk->context))
        return;
    entry->next_over = walk->over;
    walk->over = entry;
}

void mirror_remove(struct mirror *mirror,
                   bool (*is_over)(const void *key, const void *value, const void *context),
                   const void *context)
{
    struct walk walk = {.is_over = is_over, .context = context};
    twalk_r(mirror->tree, find_over, &walk);
    for (struct noted *entry; (entry = walk.over); free(entry)) {
        walk.over = entry->next_over;
        bpf_map_delete_elem(mirror->map, entry->bytes);
        tdelete(entry, &mirror->tree, compare);
    }
}

/* ---- is it as it was left? ---- */

/* One entry that was found in the kernel: 1 when it is not as it was left. */
static int compare_found(struct mirror *mirror, const void *key, const void *value)
{
    autofree struct noted *found = make(mirror, key, value);
    struct noted **there = tfind(found, &mirror->tree, compare);
    if (!there) {
        bpf_map_delete_elem(mirror->map, key);
        return 1;
    }
    (*there)->look = mirror->look;
    if (memcmp(value_of(*there), value, mirror->value_size) == 0)
        return 0;
    bpf_map_update_elem(mirror->map, key, value_of(*there), BPF_ANY);
    return 1;
}

struct lost {
    const struct mirror *mirror;
    int count;
};

static void find_lost(const void *node, VISIT visit, void *context)
{
    struct noted *entry = *(struct noted *const *)node;
    struct lost *lost = context;
    if ((visit != postorder && visit != leaf) || entry->look == lost->mirror->look)
        return;
    bpf_map_update_elem(lost->mirror->map, entry->bytes, value_of(entry), BPF_ANY);
    lost->count++;
}

int mirror_intact(struct mirror *mirror)
{
    autofree unsigned char *keys = memory_must(calloc(mirror->most, mirror->key_size));
    autofree unsigned char *values = memory_must(calloc(mirror->most, mirror->value_size));
    unsigned char batch[8];
    uint32_t count = mirror->most;
    int changed = 0;
    if (bpf_map_lookup_batch(mirror->map, NULL, batch, keys, values, &count, NULL) != 0 &&
        errno != ENOENT) /* which says that these are all */
        return 0;
    mirror->look++;
    for (uint32_t i = 0; i < count; i++)
        changed +=
            compare_found(mirror, keys + i * mirror->key_size, values + i * mirror->value_size);
    struct lost lost = {.mirror = mirror};
    twalk_r(mirror->tree, find_lost, &lost);
    return changed + lost.count;
}
