/*
 * Evidence: what the kernel knows of each process of the replica, its sockets, and which files have
 * changed since it was started, copied into a directory of the state directory. A child does it:
 * the replica's file systems and memory may be served by the intruder, and never answer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "respond/aside.h"
#include "respond/cgroup_place.h"
#include "respond/evidence_store.h"
#include "respond/measures.h"
#include "workload/workload.h"

#define PROCESSES 256        /* of a replica that are copied */
#define SIZE_EACH 16         /* processes: then it is looked how much that is */
#define FILES     10000      /* that are listed */
#define LOOKED_AT 200000     /* files at most */
#define COPY_MAX  (8u << 20) /* bytes of one file of /proc */
#define PATIENCE  (5 * NS_PER_S)

static FILE *create(const char *directory, const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

/* What cannot be read has ended meanwhile. 0, or why it cannot be written. */
static int copy(pid_t pid, const char *name, const char *directory, const char *as)
{
    char from[128], part[4096];
    size_t got, total = 0;
    snprintf(from, sizeof from, "/proc/%d/%s", (int)pid, name);
    autofile FILE *in = fopen(from, "re");
    if (!in)
        return 0;
    autofile FILE *out = create(directory, as);
    if (!out)
        return errno;
    while (total < COPY_MAX && (got = fread(part, 1, sizeof part, in)) > 0) {
        if (fwrite(part, 1, got, out) != got)
            return errno;
        total += got;
    }
    return fflush(out) == 0 ? 0 : errno;
}

/* What each descriptor, the program, the root and the working directory stand for. */
static void copy_links(pid_t pid, const char *directory)
{
    static const char *const LINKS[] = {"exe", "cwd", "root"};
    char path[PATH_MAX], target[PATH_MAX];
    autofile FILE *out = create(directory, "links");
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *descriptors = opendir(path);
    const struct dirent *item;
    for (size_t i = 0; out && i < sizeof LINKS / sizeof *LINKS; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, LINKS[i]);
        ssize_t length = readlink(path, target, sizeof target);
        if (length > 0)
            fprintf(out, "%s %.*s\n", LINKS[i], (int)length, target);
    }
    while (out && descriptors && (item = readdir(descriptors))) {
        ssize_t length = readlinkat(dirfd(descriptors), item->d_name, target, sizeof target);
        if (length > 0)
            fprintf(out, "fd/%s %.*s\n", item->d_name, (int)length, target);
    }
    if (descriptors)
        closedir(descriptors);
}

static int copy_process(pid_t pid, const char *directory)
{
    static const char *const FILES_OF[] = {"status", "cmdline", "environ",   "maps",
                                           "cgroup", "stat",    "mountinfo", "limits"};
    char into[PATH_MAX];
    int failed = 0;
    if (snprintf(into, sizeof into, "%s/%d", directory, (int)pid) >= (int)sizeof into)
        return ENAMETOOLONG;
    if (mkdir(into, 0700) < 0)
        return errno;
    for (size_t i = 0; i < sizeof FILES_OF / sizeof *FILES_OF && !failed; i++)
        failed = copy(pid, FILES_OF[i], into, FILES_OF[i]);
    copy_links(pid, into);
    return failed;
}

static size_t copy_processes(const struct cgroup_place *place, const char *directory, uint64_t max,
                             int *failed)
{
    size_t count = 0;
    pid_t pid;
    autofile FILE *members = cgroup_members(place->path);
    while (count < PROCESSES && !*failed && (pid = cgroup_next_member(members))) {
        *failed = copy_process(pid, directory);
        if (++count % SIZE_EACH == 0 && evidence_size(directory) > max)
            break;
    }
    return count;
}

static void copy_sockets(pid_t pid, const char *directory)
{
    static const char *const KINDS[] = {"tcp", "tcp6", "udp", "udp6", "unix", "route"};
    char name[32];
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        snprintf(name, sizeof name, "net/%s", KINDS[i]);
        copy(pid, name, directory, KINDS[i]);
    }
}

/* When a process was started, seconds since 1970; 0: it has ended. */
static int64_t started(pid_t pid)
{
    struct timespec boot;
    uint64_t since_boot = workload_started(pid);
    if (!since_boot)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (int64_t)(clock_realtime() / NS_PER_S) - boot.tv_sec + (int64_t)(since_boot / NS_PER_S);
}

/* As /proc/mounts writes names: the intruder's own must not look like a line of another file. */
static void put_name(FILE *out, const char *name)
{
    for (; *name; name++) {
        if ((unsigned char)*name < ' ' || *name == '\\' || *name == 0x7f)
            fprintf(out, "\\%03o", (unsigned)*name);
        else
            fputc(*name, out);
    }
}

/* Files of the container's root, and of what is writable in it, that changed after it was started.
 */
static size_t list_changes(pid_t pid, const char *directory)
{
    char root[64];
    int64_t since = started(pid);
    size_t listed = 0, looked = 0;
    snprintf(root, sizeof root, "/proc/%d/root/", (int)pid);
    autofile FILE *out = create(directory, "changed-files");
    char *const roots[] = {root, NULL};
    FTS *tree =
        out && since ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL) : NULL;
    FTSENT *entry;
    while (tree && listed < FILES && looked++ < LOOKED_AT && (entry = fts_read(tree))) {
        const char *path = entry->fts_path + strlen(root) - 1;
        bool kernels =
            strcmp(path, "/proc") == 0 || strcmp(path, "/sys") == 0 || strcmp(path, "/usr") == 0;
        if (entry->fts_info == FTS_D && kernels)
            fts_set(tree, entry, FTS_SKIP);
        if ((entry->fts_info != FTS_F && entry->fts_info != FTS_SL) ||
            entry->fts_statp->st_ctim.tv_sec < since)
            continue;
        put_name(out, path);
        fprintf(out, "\t%lld\n", (long long)entry->fts_statp->st_size);
        listed++;
    }
    if (tree)
        fts_close(tree);
    return listed;
}

static int check(const struct measure_target *target, struct error *err)
{
    struct cgroup_place place;
    return cgroup_place(&target->workload, "freezer", &place, err);
}

/* What a child has copied. */
struct copied {
    size_t processes, files;
    int failed; /* why no more could be written (errno) */
};

struct copying {
    pid_t pid;
    const struct cgroup_place *place;
    const char *directory;
    uint64_t max; /* bytes */
};

static void tell(int out, const struct copied *copied)
{
    ssize_t told = write(out, copied, sizeof *copied);
    (void)told; /* whoever does not listen any more needs it not */
}

static void copy_all(void *context, int out)
{
    const struct copying *copying = context;
    struct copied copied = {0};
    copied.processes =
        copy_processes(copying->place, copying->directory, copying->max, &copied.failed);
    copy_sockets(copying->pid, copying->directory);
    tell(out, &copied);
    copied.files = list_changes(copying->pid, copying->directory);
    tell(out, &copied);
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    struct cgroup_place place;
    struct copied copied;
    char directory[PATH_MAX];
    if (cgroup_place(&target->workload, "freezer", &place, err) < 0 ||
        evidence_place(target, directory, err) < 0)
        return -1;
    struct copying copying = {target->workload.pid, &place, directory, target->evidence_max};
    int outcome = aside_run(copy_all, &copying, PATIENCE, &copied, sizeof copied, err);
    evidence_prune(target->evidence, directory, target->evidence_max);
    if (outcome < 0 || copied.processes == 0 || copied.failed)
        evidence_remove(directory);
    if (outcome < 0)
        return -1;
    if (copied.failed)
        return error_set(err, EXIT_MACHINE, copied.failed, "%s: the evidence cannot be written",
                         target->workload.name);
    if (copied.processes == 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: %s", target->workload.name,
                         outcome ? "cannot be read in time" : "has no process any more");
    json_object_set_new(token, "directory", json_string(directory));
    json_object_set_new(token, "processes", json_integer((json_int_t)copied.processes));
    json_object_set_new(token, "changed_files", json_integer((json_int_t)copied.files));
    if (outcome > 0)
        json_object_set_new(token, "incomplete", json_string("a file system did not answer"));
    return 0;
}

const struct measure measure_evidence = {
    .name = "evidence",
    .summary = "copies what the kernel knows of the replica's processes, sockets and files",
    .stage = STAGE_EVIDENCE,
    .cost = {.operation = 0.02},
    .worked = 9,
    .failed = 1,
    .check = check,
    .carry_out = carry_out,
};
