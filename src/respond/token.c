#include "respond/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "respond/held.h"

const char *token_text(const json_t *token, const char *key)
{
    const char *text = json_string_value(json_object_get(token, key));
    return text ? text : "";
}

bool token_is(const json_t *token, const char *key)
{
    return json_is_true(json_object_get(token, key));
}

/* ---- cgroups ---- */

void token_cgroup(json_t *token, const struct cgroup_place *place)
{
    struct stat found = {0};
    if (stat(place->path, &found) < 0)
        found.st_ino = 0;
    json_object_set_new(token, "cgroup", json_string(place->path));
    json_object_set_new(token, "cgroup_v2", json_boolean(place->v2));
    json_object_set_new(token, "cgroup_inode", json_integer((json_int_t)found.st_ino));
}

bool token_find_cgroup(const json_t *token, struct cgroup_place *place)
{
    struct stat found;
    json_int_t inode = json_integer_value(json_object_get(token, "cgroup_inode"));
    place->v2 = token_is(token, "cgroup_v2");
    snprintf(place->path, sizeof place->path, "%s", token_text(token, "cgroup"));
    return stat(place->path, &found) == 0 && (json_int_t)found.st_ino == inode;
}

/* ---- network namespaces ---- */

static int open_namespace(const char *path, json_int_t *inode)
{
    struct stat found;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) < 0)
        return -1;
    *inode = (json_int_t)found.st_ino;
    return take_fd(fd);
}

int token_network(json_t *token, const struct measure_target *target, struct error *err)
{
    const struct workload *workload = &target->workload;
    char path[64];
    json_int_t inode;
    autoclose int held = held_open(workload, err);
    if (held < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)workload->pid);
    autoclose int fd = open_namespace(path, &inode);
    if (fd < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s", path);
    if (held_lives(held, workload, err) < 0)
        return -1;
    if (target->network && inode != (json_int_t)target->network)
        return error_set(err, EXIT_MACHINE, 0, "%s: its first process has gone to another network",
                         workload->name);
    json_object_set_new(token, "network", json_integer(inode));
    json_object_set_new(token, "pid", json_integer(workload->pid));
    return take_fd(fd);
}

/* A namespace may be kept by a mount (ip netns, a container engine): "… net:[INODE] PATH …". */
static int open_mounted(json_int_t inode)
{
    char root[64], line[2048], path[1024];
    json_int_t found;
    autofile FILE *file = fopen("/proc/self/mountinfo", "re");
    snprintf(root, sizeof root, " net:[%lld] ", (long long)inode);
    while (file && fgets(line, sizeof line, file)) {
        const char *at = strstr(line, root);
        if (!at || sscanf(at + strlen(root), "%1023s", path) != 1)
            continue;
        autoclose int fd = open_namespace(path, &found);
        if (fd >= 0 && found == inode)
            return take_fd(fd);
    }
    return -1;
}

int token_open_network(const json_t *token)
{
    char path[64];
    json_int_t found;
    json_int_t inode = json_integer_value(json_object_get(token, "network"));
    snprintf(path, sizeof path, "/proc/%lld/ns/net",
             (long long)json_integer_value(json_object_get(token, "pid")));
    autoclose int fd = open_namespace(path, &found);
    if (fd >= 0 && found == inode)
        return take_fd(fd);
    return open_mounted(inode);
}
