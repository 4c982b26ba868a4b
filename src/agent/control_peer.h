/* Who is at the other end of a connection to the control socket, as the kernel knows it. */
#ifndef SKINK_AGENT_CONTROL_PEER_H
#define SKINK_AGENT_CONTROL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#define NO_GROUP ((gid_t)-1)

/* When it connected; what it becomes later does not count (unix(7), SO_PEERCRED). */
struct control_peer {
    uid_t uid;
    pid_t pid;
    bool operates; /* it may change something: root, the daemon's own user, or one of the group */
};

/* operators: the group, or NO_GROUP. */
struct control_peer control_peer_of(int fd, gid_t operators);

#endif
