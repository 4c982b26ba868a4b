/* Unix sockets: the caller's name and the listener's are both brought to the file that stands for
 * them, which is one however many containers have it under however many names. */
#include "agent/flow_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/state.h"
#include "base/cleanup.h"

struct place {
    uint64_t inode;
    uint32_t device; /* as struct flow_value has it */
};

static bool is_abstract(const struct flow *flow)
{
    return flow->value.name[0] == '\0';
}

/* The path as the replica's root has it: a relative one begins where the caller is. */
static bool whole_path(struct hand *hand, const struct flow *flow, char *path, size_t size)
{
    char folder[PATH_MAX];
    if (flow->value.name[0] == '/')
        return snprintf(path, size, "%s", flow->value.name) < (int)size;
    ssize_t length = hand_link(hand, (pid_t)flow->value.pid, "cwd", folder, sizeof folder - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    return snprintf(path, size, "%s/%s", folder, flow->value.name) < (int)size;
}

/* Opens it without ever waiting: the file system may be the intruder's. Who has just called the
 * name has left it in the kernel's memory. */
static int open_within(struct hand *hand, pid_t root_of, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                                 .resolve =
                                     RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED};
    autoclose int root = hand_root(hand, root_of);
    return root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* Finds the file that the flow's name stands for. */
static bool locate(struct hand *hand, const struct flow *flow, pid_t root_of, struct place *place,
                   bool *exists)
{
    char path[PATH_MAX];
    struct statx found;
    if (flow->value.inode) {
        *place = (struct place){flow->value.inode, flow->value.device};
        return true;
    }
    if (!whole_path(hand, flow, path, sizeof path))
        return false;
    autoclose int file = open_within(hand, root_of, path);
    if (file < 0) {
        *exists = errno != ENOENT && errno != ENOTDIR && errno != EAGAIN;
        return false;
    }
    if (statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &found) != 0)
        return false;
    *exists = S_ISSOCK(found.stx_mode);
    *place = (struct place){found.stx_ino, found.stx_dev_major << 20 | found.stx_dev_minor};
    return *exists;
}

static bool bound_there(const struct flow *bound, const struct flow *call,
                        const struct place *place)
{
    if (bound->key.transport != FLOW_UNIX || bound->key.role != FLOW_LISTENS)
        return false;
    if (is_abstract(call))
        return bound->value.netns == call->value.netns &&
               memcmp(bound->value.name, call->value.name, FLOW_NAME) == 0;
    return bound->value.inode == place->inode && bound->value.device == place->device;
}

size_t flow_unix_end(const struct agent *agent, const struct flow *flow, bool *exists)
{
    const struct flows *flows = agent->flows;
    const struct watched *caller = agent->watched[flow->key.replica];
    const struct flow *latest = NULL; /* a file's number may have been another's before */
    struct place place = {0};
    *exists = true;
    if (!is_abstract(flow) && !locate(agent->hand, flow, caller->workload.pid, &place, exists))
        return ENDS_NOBODY;
    for (const struct flow *other = flows->now; other < flows->now + flows->count; other++)
        if (bound_there(other, flow, &place) && (!latest || other->value.last > latest->value.last))
            latest = other;
    return latest ? latest->key.replica : ENDS_NOBODY;
}
