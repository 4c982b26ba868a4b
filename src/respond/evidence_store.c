#include "respond/evidence_store.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define BLOCK 512 /* st_blocks' unit */

static int make_directory(const char *path, struct error *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return error_set(err, EXIT_MACHINE, errno, "cannot make %s", path);
}

int evidence_place(const struct measure_target *target, char path[PATH_MAX], struct error *err)
{
    char time[CLOCK_TEXT];
    clock_format(clock_realtime(), time);
    if (make_directory(target->evidence, err) < 0)
        return -1;
    int length =
        snprintf(path, PATH_MAX, "%s/%s-%.64s", target->evidence, time, target->workload.service);
    for (char *at = path + strlen(target->evidence) + 1; length < PATH_MAX && *at; at++)
        if (*at == '/')
            *at = '_';
    return make_directory(path, err);
}

/* Bytes of what is below a path; when they are to go, they go. */
static uint64_t walk(const char *path, bool remove)
{
    uint64_t bytes = 0;
    char *const roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    FTSENT *entry;
    while (tree && (entry = fts_read(tree))) {
        if (entry->fts_info == FTS_F)
            bytes += (uint64_t)entry->fts_statp->st_blocks * BLOCK;
        if (remove && entry->fts_info == FTS_DP)
            rmdir(entry->fts_accpath);
        else if (remove && entry->fts_info != FTS_D)
            unlink(entry->fts_accpath);
    }
    if (tree)
        fts_close(tree);
    return bytes;
}

void evidence_remove(const char *path)
{
    walk(path, true);
}

uint64_t evidence_size(const char *path)
{
    return walk(path, false);
}

static int is_copy(const struct dirent *item)
{
    return item->d_name[0] != '.';
}

/* Their names begin with their times: the first ones are the oldest. */
void evidence_prune(const char *directory, const char *kept, uint64_t max)
{
    struct dirent **item;
    char path[PATH_MAX];
    uint64_t total = walk(directory, false);
    int count = scandir(directory, &item, is_copy, alphasort);
    for (int i = 0; i < count; i++) {
        bool named = snprintf(path, sizeof path, "%s/%s", directory, item[i]->d_name) < PATH_MAX;
        if (named && total > max && strcmp(path, kept) != 0)
            total -= walk(path, true);
        free(item[i]);
    }
    if (count >= 0)
        free(item);
}
