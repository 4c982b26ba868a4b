#include "respond/cgroup_place.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "respond/held.h"

#define PATIENCE    NS_PER_S
#define KILL_ROUNDS 100 /* processes that are forked meanwhile are killed in the next one */

pid_t cgroup_next_member(FILE *members)
{
    char line[32];
    uint64_t pid;
    while (members && fgets(line, sizeof line, members)) {
        const char *at = line;
        if (parse_digits(&at, line + strlen(line), 10, &pid) && pid > 1)
            return (pid_t)pid;
    }
    return 0;
}

/* A process there that is none of the workload's; 0: there is none. */
static pid_t find_stranger(const char *members, const struct workload *workload,
                           const struct cgroup_hierarchy *own)
{
    struct error ignored;
    char path[sizeof workload->cgroup_path];
    pid_t pid;
    autofile FILE *file = fopen(members, "re");
    while ((pid = cgroup_next_member(file)))
        if (cgroup_of_process(own, pid, path, sizeof path, &ignored) == 0 &&
            !held_is_within(path, workload->cgroup_path))
            return pid;
    return 0;
}

/*
 * Where each controller has a hierarchy of its own (v1), what tells workloads apart in one may hold
 * several of them in another: whoever lives there, or below, would stand still or be slowed as
 * well.
 */
static int look_for_strangers(const struct workload *workload, const char *directory,
                              struct error *err)
{
    struct cgroup_hierarchy own;
    pid_t stranger = 0;
    char *const roots[] = {(char *)directory, NULL};
    if (cgroup_hierarchy_find(&own, err) < 0)
        return -1;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    while (!stranger && tree && (entry = fts_read(tree)))
        if (strcmp(entry->fts_name, "cgroup.procs") == 0)
            stranger = find_stranger(entry->fts_path, workload, &own);
    if (tree)
        fts_close(tree);
    if (!stranger)
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: shares %s with others (process %d)", workload->name,
                     directory, (int)stranger);
}

int cgroup_place(const struct workload *workload, const char *controller,
                 struct cgroup_place *place, struct error *err)
{
    struct cgroup_hierarchy hierarchy;
    char below[sizeof workload->cgroup_path];
    autoclose int held = held_open(workload, err);
    if (held < 0 || cgroup_hierarchy_with(controller, &hierarchy, err) < 0 ||
        cgroup_of_process(&hierarchy, workload->pid, below, sizeof below, err) < 0 ||
        held_lives(held, workload, err) < 0)
        return -1;
    if (strcmp(below, "/") == 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: has no cgroup of its own for %s",
                         workload->name, controller);
    place->v2 = hierarchy.v2;
    if (snprintf(place->path, sizeof place->path, "%s%s", hierarchy.mount, below) >=
        (int)sizeof place->path)
        return error_set(err, EXIT_MACHINE, 0, "%s: the path of its cgroup is too long",
                         workload->name);
    return held_is_within(below, workload->cgroup_path)
               ? 0
               : look_for_strangers(workload, place->path, err);
}

static int open_file(const char *directory, const char *file, int flags, struct error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path)
        return error_set(err, EXIT_MACHINE, ENAMETOOLONG, "%s", directory);
    int fd = open(path, flags | O_CLOEXEC);
    return fd >= 0 ? fd : error_set(err, EXIT_MACHINE, errno, "%s", path);
}

int cgroup_write(const char *directory, const char *file, const char *text, struct error *err)
{
    autoclose int fd = open_file(directory, file, O_WRONLY, err);
    if (fd < 0)
        return -1;
    size_t size = strlen(text);
    if (write(fd, text, size) != (ssize_t)size)
        return error_set(err, EXIT_MACHINE, errno, "%s/%s", directory, file);
    return 0;
}

int cgroup_read(const char *directory, const char *file, char *text, size_t size, struct error *err)
{
    autoclose int fd = open_file(directory, file, O_RDONLY, err);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, size - 1);
    if (length < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s/%s", directory, file);
    text[length] = '\0';
    return 0;
}

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
    nanosleep(&pause, NULL);
}

/* ---- freezing ---- */

/* v1 stays FREEZING while a thread does not stand, and must be told again (runc does the same). */
static bool stands(const struct cgroup_place *place, bool freeze, struct error *err)
{
    char text[256];
    if (place->v2)
        return cgroup_read(place->path, "cgroup.events", text, sizeof text, err) == 0 &&
               strstr(text, freeze ? "frozen 1" : "frozen 0");
    return cgroup_read(place->path, "freezer.state", text, sizeof text, err) == 0 &&
           strncmp(text, freeze ? "FROZEN" : "THAWED", 6) == 0;
}

bool cgroup_stands(const struct cgroup_place *place)
{
    struct error ignored;
    return stands(place, true, &ignored);
}

int cgroup_freeze(const struct cgroup_place *place, bool freeze, struct error *err)
{
    uint64_t end = clock_monotonic() + PATIENCE;
    const char *file = place->v2 ? "cgroup.freeze" : "freezer.state";
    const char *wanted = place->v2 ? (freeze ? "1" : "0") : (freeze ? "FROZEN" : "THAWED");
    do {
        if (cgroup_write(place->path, file, wanted, err) < 0)
            return -1;
        if (stands(place, freeze, err))
            return 0;
        pause_a_little();
    } while (clock_monotonic() < end);
    if (freeze) {
        struct error ignored;
        cgroup_write(place->path, file, place->v2 ? "0" : "THAWED", &ignored);
    }
    return error_set(err, EXIT_MACHINE, 0, "%s: does not %s", place->path,
                     freeze ? "freeze" : "thaw");
}

/* ---- killing ---- */

FILE *cgroup_members(const char *directory)
{
    struct error ignored;
    int fd = open_file(directory, "cgroup.procs", O_RDONLY, &ignored);
    return fd < 0 ? NULL : fdopen(fd, "r");
}

static bool is_member(const char *directory, pid_t wanted)
{
    pid_t pid;
    autofile FILE *file = cgroup_members(directory);
    while ((pid = cgroup_next_member(file)))
        if (pid == wanted)
            return true;
    return false;
}

/* The number of a process may be another's by now: it is held first, and looked for again. */
static size_t kill_members(const char *directory)
{
    size_t killed = 0;
    pid_t pid;
    autofile FILE *file = cgroup_members(directory);
    while ((pid = cgroup_next_member(file))) {
        autoclose int held = (int)syscall(SYS_pidfd_open, pid, 0);
        if (held >= 0 && is_member(directory, pid))
            killed += syscall(SYS_pidfd_send_signal, held, SIGKILL, NULL, 0) == 0;
    }
    return killed;
}

int cgroup_kill(const struct cgroup_place *place, struct error *err)
{
    struct error ignored;
    if (place->v2 && cgroup_write(place->path, "cgroup.kill", "1", &ignored) == 0) /* from 5.14 */
        return 0;
    for (int round = 0; round < KILL_ROUNDS; round++) {
        if (kill_members(place->path) == 0)
            return 0;
        if (!place->v2) /* who is frozen there dies when he wakes */
            cgroup_write(place->path, "freezer.state", "THAWED", &ignored);
        pause_a_little();
    }
    return error_set(err, EXIT_MACHINE, 0, "%s: its processes do not end", place->path);
}
