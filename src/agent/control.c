#include "agent/control.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control_client.h"
#include "base/cleanup.h"
#include "base/memory.h"

struct control {
    sd_event *event;
    sd_event_source *source;
    gid_t operators;
    control_handler handler;
    void *context;
    char *path;
    struct stat bound; /* the socket that is ours to remove */
    struct control_client *client[CONTROL_CLIENTS];
    uint64_t refused;
};

static int make_address(const char *path, struct sockaddr_un *address, struct error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return error_set(err, EXIT_USAGE, 0, "socket %s: the path is too long (at most %zu bytes)",
                         path, sizeof address->sun_path - 1);
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

/* Does somebody listen on the socket? A full backlog (EAGAIN) is somebody, too. */
static bool is_answered(const struct sockaddr_un *address)
{
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
}

/* Makes room for the socket: only one that nobody answers on is removed. */
static int clear_path(const struct sockaddr_un *address, struct error *err)
{
    const char *path = address->sun_path;
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : error_set(err, EXIT_MACHINE, errno, "socket %s", path);
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, EXIT_USAGE, 0,
                         "socket %s: there is a file that is no socket (remove it, or set socket)",
                         path);
    if (is_answered(address))
        return error_set(err, EXIT_MACHINE, 0,
                         "socket %s: another agent answers on it (stop that one, or set socket)",
                         path);
    if (unlink(path) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot remove the dead socket %s", path);
    return 0;
}

static int make_directory(const char *path, struct error *err)
{
    autofree char *copy = memory_must(strdup(path));
    const char *directory = dirname(copy);
    if (mkdir(directory, 0755) < 0 && errno != EEXIST)
        return error_set(err, EXIT_MACHINE, errno, "cannot make the directory %s", directory);
    return 0;
}

/* *gid stays as it is when there is no name. */
static int find_group(const char *name, gid_t *gid, struct error *err)
{
    if (!name)
        return 0;
    const struct group *group = getgrnam(name);
    if (!group)
        return error_set(err, EXIT_USAGE, 0, "group %s: there is no such group (groupadd -r %s)",
                         name, name);
    *gid = group->gr_gid;
    return 0;
}

/*
 * What the kernel refuses since the queue is full nobody counts: the queue is long, so that a flood
 * comes to the daemon and is told.
 *
 * The mode of a unix socket's file is that of its descriptor when it is bound (and the umask), so
 * there is no moment at which the socket is open to more than it will be.
 */
static int bind_socket(int fd, const struct sockaddr_un *address, gid_t gid, struct error *err)
{
    const char *path = address->sun_path;
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot bind socket %s", path);
    if (lchown(path, (uid_t)-1, gid) < 0 || chmod(path, 0660) < 0 || listen(fd, SOMAXCONN) < 0) {
        error_set(err, EXIT_MACHINE, errno, "cannot open socket %s", path);
        unlink(path);
        return -1;
    }
    return 0;
}

/* The listening socket, or -1. */
static int open_socket(const char *path, const char *group, struct error *err)
{
    struct sockaddr_un address;
    gid_t gid = 0;
    if (make_address(path, &address, err) < 0 || find_group(group, &gid, err) < 0 ||
        make_directory(path, err) < 0 || clear_path(&address, err) < 0)
        return -1;
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, EXIT_MACHINE, errno, "socket %s", path);
    return bind_socket(fd, &address, gid, err) < 0 ? -1 : take_fd(fd);
}

static json_t *answer(void *context, const struct control_peer *peer, const json_t *request)
{
    struct control *control = context;
    json_t *reply = control->handler(control->context, peer, request);
    if (reply)
        return reply;
    return json_pack(
        "{s:o}", "error",
        json_sprintf("%s: no such verb", json_string_value(json_object_get(request, "verb"))));
}

/* Takes a place in control->client that is free or that a client has left; -1: none. */
static int free_place(struct control *control)
{
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->client[i] && control_client_gone(control->client[i])) {
            control_client_free(control->client[i]);
            control->client[i] = NULL;
        }
        if (!control->client[i])
            return i;
    }
    return -1;
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *context)
{
    static const char FULL[] = "{\"error\":\"too many connections\"}\n";
    struct control *control = context;
    (void)source;
    (void)events;
    autoclose int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return 0; /* it went away again, or descriptors are short for now */
    int place = free_place(control);
    if (place < 0) {
        control->refused++;
        send(fd, FULL, strlen(FULL), MSG_NOSIGNAL | MSG_DONTWAIT);
        return 0;
    }
    struct control_peer peer = control_peer_of(fd, control->operators);
    control->client[place] =
        control_client_new(control->event, take_fd(fd), &peer, answer, control);
    return 0;
}

struct control *control_open(sd_event *event, const char *path, const char *group,
                             const char *operators, control_handler handler, void *context,
                             struct error *err)
{
    gid_t may_change = NO_GROUP;
    autoclose int fd =
        find_group(operators, &may_change, err) < 0 ? -1 : open_socket(path, group, err);
    if (fd < 0)
        return NULL;
    struct control *control = memory_must(calloc(1, sizeof *control));
    control->path = memory_must(strdup(path));
    control->event = sd_event_ref(event);
    control->operators = may_change;
    control->handler = handler;
    control->context = context;
    int failed = stat(path, &control->bound) < 0 ? -errno : 0;
    if (failed >= 0)
        failed = sd_event_add_io(event, &control->source, fd, EPOLLIN, on_connection, control);
    if (failed >= 0) /* who leaves makes room before who comes asks for it */
        failed = sd_event_source_set_priority(control->source, SD_EVENT_PRIORITY_NORMAL + 1);
    if (failed >= 0)
        failed = sd_event_source_set_io_fd_own(control->source, 1);
    if (failed < 0) {
        error_set(err, EXIT_MACHINE, -failed, "socket %s", path);
        control_close(control);
        return NULL;
    }
    take_fd(fd);
    return control;
}

void control_broadcast(struct control *control, const json_t *alert)
{
    autofree char *line = NULL;
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        if (!control->client[i] || !control_client_follows(control->client[i]))
            continue;
        if (!line)
            line = memory_must(json_dumps(alert, JSON_COMPACT));
        control_client_send(control->client[i], line);
    }
}

uint64_t control_refused(const struct control *control)
{
    return control ? control->refused : 0;
}

void control_close(struct control *control)
{
    struct stat now;
    if (!control)
        return;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        control_client_free(control->client[i]);
    sd_event_source_disable_unref(control->source);
    /* Another agent may have taken the path over after somebody removed ours. */
    if (lstat(control->path, &now) == 0 && now.st_ino == control->bound.st_ino &&
        now.st_dev == control->bound.st_dev)
        unlink(control->path);
    sd_event_unref(control->event);
    free(control->path);
    free(control);
}
