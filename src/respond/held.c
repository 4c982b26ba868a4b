#include "respond/held.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

bool held_is_within(const char *path, const char *cgroup)
{
    size_t length = strlen(cgroup);
    return strncmp(path, cgroup, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

int held_open(const struct workload *workload, struct error *err)
{
    struct cgroup_hierarchy hierarchy;
    char path[sizeof workload->cgroup_path];
    if (workload->pid <= 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: its first process is not known",
                         workload->name);
    autoclose int held = (int)syscall(SYS_pidfd_open, workload->pid, 0);
    if (held < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s: its first process", workload->name);
    if (cgroup_hierarchy_find(&hierarchy, err) < 0 ||
        cgroup_of_process(&hierarchy, workload->pid, path, sizeof path, err) < 0)
        return -1;
    if (!workload->cgroup_path[0] || !held_is_within(path, workload->cgroup_path))
        return error_set(err, EXIT_MACHINE, 0, "%s: process %d is not in its cgroup (any more)",
                         workload->name, (int)workload->pid);
    return take_fd(held);
}

int held_lives(int held, const struct workload *workload, struct error *err)
{
    struct pollfd ended = {.fd = held, .events = POLLIN};
    if (poll(&ended, 1, 0) == 0)
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: its first process has ended", workload->name);
}

int held_addresses(const struct workload *workload, uint8_t (*addresses)[16], size_t max,
                   struct error *err)
{
    uint32_t network;
    autoclose int held = held_open(workload, err);
    if (held < 0)
        return -1;
    size_t count = workload_addresses(workload->pid, addresses, max, &network);
    return held_lives(held, workload, err) < 0 ? -1 : (int)count;
}
