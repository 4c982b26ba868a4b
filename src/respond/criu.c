#include "respond/criu.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "respond/program.h"
#include "workload/oci.h"

#define WORDS_MAX 32

extern char **environ;

/* ---- programs ---- */

/* Under systemd's restrictions no process can be dumped, and none of them is ever lifted. */
static bool is_confined(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* Who is confined has systemd run it. words: NULL-ended. */
static int run(const char *name, const char *const *words, struct error *err)
{
    static const char *const OUTSIDE[] = {"systemd-run", "--quiet", "--collect",
                                          "--pipe",      "--wait",  "--property=RuntimeMaxSec=30",
                                          "--"};
    const char *all[WORDS_MAX + sizeof OUTSIDE / sizeof *OUTSIDE + 1] = {NULL};
    char said[256];
    size_t count = 0;
    for (size_t i = 0; is_confined() && i < sizeof OUTSIDE / sizeof *OUTSIDE; i++)
        all[count++] = OUTSIDE[i];
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
        all[count++] = words[i];
    return program_run(name, (char *const *)all, environ, CRIU_TIME_OUT, said, sizeof said, err);
}

int criu_installed(struct error *err)
{
    static const char *const PROGRAMS[] = {"criu", "runc"};
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++)
        if (!program_exists(PROGRAMS[i]))
            return error_set(err, EXIT_MACHINE, 0, "%s is not installed (apt-get install %s)",
                             PROGRAMS[i], PROGRAMS[i]);
    if (is_confined() && !program_exists("systemd-run"))
        return error_set(err, EXIT_MACHINE, 0, "the daemon is confined, and there is no systemd");
    return 0;
}

int criu_works(struct error *err)
{
    static const char *const CHECK[] = {"criu", "check", NULL};
    if (run("criu check", CHECK, err) == 0)
        return 0;
    return error_hint(err, "CRIU does not work on this kernel; \"criu check\" says why");
}

/* What CRIU says went wrong: the last error of its log that is not the consequence of another. */
static int explain(const char *images, const char *log, struct error *err)
{
    char path[PATH_MAX], line[512], why[512] = "";
    snprintf(path, sizeof path, "%s/%s", images, log);
    autofile FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *error = strstr(line, "Error (");
        const char *text = error ? strstr(error, "): ") : NULL;
        if (text && !strstr(text, "failed with -1") && !strstr(text, "FAILED"))
            snprintf(why, sizeof why, "%.*s", (int)strcspn(text + 3, "\n"), text + 3);
    }
    return *why ? error_hint(err, "%s", why) : -1;
}

/* ---- the container ---- */

int criu_find(const char *runc, const char *id, struct criu_container *container, struct error *err)
{
    struct cgroup_hierarchy hierarchy;
    struct description found = {0};
    if (cgroup_hierarchy_find(&hierarchy, err) < 0)
        return -1;
    if (!*runc || oci_load(runc, id, &hierarchy, &found) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: is no running container of runc", id);
    const char *bundle = json_string_value(json_object_get(found.labels, "bundle"));
    container->workload = found.workload;
    container->runc = runc;
    snprintf(container->bundle, sizeof container->bundle, "%s", bundle ? bundle : "");
    description_free(&found);
    return cgroup_place(&container->workload, "freezer", &container->freezer, err);
}

/* Of memory and swap, in bytes. What processes share counts for each. */
static uint64_t memory_of(pid_t pid)
{
    char path[64], line[128];
    uint64_t sum = 0, kilobytes;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    autofile FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *at = line + strcspn(line, "0123456789");
        if ((strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmSwap:", 7) == 0) &&
            parse_digits(&at, line + strlen(line), 10, &kilobytes))
            sum += kilobytes << 10;
    }
    return sum;
}

int criu_fits(const struct criu_container *container, const char *directory, uint64_t max,
              struct error *err)
{
    struct statvfs disk;
    uint64_t size = 0;
    pid_t pid;
    autofile FILE *members = cgroup_members(container->freezer.path);
    while ((pid = cgroup_next_member(members)))
        size += memory_of(pid);
    uint64_t room = statvfs(directory, &disk) == 0 ? disk.f_bavail * disk.f_frsize / 2 : 0;
    if (size <= max && size <= room)
        return 0;
    return error_set(err, EXIT_MACHINE, 0,
                     "%s: its %llu MiB of memory are too many (at most %llu MiB, and half of what "
                     "is free in %s)",
                     container->workload.name, (unsigned long long)(size >> 20),
                     (unsigned long long)(max >> 20), directory);
}

/* ---- dump and restore ---- */

/* runc checkpoint or restore, which both know these options. options: its own, NULL-ended. */
static int runc(const struct criu_container *container, const char *verb, const char *images,
                const char *const *options, struct error *err)
{
    const char *const both[] = {"runc",
                                "--root",
                                container->runc,
                                verb,
                                "--image-path",
                                images,
                                "--work-path",
                                images,
                                "--tcp-established",
                                "--ext-unix-sk",
                                "--file-locks"};
    const char *words[WORDS_MAX + 1] = {NULL};
    char name[32];
    size_t count = 0;
    for (; count < sizeof both / sizeof *both; count++)
        words[count] = both[count];
    for (; *options && count < WORDS_MAX - 1; options++)
        words[count++] = *options;
    words[count] = container->workload.id;
    snprintf(name, sizeof name, "runc %s", verb);
    return run(name, words, err);
}

int criu_dump(const struct criu_container *container, const struct measure_kernel *kernel,
              const char *images, bool goes_on, struct error *err)
{
    const char *const options[] = {goes_on ? "--leave-running" : NULL, NULL};
    uint64_t cgroup = container->workload.cgroup;
    struct error ignored;
    bool stood = cgroup_stands(&container->freezer);
    if (!stood && cgroup_freeze(&container->freezer, true, err) < 0)
        return -1;
    if (kernel->away)
        kernel->away(kernel->context, cgroup, true);
    int failed = runc(container, "checkpoint", images, options, err);
    if (failed)
        explain(images, "dump.log", err);
    if (!failed && !goes_on)
        return 0;
    if (kernel->away)
        kernel->away(kernel->context, cgroup, false);
    if (!stood && cgroup_freeze(&container->freezer, false, failed ? &ignored : err) < 0)
        failed = -1;
    return failed;
}

int criu_restore(const struct criu_container *container, const struct measure_kernel *kernel,
                 const char *bundle, const char *images, struct error *err)
{
    const char *const options[] = {"--detach", "--bundle", bundle, NULL};
    const char *path = container->workload.cgroup_path;
    if (kernel->restore)
        kernel->restore(kernel->context, path, true);
    int failed = runc(container, "restore", images, options, err);
    if (kernel->restore)
        kernel->restore(kernel->context, path, false);
    return failed ? explain(images, "restore.log", err) : 0;
}
