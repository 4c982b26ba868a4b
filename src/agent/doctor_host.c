/* The doctor's look at what stands beside the kernel: cgroups, engines, the state directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "agent/doctor_parts.h"
#include "base/cleanup.h"
#include "workload/workload.h"

#define STATE_MIN ((uint64_t)64 << 20) /* bytes free below which a profile may not fit */

void doctor_examine_cgroups(struct doctor_report *report)
{
    struct error err = {0};
    struct cgroup_hierarchy hierarchy;
    if (cgroup_hierarchy_find(&hierarchy, &err) != 0)
        doctor_add(report, DOCTOR_FAIL, "cgroups", NULL, "%s", err.text);
    else if (hierarchy.v2)
        doctor_add(report, DOCTOR_OK, "cgroups", NULL, "version 2 at %s", hierarchy.mount);
    else
        doctor_add(report, DOCTOR_OK, "cgroups", NULL,
                   "version 1 or hybrid; the key is the controller %s at %s", hierarchy.controller,
                   hierarchy.mount);
}

/* Asks an Engine API whether it is there; NULL when it is, else why not. */
static const char *ping(const char *path)
{
    static const char request[] = "GET /_ping HTTP/1.0\r\n\r\n";
    const struct timeval patience = {.tv_sec = 1};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[16] = "";
    if (strlen(path) >= sizeof address.sun_path)
        return "the path is too long for a socket";
    memcpy(address.sun_path, path, strlen(path) + 1);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return strerror(errno);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return strerror(errno);
    if (recv(fd, answer, sizeof answer - 1, MSG_WAITALL) < 0)
        return "no answer within a second";
    return strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0
               ? NULL
               : "it does not answer as an engine does";
}

/* An engine that is not installed is no finding; one that is there and mute is. */
static size_t examine_socket(struct doctor_report *report, const char *engine, const char *path)
{
    if (path[0] == '\0' || access(path, F_OK) != 0)
        return 0;
    const char *why = ping(path);
    if (why)
        doctor_add(report, DOCTOR_WARN, engine,
                   "start it, or name its socket (or off) under engines in the configuration",
                   "%s: %s", path, why);
    else
        doctor_add(report, DOCTOR_OK, engine, NULL, "answers on %s", path);
    return 1;
}

static size_t examine_directory(struct doctor_report *report, const char *engine, const char *path)
{
    size_t containers = 0;
    DIR *dir = opendir(path);
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir) {
        doctor_add(report, DOCTOR_WARN, engine, "run it as root: sudo skink …", "%s: %s", path,
                   strerror(errno));
        return 1;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        containers += entry->d_type == DT_DIR && entry->d_name[0] != '.';
    closedir(dir);
    doctor_add(report, DOCTOR_OK, engine, NULL, "%zu container%s in %s", containers,
               containers == 1 ? "" : "s", path);
    return 1;
}

void doctor_examine_engines(struct doctor_report *report, const struct config *config)
{
    static char runc[] = "/run/runc", crun[] = "/run/crun";
    static char *roots[] = {runc, crun, NULL};
    size_t found = 0;
    found += examine_socket(report, "docker",
                            config->docker_socket ? config->docker_socket : "/var/run/docker.sock");
    found +=
        examine_socket(report, "podman",
                       config->podman_socket ? config->podman_socket : "/run/podman/podman.sock");
    for (char **root = config->oci_roots ? config->oci_roots : roots; *root; root++)
        found += examine_directory(report, strstr(*root, "crun") ? "crun" : "runc", *root);
    found += examine_directory(report, "lxc", config->lxc_path ? config->lxc_path : "/var/lib/lxc");
    if (found == 0)
        doctor_add(report, DOCTOR_WARN, "engines",
                   "cgroups, systemd units and commands can be watched all the same",
                   "no container engine is here yet");
}

void doctor_examine_state(struct doctor_report *report, const struct config *config)
{
    static const char advice[] = "mend it, or set state_dir in the configuration";
    char path[PATH_MAX];
    struct statvfs fs;
    snprintf(path, sizeof path, "%s", config->state_dir);
    /* A directory that is missing will be made: what counts is the nearest one that is there. */
    while (access(path, F_OK) != 0 && errno == ENOENT && strcmp(path, "/") != 0) {
        const char *parent = dirname(path);
        memmove(path, parent, strlen(parent) + 1);
    }
    if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
        doctor_add(report, DOCTOR_FAIL, "state", advice, "%s: cannot write in %s: %s",
                   config->state_dir, path, strerror(errno));
    else if (statvfs(path, &fs) == 0 && fs.f_bavail * fs.f_frsize < STATE_MIN)
        doctor_add(report, DOCTOR_WARN, "state", advice, "%s: less than 64 MiB are free",
                   config->state_dir);
    else
        doctor_add(report, DOCTOR_OK, "state", NULL, "%s can be written", config->state_dir);
}
