/* Which paths the daemon goes on to use, from its configuration and its cgroups. */
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sandbox_paths.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"

/* What the C library, libcurl and OpenSSL read, whoever asks them. */
static const char *const LIBRARIES[] = {
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/machine-id",
    "/dev/urandom",
};

/* Processes, cgroups, and the states and sockets of engines. */
static const char *const HOST[] = {"/proc", "/sys", "/run"};

struct list {
    struct sandbox_path *paths;
    size_t count, room;
};

static void add(struct list *list, enum sandbox_right right, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct list *list, enum sandbox_right right, const char *format, ...)
{
    va_list args;
    char *path;
    va_start(args, format);
    if (vasprintf(&path, format, args) < 0)
        memory_must(NULL);
    va_end(args);
    if (list->count + 1 >= list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->paths = memory_must(reallocarray(list->paths, list->room, sizeof *list->paths));
    }
    list->paths[list->count++] = (struct sandbox_path){path, right};
    list->paths[list->count] = (struct sandbox_path){NULL, right};
}

static void add_all(struct list *list, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(list, SANDBOX_READ, "%s", paths[i]);
}

/* A file may be replaced by another of its name: it is the directory that is reached. */
static void add_directory_of(struct list *list, enum sandbox_right right, const char *file)
{
    if (!file || !*file)
        return;
    autofree char *copy = memory_must(strdup(file));
    add(list, right, "%s", dirname(copy));
}

/* What is not there yet may be made: the nearest directory above it is. */
static void add_to_come(struct list *list, const char *path)
{
    autofree char *copy = memory_must(strdup(path));
    while (access(copy, F_OK) != 0 && strlen(copy) > 1) {
        const char *parent = dirname(copy);
        memmove(copy, parent, strlen(parent) + 1);
    }
    if (*copy && strcmp(copy, "/") != 0)
        add(list, SANDBOX_READ, "%s", copy);
}

static void add_configured(struct list *list, const struct config *config)
{
    autofree char *alerts = config_alert_file(config);
    const char *const odds[] = {config->epss, config->kev};
    add(list, SANDBOX_WRITE, "%s", config->state_dir);
    if (strncmp(alerts, "/dev/", 5) == 0)
        add(list, SANDBOX_CHANGE, "%s", alerts);
    else
        add_directory_of(list, SANDBOX_WRITE, alerts);
    add_directory_of(list, SANDBOX_READ, config->path);
    add_to_come(list, config->lxc_path ? config->lxc_path : "/var/lib/lxc");
    for (char **root = config->oci_roots; root && *root; root++)
        add_to_come(list, *root);
    for (size_t i = 0; i < 2; i++) {
        autofree char *file = config_file(config, odds[i]);
        add_directory_of(list, SANDBOX_READ, file);
    }
    for (size_t i = 0; i < config->scan_count; i++) {
        autofree char *scan = config_file(config, config->scans[i].file);
        autofree char *osv =
            config->scans[i].osv ? config_file(config, config->scans[i].osv) : NULL;
        add_directory_of(list, SANDBOX_READ, scan);
        add_directory_of(list, SANDBOX_READ, osv);
    }
}

struct sandbox_path *sandbox_paths(const struct config *config,
                                   const struct cgroup_hierarchy *hierarchy)
{
    struct list list = {0};
    add_all(&list, LIBRARIES, sizeof LIBRARIES / sizeof *LIBRARIES);
    add_all(&list, HOST, sizeof HOST / sizeof *HOST);
    add(&list, SANDBOX_CHANGE, "/dev/null");
    add_configured(&list, config);
    add_directory_of(&list, SANDBOX_REMOVE, config->socket);
    add(&list, SANDBOX_REMOVE, "%s", hierarchy->mount); /* the canary's cgroup */
    return list.paths;
}

void sandbox_paths_free(struct sandbox_path *paths)
{
    for (struct sandbox_path *one = paths; one && one->path; one++)
        free(one->path);
    free(paths);
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_reached(const struct sandbox_path *paths, const struct sandbox_path *wanted)
{
    for (; paths->path; paths++)
        if (is_below(wanted->path, paths->path) &&
            (paths->right == wanted->right || paths->right == SANDBOX_WRITE))
            return true;
    return false;
}

void sandbox_paths_tell(const struct sandbox_path *paths, const struct config *config)
{
    struct list list = {0};
    add_configured(&list, config);
    for (struct sandbox_path *one = list.paths; paths && one->path; one++)
        if (!is_reached(paths, one))
            log_warn("%s lies outside of the daemon's sandbox: it is reached after the next start",
                     one->path);
    sandbox_paths_free(list.paths);
}
