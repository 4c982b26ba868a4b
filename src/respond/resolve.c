#include "respond/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#define STEPS 200000 /* names looked at, at most: an intruder may have made very many */
#define DEPTH 128    /* directories and links on the way to one file, at most */

struct resolving {
    struct access_set *names;
    const struct access_set *known;
    const struct known_access *access; /* the one that is being resolved */
    struct access_set *directories;    /* that are read; NULL: they are of no use */
    int root;
    uint64_t since;
    size_t steps;
};

static void walk(struct resolving *resolving, const char *at, const char *rest, int depth);

/* Opens what is at a path without links in it, as the replica sees it; a link itself at its end. */
static int open_at(const struct resolving *resolving, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, resolving->root, *path ? path : "/", &how, sizeof how);
}

/* Who may empty a file may write it, and who may write it may read it: file systems above others
 * open it once more, without the flags that made or emptied it. */
static void add(struct resolving *resolving, enum access_kind kind, const char *path, bool below)
{
    bool opened = kind <= ACCESS_TRUNCATE;
    for (int weaker = opened ? ACCESS_READ : (int)kind; weaker <= (int)kind; weaker++)
        if (!access_set_has(resolving->known, weaker, path, below))
            access_set_add(resolving->names, weaker, path, below);
}

/* A name has been resolved as far as there is anything: at, and behind it what does not exist. */
static void found(struct resolving *resolving, const char *at, const char *rest, bool directory)
{
    const struct known_access *access = resolving->access;
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s%s", at, *rest ? "/" : *at ? "" : "/", rest);
    if (length <= 0 || length >= (int)sizeof path - 32)
        return;
    if (access->below && path[length - 1] != '/')
        memcpy(path + length, "/", 2);
    add(resolving, access->kind, path, access->below);
    if (!directory || access->below)
        return;
    if (access->kind == ACCESS_READ && resolving->directories)
        access_set_add(resolving->directories, access->kind, path, false);
    if (access->kind == ACCESS_WRITE) { /* O_TMPFILE, as the kernel names what it makes */
        memcpy(path + length, "/# (deleted)", sizeof "/# (deleted)");
        add(resolving, access->kind, path, false);
    }
}

static bool is_made_by_kernel(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

static void follow(struct resolving *resolving, int link, const struct stat *file, const char *at,
                   const char *rest, int depth)
{
    char target[PATH_MAX], whole[PATH_MAX];
    uint64_t changed = (uint64_t)file->st_ctim.tv_sec * NS_PER_S + (uint64_t)file->st_ctim.tv_nsec;
    if (changed > resolving->since && !is_made_by_kernel(link))
        return;
    ssize_t size = readlinkat(link, "", target, sizeof target - 1);
    if (size <= 0)
        return;
    target[size] = '\0';
    if (snprintf(whole, sizeof whole, "%s/%s", target, rest) < (int)sizeof whole)
        walk(resolving, target[0] == '/' ? "" : at, whole, depth + 1);
}

/* Goes on with one name in the directory `at`. */
static void step(struct resolving *resolving, const char *at, const char *name, const char *rest,
                 int depth)
{
    char path[PATH_MAX], missing[PATH_MAX];
    struct stat file;
    if (resolving->steps++ > STEPS ||
        snprintf(path, sizeof path, "%s/%s", at, name) >= (int)sizeof path)
        return;
    autoclose int fd = open_at(resolving, path, O_PATH);
    if (fd < 0 || fstat(fd, &file) != 0) {
        if (snprintf(missing, sizeof missing, "%s%s%s", name, *rest ? "/" : "", rest) <
            (int)sizeof missing)
            found(resolving, at, missing, false);
    } else if (S_ISLNK(file.st_mode)) {
        follow(resolving, fd, &file, at, rest, depth);
    } else if (*rest) {
        walk(resolving, path, rest, depth + 1);
    } else {
        found(resolving, path, "", S_ISDIR(file.st_mode));
    }
}

/* Every name in the directory that folds to this one. */
static void step_folded(struct resolving *resolving, const char *at, const char *folded,
                        const char *rest, int depth)
{
    int fd = open_at(resolving, at, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool any = false;
    while (directory && (entry = readdir(directory)) && resolving->steps < STEPS) {
        char name[NAME_MAX + 1] = "";
        memccpy(name, entry->d_name, '\0', sizeof name - 1);
        access_fold(name);
        if (strcmp(name, folded) != 0)
            continue;
        any = true;
        step(resolving, at, entry->d_name, rest, depth);
    }
    if (directory)
        closedir(directory);
    else if (fd >= 0)
        close(fd);
    if (!any)
        step(resolving, at, folded, rest, depth);
}

/* What /proc calls the running process is another one for everybody; all numbers are one. */
static const char *in_proc(const char *name)
{
    if (strcmp(name, "self") == 0)
        return "#";
    if (strcmp(name, "thread-self") == 0)
        return "#/task/#";
    return strchr(name, '#') ? name : NULL;
}

static void parent_of(const char *at, char parent[PATH_MAX])
{
    const char *slash = strrchr(at, '/');
    snprintf(parent, PATH_MAX, "%.*s", slash ? (int)(slash - at) : 0, at);
}

/* at: a path without links, "" for the root; rest: what is still to be resolved behind it. */
static void walk(struct resolving *resolving, const char *at, const char *rest, int depth)
{
    char name[PATH_MAX], other[PATH_MAX];
    if (depth > DEPTH)
        return;
    rest += strspn(rest, "/");
    size_t length = strcspn(rest, "/");
    snprintf(name, sizeof name, "%.*s", (int)length, rest);
    rest += length + strspn(rest + length, "/");
    const char *number = strcmp(at, "/proc") == 0 ? in_proc(name) : NULL;
    if (number) {
        snprintf(other, sizeof other, "/proc/%.*s", NAME_MAX, number);
        found(resolving, other, rest, false);
    } else if (name[0] == '\0') {
        found(resolving, at, "", true);
    } else if (strcmp(name, ".") == 0) {
        walk(resolving, at, rest, depth + 1);
    } else if (strcmp(name, "..") == 0) {
        parent_of(at, other);
        walk(resolving, other, rest, depth + 1);
    } else if (strchr(name, '#')) {
        step_folded(resolving, at, name, rest, depth);
    } else {
        step(resolving, at, name, rest, depth);
    }
}

static void resolve_absolute(struct resolving *resolving)
{
    for (size_t i = 0; i < resolving->known->count; i++) {
        resolving->access = &resolving->known->list[i];
        if (resolving->access->path[0] == '/')
            walk(resolving, "", resolving->access->path, 0);
    }
}

/* What begins nowhere, begins here. All of the root directory is never known. */
static void resolve_relative(struct resolving *resolving, const char *from)
{
    for (size_t i = 0; i < resolving->known->count; i++) {
        char path[PATH_MAX];
        resolving->access = &resolving->known->list[i];
        const char *name = resolving->access->path;
        if (name[0] != '/' && (name[0] || from[1]) &&
            snprintf(path, sizeof path, "%s/%s", from, name) < (int)sizeof path)
            walk(resolving, "", path, 0);
    }
}

void resolve_names(struct access_set *names, const struct access_set *known,
                   const struct resolve_view *views, size_t count, uint64_t since)
{
    struct access_set directories = {0};
    struct resolving resolving = {.names = names, .known = known, .since = since};
    for (size_t i = 0; i < count; i++) {
        resolving.root = views[i].root;
        resolving.directories = &directories;
        resolve_absolute(&resolving);
        resolving.directories = NULL;
        resolve_relative(&resolving, views[i].cwd);
        for (size_t k = 0; k < directories.count; k++)
            resolve_relative(&resolving, directories.list[k].path);
    }
    access_set_free(&directories);
}
