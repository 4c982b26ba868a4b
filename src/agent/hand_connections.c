/* The TCP connections of processes: read from the sockets themselves, for what /proc/PID/net/tcp
 * says takes as long as the whole namespace has connections. */
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/hand_parts.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/parse.h"

#define DESCRIPTORS 1024 /* of a process, looked at */
#define PATIENCE_MS 500  /* for the answer: who waits has an alert to follow up */

struct answer {
    struct hand_connection list[HAND_CONNECTIONS];
    size_t count; /* more than there is room for: they are too many */
};

/* ---- the hand ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The address as flows have it, and the port; false: of another family. */
static bool take_address(const union address *from, uint8_t address[16], uint16_t *port)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    if (from->any.sa_family == AF_INET6) {
        memcpy(address, &from->v6.sin6_addr, 16);
        *port = ntohs(from->v6.sin6_port);
        return true;
    }
    memcpy(address, MAPPED, sizeof MAPPED);
    memcpy(address + sizeof MAPPED, &from->v4.sin_addr, 4);
    *port = ntohs(from->v4.sin_port);
    return from->any.sa_family == AF_INET;
}

/* Is it connected by TCP, and with whom? */
static bool read_connection(int socket, struct hand_connection *connection)
{
    union address peer = {.v6 = {0}}, own = {.v6 = {0}};
    socklen_t peer_size = sizeof peer, own_size = sizeof own, size = sizeof(int);
    int type = 0;
    uint8_t local[16];
    uint16_t peer_port;
    return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getpeername(socket, &peer.any, &peer_size) == 0 &&
           getsockname(socket, &own.any, &own_size) == 0 &&
           take_address(&peer, connection->peer, &peer_port) &&
           take_address(&own, local, &connection->port);
}

static void look_at(int process, uint32_t pid, const char *name, struct answer *answer)
{
    struct error ignored;
    struct hand_connection connection = {.pid = pid};
    uint64_t number;
    if (parse_u64("descriptor", name, 0, INT32_MAX, &number, &ignored) < 0)
        return;
    autoclose int socket = pidfd_getfd(process, (int)number, 0);
    if (socket < 0 || !read_connection(socket, &connection))
        return;
    if (answer->count < HAND_CONNECTIONS)
        answer->list[answer->count] = connection;
    answer->count++;
}

static void look_through(uint32_t pid, struct answer *answer)
{
    char path[64], target[16];
    const struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%u/fd", pid);
    autoclose int process = pidfd_open((pid_t)pid, 0);
    DIR *folder = process < 0 ? NULL : opendir(path);
    for (int i = 0; folder && i < DESCRIPTORS && (entry = readdir(folder)); i++) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        if (length > 8 && memcmp(target, "socket:[", 8) == 0)
            look_at(process, pid, entry->d_name, answer);
    }
    if (folder)
        closedir(folder);
}

void hand_connections_serve(const struct hand_request *request, int fd)
{
    struct answer answer = {.count = 0};
    for (uint32_t i = 0; i < request->processes && i < HAND_PROCESSES; i++)
        look_through(request->process[i], &answer);
    size_t told = answer.count > HAND_CONNECTIONS ? 0 : answer.count;
    send(fd, answer.list, told * sizeof *answer.list, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- who asks ---- */

/* Without a hand the answer is in the socket before anybody waits for it. */
static int look_by_oneself(const struct hand_request *request)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    hand_connections_serve(request, pair[1]);
    close(pair[1]);
    return pair[0];
}

int hand_connections_ask(struct hand *hand, const uint32_t *pid, size_t count)
{
    struct error ignored;
    autofree struct hand_request *request = memory_must(calloc(1, sizeof *request));
    request->word = ASK_CONNECTIONS;
    request->processes = (uint32_t)(count < HAND_PROCESSES ? count : HAND_PROCESSES);
    memcpy(request->process, pid, request->processes * sizeof *pid);
    return hand ? hand_order(hand, request, &ignored) : look_by_oneself(request);
}

size_t hand_connections(int fd, struct hand_connection list[HAND_CONNECTIONS])
{
    const struct timeval patience = {.tv_usec = PATIENCE_MS * 1000};
    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t got = recv(fd, list, HAND_CONNECTIONS * sizeof *list, 0);
    close(fd);
    return got > 0 ? (size_t)got / sizeof *list : 0;
}
