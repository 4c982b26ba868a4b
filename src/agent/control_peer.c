#include "agent/control_peer.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

static bool is_supplementary(int fd, gid_t group)
{
    socklen_t size = 0;
    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size); /* says how much room they take */
    autofree gid_t *groups = memory_must(calloc(1, size + sizeof *groups));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof *groups; i++)
        if (groups[i] == group)
            return true;
    return false;
}

struct control_peer control_peer_of(int fd, gid_t operators)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return (struct control_peer){.uid = (uid_t)-1};
    bool member =
        operators != NO_GROUP && (peer.gid == operators || is_supplementary(fd, operators));
    return (struct control_peer){.uid = peer.uid,
                                 .pid = peer.pid,
                                 .operates = peer.uid == 0 || peer.uid == geteuid() || member};
}
