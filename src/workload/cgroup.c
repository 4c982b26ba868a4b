#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "workload/workload.h"

/* The v1 controllers that runc, crun, Docker, Podman and LXC all join, best first. */
static const char *const CONTROLLERS[] = {"pids", "memory", "devices", "freezer", "cpu", NULL};
#define DEFAULT_V2 8 /* ranks behind every v1 controller */

static bool comma_list_has(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

/* mountinfo writes blanks and backslashes as \ooo (proc(5)); undone in place. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
            in[3] >= '0' && in[3] <= '7') {
            *out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 3;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
}

/* The rank of a file system as the key hierarchy; DEFAULT_V2 + 1 when it is none. */
static size_t rank_of(const char *const *controllers, const char *type, const char *super_options)
{
    if (strcmp(type, "cgroup2") == 0)
        return DEFAULT_V2;
    if (strcmp(type, "cgroup") == 0)
        for (size_t i = 0; controllers[i]; i++)
            if (comma_list_has(super_options, controllers[i]))
                return i;
    return DEFAULT_V2 + 1;
}

/* A mount that another one covers is still listed: what counts is what its path shows now. */
static bool is_visible(const char *mount, bool v2)
{
    struct statfs fs;
    return statfs(mount, &fs) == 0 && fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* Splits one line of mountinfo; takes it into *hierarchy when it ranks better than *best. */
static void consider_mount(const char *const *controllers, char *line, size_t *best,
                           struct cgroup_hierarchy *hierarchy)
{
    char *rest = strstr(line, " - ");
    char root[PATH_MAX], mount[PATH_MAX], type[32], options[512];
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
        sscanf(rest + 3, "%31s %*s %511s", type, options) != 2)
        return;
    size_t rank = rank_of(controllers, type, options);
    unescape(mount);
    /* A mount with another root shows a part of the hierarchy only (a bind into a container). */
    if (rank >= *best || strcmp(root, "/") != 0 || strlen(mount) >= sizeof hierarchy->mount ||
        !is_visible(mount, rank == DEFAULT_V2))
        return;
    *best = rank;
    hierarchy->v2 = rank == DEFAULT_V2;
    snprintf(hierarchy->mount, sizeof hierarchy->mount, "%s", mount);
    snprintf(hierarchy->controller, sizeof hierarchy->controller, "%s",
             rank < DEFAULT_V2 ? controllers[rank] : "");
}

/* Splits "ID:CONTROLLERS:PATH\n" in place; false when the line is something else. */
static bool split_membership(char *line, int *id, char **controllers, char **path)
{
    struct error ignored;
    uint64_t value;
    char *first = strchr(line, ':');
    char *second = first ? strchr(first + 1, ':') : NULL;
    if (!second)
        return false;
    *first = *second = '\0';
    if (parse_u64("hierarchy", line, 0, INT_MAX, &value, &ignored) < 0)
        return false;
    *id = (int)value;
    *controllers = first + 1;
    *path = second + 1;
    (*path)[strcspn(*path, "\n")] = '\0';
    return true;
}

static int find_id(struct cgroup_hierarchy *hierarchy, struct error *err)
{
    autofile FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return error_set(err, EXIT_MACHINE, errno, "cannot read /proc/self/cgroup");
    autofree char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) > 0) {
        char *controllers, *path;
        if (split_membership(line, &hierarchy->id, &controllers, &path) &&
            (hierarchy->v2 ? hierarchy->id == 0
                           : comma_list_has(controllers, hierarchy->controller)))
            return 0;
    }
    return error_set(err, EXIT_MACHINE, 0, "cgroups: /proc/self/cgroup does not list %s",
                     hierarchy->v2 ? "the v2 hierarchy" : hierarchy->controller);
}

static int find_best(const char *const *controllers, struct cgroup_hierarchy *hierarchy,
                     struct error *err)
{
    autofile FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return error_set(err, EXIT_MACHINE, errno, "cannot read /proc/self/mountinfo");
    *hierarchy = (struct cgroup_hierarchy){0};
    size_t best = DEFAULT_V2 + 1;
    autofree char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) > 0)
        consider_mount(controllers, line, &best, hierarchy);
    if (best > DEFAULT_V2) {
        error_set(err, EXIT_MACHINE, 0, "cgroups: no hierarchy is mounted that tells containers");
        return error_hint(err, "mount -t cgroup2 none /sys/fs/cgroup");
    }
    return find_id(hierarchy, err);
}

int cgroup_hierarchy_find(struct cgroup_hierarchy *hierarchy, struct error *err)
{
    return find_best(CONTROLLERS, hierarchy, err);
}

int cgroup_hierarchy_with(const char *controller, struct cgroup_hierarchy *hierarchy,
                          struct error *err)
{
    const char *const controllers[] = {controller, NULL};
    return find_best(controllers, hierarchy, err);
}

/* The directory of a cgroup; refuses a path that would lead out of the hierarchy. */
static int directory_of(const struct cgroup_hierarchy *hierarchy, const char *path,
                        const char *file, char directory[PATH_MAX], struct error *err)
{
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
            return error_set(err, EXIT_USAGE, 0, "cgroup %s: a path may not contain \"..\"", path);
    int length = snprintf(directory, PATH_MAX, "%s%s%s%s", hierarchy->mount,
                          path[0] == '/' ? "" : "/", path, file);
    if (length >= PATH_MAX)
        return error_set(err, EXIT_USAGE, 0, "cgroup %.64s…: the path is too long", path);
    return 0;
}

int cgroup_key(const struct cgroup_hierarchy *hierarchy, const char *path, uint64_t *key,
               struct error *err)
{
    char directory[PATH_MAX];
    struct stat status;
    if (directory_of(hierarchy, path, "", directory, err) < 0)
        return -1;
    if (stat(directory, &status) < 0 || !S_ISDIR(status.st_mode))
        return error_set(err, EXIT_USAGE, errno, "no cgroup %s", directory);
    *key = status.st_ino;
    return 0;
}

int cgroup_of_process(const struct cgroup_hierarchy *hierarchy, pid_t pid, char *path, size_t size,
                      struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/cgroup", (int)pid);
    autofile FILE *file = fopen(name, "re");
    if (!file)
        return error_set(err, EXIT_USAGE, errno, "no process %d", (int)pid);
    autofree char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *controllers, *found;
        int id;
        if (!split_membership(line, &id, &controllers, &found) || id != hierarchy->id)
            continue;
        if ((size_t)snprintf(path, size, "%s", found) >= size)
            return error_set(err, EXIT_USAGE, 0, "process %d: its cgroup's path is too long",
                             (int)pid);
        return 0;
    }
    return error_set(err, EXIT_MACHINE, 0, "process %d is in no cgroup of hierarchy %d", (int)pid,
                     hierarchy->id);
}

int cgroup_make(const struct cgroup_hierarchy *hierarchy, const char *path, uint64_t *key,
                struct error *err)
{
    char directory[PATH_MAX];
    if (directory_of(hierarchy, path, "", directory, err) < 0)
        return -1;
    for (char *slash = directory + strlen(hierarchy->mount); slash; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(directory, 0755) < 0 && errno != EEXIST)
            return error_set(err, EXIT_MACHINE, errno, "cannot make the cgroup %s", directory);
        if (!slash)
            break;
    }
    return cgroup_key(hierarchy, path, key, err);
}

int cgroup_enter(const struct cgroup_hierarchy *hierarchy, const char *path, pid_t pid,
                 struct error *err)
{
    char procs[PATH_MAX];
    if (directory_of(hierarchy, path, "/cgroup.procs", procs, err) < 0)
        return -1;
    autoclose int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || dprintf(fd, "%d\n", (int)pid) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot move process %d into the cgroup %s",
                         (int)pid, path);
    return 0;
}

int cgroup_remove(const struct cgroup_hierarchy *hierarchy, const char *path, struct error *err)
{
    char directory[PATH_MAX];
    if (directory_of(hierarchy, path, "", directory, err) < 0)
        return -1;
    /* The kernel empties a cgroup a moment after its last process was reaped. */
    const struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};
    uint64_t patience = clock_monotonic() + NS_PER_S;
    while (rmdir(directory) < 0 && errno != ENOENT) {
        if (errno != EBUSY || clock_monotonic() > patience)
            return error_set(err, EXIT_MACHINE, errno, "cannot remove the cgroup %s", directory);
        nanosleep(&pause, NULL);
    }
    /* The parents that cgroup_make made go with their last child. */
    char *slash;
    while ((slash = strrchr(directory, '/')) > directory + strlen(hierarchy->mount)) {
        *slash = '\0';
        if (rmdir(directory) < 0)
            break;
    }
    return 0;
}
