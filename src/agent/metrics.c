#include "agent/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

struct metrics {
    struct MHD_Daemon *daemon;
    sd_event_source *ready; /* libmicrohttpd's epoll descriptor has something */
    sd_event_source *timer; /* libmicrohttpd wants to close idle connections */
    metrics_render render;
    void *context;
};

/* "[::1]" or "127.0.0.1" into *address, port 0. */
static socklen_t parse_host(const char *host, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    char inner[INET6_ADDRSTRLEN];
    size_t length = strlen(host);
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        return sizeof *v4;
    }
    if (length < 3 || length >= sizeof inner || host[0] != '[' || host[length - 1] != ']')
        return 0;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = '\0';
    if (inet_pton(AF_INET6, inner, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    return sizeof *v6;
}

int metrics_address(const char *text, struct sockaddr_storage *address, struct error *err)
{
    const char *colon = strrchr(text, ':');
    autofree char *host = memory_must(strndup(text, colon ? (size_t)(colon - text) : 0));
    uint64_t port = 0;
    socklen_t length = parse_host(host, address);
    if (length == 0)
        return error_set(err, EXIT_USAGE, 0,
                         "\"%s\" is not an address and a port (127.0.0.1:9469 or [::1]:9469)",
                         text);
    if (parse_u64("port", colon + 1, 0, UINT16_MAX, &port, err) < 0)
        return -1;
    /* The port lies at the same place in both kinds of address. */
    ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
    return (int)length;
}

/* Takes body over. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type,
                               char *body, size_t size)
{
    struct MHD_Response *response =
        memory_must(MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE));
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status,
                                    const char *text)
{
    return respond(connection, status, "text/plain; charset=utf-8", memory_must(strdup(text)),
                   strlen(text));
}

static enum MHD_Result respond_metrics(struct metrics *metrics, struct MHD_Connection *connection)
{
    char *body = NULL;
    size_t size = 0;
    FILE *out = memory_must(open_memstream(&body, &size));
    metrics->render(metrics->context, out);
    fclose(out);
    return respond(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", body, size);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    (void)version;
    (void)upload;
    (void)request;
    /* The first call comes before the body; a body is none of ours, so nobody waits for one. */
    *upload_size = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is answered\n");
    if (strcmp(url, "/metrics") == 0)
        return respond_metrics(context, connection);
    if (strcmp(url, "/healthz") == 0)
        return respond_text(connection, MHD_HTTP_OK, "ok\n");
    return respond_text(connection, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
}

static unsigned connections(const struct metrics *metrics)
{
    return MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

/*
 * Lets libmicrohttpd work, and asks it when it wants to be called without an event. It stops
 * listening while all connections are taken, and begins again only when it runs once more after one
 * has ended.
 */
static int run(struct metrics *metrics)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    unsigned before;
    do {
        before = connections(metrics);
        MHD_run(metrics->daemon);
    } while (connections(metrics) < before);
    if (MHD_get_timeout(metrics->daemon, &wait_ms) != MHD_YES)
        return sd_event_source_set_enabled(metrics->timer, SD_EVENT_OFF);
    sd_event_source_set_time_relative(metrics->timer, wait_ms * 1000);
    return sd_event_source_set_enabled(metrics->timer, SD_EVENT_ONESHOT);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source;
    (void)fd;
    (void)events;
    return run(context);
}

static int on_timer(sd_event_source *source, uint64_t time, void *context)
{
    (void)source;
    (void)time;
    return run(context);
}

static int attach(struct metrics *metrics, sd_event *event, struct error *err)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int failed =
        info ? sd_event_add_io(event, &metrics->ready, info->epoll_fd, EPOLLIN, on_ready, metrics)
             : -ENOTSUP;
    if (failed >= 0)
        failed = sd_event_add_time_relative(event, &metrics->timer, CLOCK_MONOTONIC, 0, 10000,
                                            on_timer, metrics);
    return failed < 0 ? error_set(err, EXIT_MACHINE, -failed, "cannot serve metrics") : 0;
}

struct metrics *metrics_open(sd_event *event, const char *listen, metrics_render render,
                             void *context, struct error *err)
{
    struct sockaddr_storage address;
    if (metrics_address(listen, &address, err) < 0) {
        error_context(err, "metrics");
        return NULL;
    }
    struct metrics *metrics = memory_must(calloc(1, sizeof *metrics));
    metrics->render = render;
    metrics->context = context;
    unsigned flags = MHD_USE_EPOLL | (address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    errno = 0;
    metrics->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, metrics, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        METRICS_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 0U, MHD_OPTION_END);
    if (!metrics->daemon) {
        error_set(err, EXIT_MACHINE, errno, "cannot serve metrics on %s", listen);
        metrics_close(metrics);
        return NULL;
    }
    if (attach(metrics, event, err) < 0) {
        metrics_close(metrics);
        return NULL;
    }
    return metrics;
}

unsigned metrics_port(const struct metrics *metrics)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void metrics_close(struct metrics *metrics)
{
    if (!metrics)
        return;
    sd_event_source_disable_unref(metrics->ready);
    sd_event_source_disable_unref(metrics->timer);
    if (metrics->daemon)
        MHD_stop_daemon(metrics->daemon);
    free(metrics);
}
