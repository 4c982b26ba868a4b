/* The verbs' side of the control socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#define FOREVER   UINT64_MAX
#define REPLY_MAX (2 * CONTROL_PENDING)

struct connection {
    const char *path;
    int fd;
    char *text; /* received, not handed out yet */
    size_t used, size;
};

static void close_connection(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    free(connection->text);
}

static int refuse(const char *path, int errnum, struct error *err)
{
    error_set(err, EXIT_MACHINE, errnum, "cannot reach the agent at %s", path);
    if (errnum == EACCES)
        return error_hint(err, "be root, or a member of the group that the configuration names");
    return error_hint(err, "does `skink run` run? --socket names another one");
}

/* Waits until the socket is ready for events, at most until deadline. */
static int wait_for(const struct connection *connection, short events, uint64_t deadline,
                    struct error *err)
{
    struct pollfd ready = {.fd = connection->fd, .events = events};
    for (;;) {
        uint64_t now = clock_monotonic();
        int wait_ms = -1;
        if (deadline != FOREVER)
            wait_ms = deadline > now ? (int)((deadline - now) / NS_PER_MS) + 1 : 0;
        int count = poll(&ready, 1, wait_ms);
        if (count > 0)
            return 0;
        if (count == 0)
            return error_set(err, EXIT_MACHINE, 0,
                             "the agent at %s does not answer: no reply within %d s",
                             connection->path, CONTROL_WAIT_S);
        if (errno != EINTR)
            return error_set(err, EXIT_MACHINE, errno, "cannot wait for the agent");
    }
}

static int connect_to(struct connection *connection, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *connection = (struct connection){.path = path, .fd = -1};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, EXIT_USAGE, 0, "socket %s: the path is too long (at most %zu bytes)",
                         path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return refuse(path, errno, err);
    return 0;
}

static int send_request(struct connection *connection, const json_t *request, uint64_t deadline,
                        struct error *err)
{
    autofree char *text = memory_must(json_dumps(request, JSON_COMPACT));
    autofree char *line = NULL;
    int length = asprintf(&line, "%s\n", text);
    if (length < 0)
        memory_must(NULL);
    for (size_t done = 0; done < (size_t)length;) {
        ssize_t sent = send(connection->fd, line + done, (size_t)length - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return refuse(connection->path, errno, err);
        if (sent < 0 && wait_for(connection, POLLOUT, deadline, err) < 0)
            return -1;
        done += sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

static int receive_more(struct connection *connection, uint64_t deadline, struct error *err)
{
    if (connection->used == connection->size) {
        connection->size = connection->size ? 2 * connection->size : 65536;
        connection->text = memory_must(realloc(connection->text, connection->size));
    }
    if (connection->used > REPLY_MAX)
        return error_set(err, EXIT_MACHINE, 0, "the agent at %s: its reply never ends",
                         connection->path);
    if (wait_for(connection, POLLIN, deadline, err) < 0)
        return -1;
    ssize_t got = recv(connection->fd, connection->text + connection->used,
                       connection->size - connection->used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return error_set(err, EXIT_MACHINE, got < 0 ? errno : 0, "the agent at %s has gone away",
                         connection->path);
    connection->used += (size_t)got;
    return 0;
}

/* The next line as JSON; an "error" in it becomes err. NULL on error. */
static json_t *receive(struct connection *connection, uint64_t deadline, struct error *err)
{
    json_error_t why;
    char *newline;
    while (!connection->used || !(newline = memchr(connection->text, '\n', connection->used)))
        if (receive_more(connection, deadline, err) < 0)
            return NULL;
    size_t length = (size_t)(newline - connection->text) + 1;
    json_t *answer = json_loadb(connection->text, length, 0, &why);
    connection->used -= length;
    memmove(connection->text, newline + 1, connection->used);
    const char *refusal = json_string_value(json_object_get(answer, "error"));
    if (!answer)
        error_set(err, EXIT_MACHINE, 0, "the agent at %s answered no JSON: %s", connection->path,
                  why.text);
    else if (refusal)
        error_set(err, EXIT_USAGE, 0, "the agent says: %s", refusal);
    if (answer && !refusal)
        return answer;
    json_decref(answer);
    return NULL;
}

static json_t *ask(struct connection *connection, const char *path, const json_t *request,
                   struct error *err)
{
    uint64_t deadline = clock_monotonic() + CONTROL_WAIT_S * NS_PER_S;
    if (connect_to(connection, path, err) < 0 ||
        send_request(connection, request, deadline, err) < 0)
        return NULL;
    return receive(connection, deadline, err);
}

int control_ask(const char *path, const json_t *request, json_t **reply, struct error *err)
{
    __attribute__((cleanup(close_connection))) struct connection connection;
    *reply = ask(&connection, path, request, err);
    return *reply ? 0 : -1;
}

int control_follow(const char *path, const json_t *request, control_listener listener,
                   void *context, struct error *err)
{
    __attribute__((cleanup(close_connection))) struct connection connection;
    json_t *answer = ask(&connection, path, request, err);
    while (answer) {
        bool go_on = listener(context, answer);
        json_decref(answer);
        if (!go_on)
            return 0;
        answer = receive(&connection, FOREVER, err);
    }
    return -1;
}
