/* From where the processes of a replica look. */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "respond/resolve.h"
#include "workload/workload.h"

#define VIEWS 16 /* that differ, at most */

static char *read_link(pid_t pid, const char *name)
{
    char path[64], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    ssize_t size = readlink(path, target, sizeof target - 1);
    return size <= 0 ? NULL : memory_must(strndup(target, (size_t)size));
}

/* Links of /proc tell where something is in the namespace; a process may have another root. */
static char *read_cwd(pid_t pid)
{
    autofree char *root = read_link(pid, "root");
    char *cwd = read_link(pid, "cwd");
    size_t above = root && root[1] ? strlen(root) : 0;
    if (cwd && above && strncmp(cwd, root, above) == 0 && (cwd[above] == '/' || !cwd[above]))
        memmove(cwd, cwd + above, strlen(cwd + above) + 1);
    return cwd;
}

static bool is_same(const struct resolve_view *a, const struct resolve_view *b)
{
    struct stat x, y;
    return strcmp(a->cwd, b->cwd) == 0 && fstat(a->root, &x) == 0 && fstat(b->root, &y) == 0 &&
           x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static bool is_new(const struct resolve_view *views, size_t count, const struct resolve_view *view)
{
    for (size_t i = 0; i < count; i++)
        if (is_same(&views[i], view))
            return false;
    return true;
}

static void drop(const struct resolve_view *view)
{
    if (view->root >= 0)
        close(view->root);
    free(view->cwd);
}

/* Of a process that began by then, in ns since the machine's start. */
static bool look(pid_t pid, uint64_t since, struct resolve_view *view)
{
    char path[64];
    uint64_t began = workload_started(pid);
    if (began == 0 || began > since)
        return false;
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    *view = (struct resolve_view){.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
                                  .cwd = read_cwd(pid)};
    if (view->root >= 0 && view->cwd && view->cwd[0] == '/')
        return true;
    drop(view);
    return false;
}

static uint64_t since_start(uint64_t since)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    uint64_t ago = clock_passed(clock_realtime(), since);
    uint64_t up = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    return up > ago ? up - ago : 0;
}

struct resolve_view *resolve_views(const char *cgroup, uint64_t since, size_t *count)
{
    char path[PATH_MAX], line[32];
    struct resolve_view *views = memory_must(calloc(VIEWS, sizeof *views));
    uint64_t by = since_start(since);
    *count = 0;
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    autofile FILE *file = fopen(path, "re");
    while (file && *count < VIEWS && fgets(line, sizeof line, file)) {
        const char *at = line;
        uint64_t pid;
        if (!parse_digits(&at, line + strlen(line), 10, &pid) ||
            !look((pid_t)pid, by, &views[*count]))
            continue;
        if (is_new(views, *count, &views[*count]))
            ++*count;
        else
            drop(&views[*count]);
    }
    return views;
}

void resolve_views_free(struct resolve_view *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop(&views[i]);
    free(views);
}
