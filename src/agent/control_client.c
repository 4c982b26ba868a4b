#include "agent/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"

#define IDLE_US ((uint64_t)CONTROL_IDLE_S * 1000000)

struct control_client {
    int fd; /* -1: gone */
    struct control_peer peer;
    sd_event_source *io, *idle;
    control_handler answer;
    void *context;
    bool follows;
    bool ending; /* it will send no more; closed when all was sent */
    size_t in_used;
    char in[CONTROL_REQUEST];
    char *out; /* not sent yet: out_used bytes, the first out_sent of which are */
    size_t out_used, out_sent, out_size;
};

static json_t *error_reply(const char *text)
{
    return json_pack("{s:s}", "error", text);
}

json_t *control_answer(const char *line, size_t length, const struct control_peer *peer,
                       control_handler answer, void *context, bool *follow)
{
    json_error_t why;
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
    json_t *reply;
    *follow = false;
    if (!request) {
        reply = json_pack("{s:o}", "error", json_sprintf("request: not JSON: %s", why.text));
    } else if (!json_is_string(json_object_get(request, "verb"))) {
        reply = error_reply("request: no verb ({\"verb\": \"status\"})");
    } else {
        json_object_set_new(
            request, "by",
            json_pack("{s:I,s:I}", "uid", (json_int_t)peer->uid, "pid", (json_int_t)peer->pid));
        reply = answer(context, peer, request);
        *follow =
            json_is_true(json_object_get(request, "follow")) && !json_object_get(reply, "error");
    }
    json_decref(request);
    return reply ? reply : error_reply("request: no answer");
}

static void drop_output(struct control_client *client)
{
    free(client->out);
    client->out = NULL;
    client->out_used = client->out_sent = client->out_size = 0;
}

static void leave(struct control_client *client)
{
    drop_output(client);
    client->io = sd_event_source_disable_unref(client->io);
    client->idle = sd_event_source_disable_unref(client->idle);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

/* Sends what the socket takes, and asks to be called again for the rest. */
static void flush(struct control_client *client)
{
    while (client->out_sent < client->out_used) {
        ssize_t sent = send(client->fd, client->out + client->out_sent,
                            client->out_used - client->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN) {
            leave(client);
            return;
        }
        if (sent < 0)
            break;
        client->out_sent += (size_t)sent;
    }
    bool pending = client->out_sent < client->out_used;
    if (!pending)
        drop_output(client);
    if (!pending && client->ending) {
        leave(client);
        return;
    }
    sd_event_source_set_io_events(client->io, (client->ending ? 0 : (uint32_t)EPOLLIN) |
                                                  (pending ? (uint32_t)EPOLLOUT : 0));
}

/* Makes room for size bytes more; false: the client has left too much unread. */
static bool reserve(struct control_client *client, size_t size)
{
    size_t pending = client->out_used - client->out_sent;
    if (pending + size > CONTROL_PENDING)
        return false;
    if (client->out_sent > 0)
        memmove(client->out, client->out + client->out_sent, pending);
    client->out_used = pending;
    client->out_sent = 0;
    if (pending + size > client->out_size) {
        client->out_size = 2 * (pending + size);
        client->out = memory_must(realloc(client->out, client->out_size));
    }
    return true;
}

static void put(struct control_client *client, const char *line)
{
    size_t length = strlen(line);
    if (client->fd < 0)
        return;
    if (!reserve(client, length + 1)) {
        log_warn("control: a client that does not read its answers was dropped");
        leave(client);
        return;
    }
    memcpy(client->out + client->out_used, line, length);
    client->out[client->out_used + length] = '\n';
    client->out_used += length + 1;
}

void control_client_send(struct control_client *client, const char *line)
{
    put(client, line);
    if (client->fd >= 0)
        flush(client);
}

static void put_reply(struct control_client *client, json_t *reply)
{
    autofree char *text = memory_must(json_dumps(reply, JSON_COMPACT));
    put(client, text);
    json_decref(reply);
}

/* Answers every whole line, and keeps the rest. */
static void answer_lines(struct control_client *client)
{
    char *start = client->in;
    char *end = client->in + client->in_used;
    for (char *newline; client->fd >= 0 && (newline = memchr(start, '\n', (size_t)(end - start)));
         start = newline + 1) {
        bool follow;
        put_reply(client, control_answer(start, (size_t)(newline - start), &client->peer,
                                         client->answer, client->context, &follow));
        client->follows |= follow;
    }
    client->in_used = (size_t)(end - start);
    memmove(client->in, start, client->in_used);
    if (client->in_used == sizeof client->in) {
        put_reply(client, error_reply("request: the line is longer than 64 KiB"));
        client->ending = true;
    }
}

static void receive(struct control_client *client)
{
    ssize_t got =
        recv(client->fd, client->in + client->in_used, sizeof client->in - client->in_used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0) {
        leave(client);
        return;
    }
    client->ending = got == 0; /* what it has asked for is still sent */
    client->in_used += (size_t)got;
    answer_lines(client);
    if (client->idle)
        sd_event_source_set_time_relative(client->idle, IDLE_US);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct control_client *client = context;
    (void)source;
    (void)fd;
    if (events & EPOLLIN)
        receive(client);
    else if (events & (EPOLLHUP | EPOLLERR))
        leave(client);
    if (client->fd >= 0)
        flush(client);
    return 0;
}

static int on_idle(sd_event_source *source, uint64_t time, void *context)
{
    struct control_client *client = context;
    (void)source;
    (void)time;
    if (!client->follows)
        leave(client);
    return 0;
}

struct control_client *control_client_new(sd_event *event, int fd, const struct control_peer *peer,
                                          control_handler answer, void *context)
{
    struct control_client *client = memory_must(calloc(1, sizeof *client));
    client->fd = fd;
    client->peer = *peer;
    client->answer = answer;
    client->context = context;
    if (sd_event_add_io(event, &client->io, fd, EPOLLIN, on_io, client) < 0 ||
        sd_event_add_time_relative(event, &client->idle, CLOCK_MONOTONIC, IDLE_US, 1000000, on_idle,
                                   client) < 0)
        leave(client);
    return client;
}

bool control_client_gone(const struct control_client *client)
{
    return client->fd < 0;
}

bool control_client_follows(const struct control_client *client)
{
    return client->follows && client->fd >= 0;
}

void control_client_free(struct control_client *client)
{
    if (!client)
        return;
    leave(client);
    free(client);
}
