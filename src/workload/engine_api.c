#include "workload/engine_api.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "workload/cgroup_name.h"
#include "workload/engine_parse.h"
#include "workload/http.h"

#define RETRY_FIRST_NS (NS_PER_S / 2)
#define RETRY_LAST_NS  (10 * NS_PER_S)

/* A silent event stream says nothing about the engine: it is asked for a sign of life. */
#define PING_NS (10 * NS_PER_S)

/* {"type":["container"]} and {"status":["created","running","paused"]}; Podman knows no others. */
#define EVENTS_PATH "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D&since="
#define LIST_PATH                                                                          \
    "/containers/json?all=1&filters=%7B%22status%22%3A%5B%22created%22%2C%22running%22%2C" \
    "%22paused%22%5D%7D"

struct engine_api {
    enum workload_engine engine;
    const char *socket;
    const struct workload_options *options;
    struct registry *registry;
    int stop_fd, wake_fd;
    pthread_t thread;
    bool up;       /* ENGINE_UP was the last report */
    bool was_up;   /* it has been there since we look */
    bool reported; /* its being down has been reported */
};

/*
 * The container's cgroup by its first process. An engine is believed only as far as the path holds
 * the container's id: a wrong pid must not make the host's own processes anybody's replica.
 */
static void locate(const struct engine_api *api, struct workload *workload)
{
    struct error err;
    char *path = workload->cgroup_path;
    size_t length = 0;
    if (workload->pid != 0 && cgroup_of_process(&api->options->hierarchy, workload->pid, path,
                                                sizeof workload->cgroup_path, &err) == 0)
        length = cgroup_name_find(path, workload->id);
    path[length] = '\0';
    if (length == 0 || cgroup_key(&api->options->hierarchy, path, &workload->cgroup, &err) < 0) {
        path[0] = '\0';
        workload->cgroup = 0;
        workload->pid = 0;
    }
}

/* Asks for one container and passes on what it is. */
static int inspect(struct engine_api *api, struct http *http, const char *id, struct error *err)
{
    char path[128];
    autofree char *body = NULL;
    size_t size;
    struct description description = {0};
    snprintf(path, sizeof path, "/containers/%.64s/json", id);
    int status = http_get(http, path, &body, &size, err);
    if (status < 0)
        return -1;
    if (status == 404) {
        registry_forget(api->registry, api->engine, id);
        return 0;
    }
    if (status != 200)
        return error_set(err, EXIT_MACHINE, 0, "%s: answers %s with status %d", api->socket, path,
                         status);
    if (engine_parse_inspect(body, size, &description, err) < 0)
        return error_context(err, "%s", api->socket);
    description.workload.engine = api->engine;
    if (strcmp(description.workload.id, id) != 0 || classify_is_sandbox(&description)) {
        description_free(&description);
        registry_forget(api->registry, api->engine, id);
        return 0;
    }
    locate(api, &description.workload);
    registry_learn(api->registry, &description);
    return 0;
}

static int list(struct engine_api *api, struct http *http, struct error *err)
{
    autofree char *body = NULL;
    autofree container_id *ids = NULL;
    size_t size, count = 0;
    int status = http_get(http, LIST_PATH, &body, &size, err);
    if (status < 0)
        return -1;
    if (status != 200)
        return error_set(err, EXIT_MACHINE, 0, "%s: answers /containers/json with status %d",
                         api->socket, status);
    if (engine_parse_list(body, size, &ids, &count, err) < 0)
        return error_context(err, "%s", api->socket);
    registry_list_begin(api->registry, api->engine);
    for (size_t i = 0; i < count; i++)
        if (inspect(api, http, ids[i], err) < 0)
            return -1;
    registry_list_end(api->registry, api->engine);
    return 0;
}

static int handle_event(struct engine_api *api, struct http *http, const char *line, size_t size,
                        struct error *err)
{
    enum engine_action action;
    container_id id;
    if (engine_parse_event(line, size, &action, id, err) < 0)
        return error_context(err, "%s", api->socket);
    switch (action) {
    case ACTION_CREATE:
    case ACTION_START:
        return inspect(api, http, id, err);
    case ACTION_DIE:
        registry_ended(api->registry, api->engine, id);
        return 0;
    case ACTION_REMOVE:
        registry_forget(api->registry, api->engine, id);
        return 0;
    case ACTION_OTHER:
        return 0;
    }
    return 0;
}

static int handle_questions(struct engine_api *api, struct http *http, struct error *err)
{
    char id[WORKLOAD_TEXT];
    eventfd_t woken;
    eventfd_read(api->wake_fd, &woken);
    while (registry_asked(api->registry, api->engine, id))
        if (inspect(api, http, id, err) < 0)
            return -1;
    return 0;
}

static int ping(struct http *http, struct error *err)
{
    autofree char *body = NULL;
    size_t size;
    return http_get(http, "/_ping", &body, &size, err) < 0 ? -1 : 0;
}

/* Follows the engine until it fails or we are to stop; always returns -1 with the reason. */
static int follow(struct engine_api *api, struct http *http, struct error *err)
{
    uint64_t pinged = clock_monotonic();
    const char *line;
    size_t size;
    for (;;) {
        int got = http_stream_next(http, api->wake_fd, PING_NS, &line, &size, err);
        if (got < 0 || (got > 0 && handle_event(api, http, line, size, err) < 0) ||
            handle_questions(api, http, err) < 0)
            return -1;
        if (got == 0 && clock_monotonic() - pinged >= PING_NS) {
            if (ping(http, err) < 0)
                return -1;
            pinged = clock_monotonic();
        }
    }
}

static int session(struct engine_api *api, struct error *err)
{
    char path[256];
    struct http *http = http_new(api->socket, api->stop_fd, api->options->timeout_ns, err);
    if (!http)
        return -1;
    /* From a second ago on: the stream overlaps the list, so that nothing falls between. */
    snprintf(path, sizeof path, "%s%llu", EVENTS_PATH,
             (unsigned long long)(clock_realtime() / NS_PER_S - 1));
    if (http_stream_open(http, path, err) == 0 && list(api, http, err) == 0) {
        api->up = api->was_up = true;
        api->reported = false;
        registry_engine(api->registry, api->engine, true, "");
        follow(api, http, err);
    }
    http_free(http);
    return -1;
}

static bool stopping(const struct engine_api *api, uint64_t wait_ns)
{
    struct pollfd stop = {.fd = api->stop_fd, .events = POLLIN};
    return poll(&stop, 1, (int)(wait_ns / NS_PER_MS)) > 0;
}

/* An engine that was never there is not down. */
static void report_down(struct engine_api *api, const struct error *err)
{
    bool absent = !api->was_up && access(api->socket, F_OK) < 0;
    if (!absent && !api->reported) {
        registry_engine(api->registry, api->engine, false, err->text);
        api->reported = true;
    }
    api->up = false;
}

static void *run(void *context)
{
    struct engine_api *api = context;
    uint64_t pause = RETRY_FIRST_NS;
    struct error err;
    while (!stopping(api, 0)) {
        session(api, &err);
        if (stopping(api, 0))
            break;
        pause = api->up ? RETRY_FIRST_NS : pause;
        report_down(api, &err);
        if (stopping(api, pause))
            break;
        pause = 2 * pause < RETRY_LAST_NS ? 2 * pause : RETRY_LAST_NS;
    }
    return NULL;
}

struct engine_api *engine_api_start(enum workload_engine engine, const char *socket,
                                    const struct workload_options *options,
                                    struct registry *registry, int stop_fd, struct error *err)
{
    struct engine_api *api = calloc(1, sizeof *api);
    if (!api) {
        error_set(err, EXIT_MACHINE, errno, "cannot watch %s", socket);
        return NULL;
    }
    *api = (struct engine_api){
        .engine = engine,
        .socket = socket,
        .options = options,
        .registry = registry,
        .stop_fd = stop_fd,
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    int failed = api->wake_fd < 0 ? errno : pthread_create(&api->thread, NULL, run, api);
    if (failed) {
        error_set(err, EXIT_MACHINE, failed, "cannot watch %s", socket);
        if (api->wake_fd >= 0)
            close(api->wake_fd);
        free(api);
        return NULL;
    }
    return api;
}

void engine_api_wake(struct engine_api *api)
{
    eventfd_write(api->wake_fd, 1);
}

void engine_api_join(struct engine_api *api)
{
    if (!api)
        return;
    pthread_join(api->thread, NULL);
    close(api->wake_fd);
    free(api);
}
