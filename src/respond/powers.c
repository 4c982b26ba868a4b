#include "respond/powers.h"

#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "respond/harm.h"
#include "workload/fields.h"

#define PROC_MAX   (4u << 20) /* bytes of a mountinfo */
#define MOUNTS_MAX 1024       /* of the host's that are looked at */

#define C_ (1 << HARM_CONFIDENTIALITY)
#define I_ (1 << HARM_INTEGRITY)
#define A_ (1 << HARM_AVAILABILITY)

static const struct {
    enum power power;
    int sides; /* whose impact becomes high */
    const char *name;
} POWERS[] = {
    {POWER_PRIVILEGED, C_ | I_ | A_, "privileged"},
    {POWER_SYS_ADMIN, C_ | I_ | A_, "sys_admin"},
    {POWER_NET_ADMIN, 0, "net_admin"},
    {POWER_HOST_PID, C_ | A_, "host_pid"},
    {POWER_HOST_NETWORK, C_ | I_, "host_network"},
    {POWER_HOST_IPC, C_ | I_, "host_ipc"},
    {POWER_RUNTIME_SOCKET, C_ | I_ | A_, "runtime_socket"},
    {POWER_HOST_WRITE, C_ | I_ | A_, "host_write"},
    {POWER_HOST_READ, C_, "host_read"},
    {POWER_CLUSTER_TOKEN, C_ | I_, "cluster_token"},
};
#define POWER_COUNT (sizeof POWERS / sizeof *POWERS)

bool powers_raise(uint32_t powers, int side)
{
    for (size_t i = 0; i < POWER_COUNT; i++)
        if (powers & POWERS[i].power && POWERS[i].sides & 1 << side)
            return true;
    return false;
}

json_t *powers_json(uint32_t powers)
{
    json_t *names = json_array();
    for (size_t i = 0; i < POWER_COUNT; i++)
        if (powers & POWERS[i].power)
            json_array_append_new(names, json_string(POWERS[i].name));
    return names;
}

/* ---- capabilities ---- */

static bool holds(uint64_t set, int capability)
{
    return set >> capability & 1;
}

uint32_t powers_of_status(const char *status)
{
    uint64_t set;
    uint32_t powers = 0;
    const char *at = strstr(status, "\nCapBnd:");
    if (!at)
        return 0;
    at += strlen("\nCapBnd:");
    at += strspn(at, " \t");
    if (!parse_digits(&at, at + strcspn(at, "\n"), 16, &set))
        return 0;
    powers |= holds(set, CAP_SYS_ADMIN) ? POWER_SYS_ADMIN : 0;
    powers |= holds(set, CAP_NET_ADMIN) ? POWER_NET_ADMIN : 0;
    if (holds(set, CAP_SYS_ADMIN) && holds(set, CAP_SYS_MODULE) && holds(set, CAP_SYS_RAWIO) &&
        holds(set, CAP_SYS_PTRACE))
        powers |= POWER_PRIVILEGED;
    return powers;
}

/* ---- mounts ---- */

/* One line of mountinfo (proc(5)); the texts lie in the line. */
struct mount {
    const char *device, *root, *point, *options, *type;
};

static bool split_mount(char *line, struct mount *mount)
{
    char *field[6];
    char *rest = NULL;
    for (int i = 0; i < 6; i++)
        if (!(field[i] = strtok_r(i == 0 ? line : NULL, " ", &rest)))
            return false;
    char *type = rest ? strstr(rest, "- ") : NULL;
    if (!type)
        return false;
    type += 2;
    type[strcspn(type, " ")] = '\0';
    *mount = (struct mount){field[2], field[3], field[4], field[5], type};
    return true;
}

/* Is path below directory, or it? */
static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    if (length == 1)
        return true;
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static size_t split_all(char *text, struct mount *mounts, size_t max)
{
    char *rest = NULL;
    size_t count = 0;
    for (char *line = strtok_r(text, "\n", &rest); line && count < max;
         line = strtok_r(NULL, "\n", &rest))
        count += split_mount(line, &mounts[count]);
    return count;
}

/* The path by which the host knows what is mounted; false: the host does not see it. */
static bool host_path(const struct mount *mount, const struct mount *host, size_t count,
                      char path[PATH_MAX])
{
    for (size_t i = count; i-- > 0;) {
        const char *below = mount->root;
        if (strcmp(host[i].device, mount->device) != 0 || !is_below(below, host[i].root))
            continue;
        below += strlen(host[i].root) > 1 ? strlen(host[i].root) : 0;
        const char *point = strcmp(host[i].point, "/") == 0 ? "" : host[i].point;
        bool whole = strcmp(below, "/") == 0 || *below == '\0';
        int length = snprintf(path, PATH_MAX, "%s%s", point, whole ? "" : below);
        if (length == 0)
            snprintf(path, PATH_MAX, "/");
        return length < PATH_MAX;
    }
    return false;
}

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list) != 0)
        list++;
    return *list;
}

static bool is_below_one(const char *path, const char *const *list)
{
    while (*list && !is_below(path, *list))
        list++;
    return *list;
}

static uint32_t power_of_path(const char *path, bool writable)
{
    static const char *const SOCKETS[] = {"docker.sock", "containerd.sock", "podman.sock",
                                          "crio.sock", NULL};
    static const char *const SECRET[] = {"/etc", "/root", "/boot", NULL};
    static const char *const PROGRAMS[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", NULL};
    static const char *const WHOLE[] = {"/", "/home", "/var", "/var/lib", "/run", "/var/run", NULL};
    const char *name = strrchr(path, '/');
    if (name && is_one_of(name + 1, SOCKETS))
        return POWER_RUNTIME_SOCKET;
    bool secret = is_below_one(path, SECRET) || is_one_of(path, WHOLE);
    if (writable && (secret || is_below_one(path, PROGRAMS)))
        return POWER_HOST_WRITE;
    return secret ? POWER_HOST_READ : 0;
}

static bool is_writable(const struct mount *mount)
{
    return strncmp(mount->options, "rw", 2) == 0;
}

uint32_t powers_of_mounts(char *mountinfo, char *host)
{
    uint32_t powers = 0;
    struct mount mount;
    char *rest = NULL;
    char path[PATH_MAX];
    autofree struct mount *hosts = calloc(MOUNTS_MAX, sizeof *hosts);
    size_t count = hosts ? split_all(host, hosts, MOUNTS_MAX) : 0;
    for (char *line = strtok_r(mountinfo, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!split_mount(line, &mount))
            continue;
        if (strstr(mount.point, "/secrets/kubernetes.io/serviceaccount"))
            powers |= POWER_CLUSTER_TOKEN;
        /* Its own root lies somewhere on the host, of course. */
        if (strcmp(mount.point, "/") != 0 && host_path(&mount, hosts, count, path))
            powers |= power_of_path(path, is_writable(&mount));
    }
    return powers;
}

/* ---- a process ---- */

static char *read_proc(pid_t pid, const char *name)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return read_whole(path, PROC_MAX, &size);
}

static bool shares(pid_t pid, const char *kind)
{
    char path[64], its[64], hosts[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    ssize_t length = readlink(path, its, sizeof its);
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    return length > 0 && readlink(path, hosts, sizeof hosts) == length &&
           memcmp(its, hosts, (size_t)length) == 0;
}

uint32_t powers_read(pid_t pid)
{
    uint32_t powers = 0;
    autofree char *status = read_proc(pid, "status");
    autofree char *mounts = read_proc(pid, "mountinfo");
    autofree char *host = read_proc(getpid(), "mountinfo");
    /* Capabilities of another user namespace are no power over the host. */
    if (status && shares(pid, "user"))
        powers |= powers_of_status(status);
    if (mounts && host && !shares(pid, "mnt"))
        powers |= powers_of_mounts(mounts, host);
    powers |= shares(pid, "pid") ? POWER_HOST_PID : 0;
    powers |= shares(pid, "net") ? POWER_HOST_NETWORK : 0;
    powers |= shares(pid, "ipc") ? POWER_HOST_IPC : 0;
    return powers;
}
