#include "service.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BODY_MAX = 64 << 10 };

struct body {
    char *data;
    size_t size;
};

static uint64_t dice(void)
{
    uint64_t number = 1;
    (void)!getrandom(&number, sizeof number, 0);
    return number;
}

static size_t append(const char *data, size_t size, size_t count, void *into)
{
    struct body *body = into;
    char *grown = size * count + body->size < BODY_MAX
                      ? realloc(body->data, body->size + size * count + 1)
                      : NULL;
    if (!grown)
        return 0;
    memcpy(grown + body->size, data, size * count);
    body->data = grown;
    body->size += size * count;
    grown[body->size] = '\0';
    return size * count;
}

json_t *call(const struct request *request, const char *service, const char *path)
{
    char url[512], header[128];
    struct body body = {0};
    (void)snprintf(url, sizeof url, "http://%s:8000%s", service, path);
    (void)snprintf(header, sizeof header, "traceparent: 00-%s-%016" PRIx64 "-01", request->trace,
                   dice());
    struct curl_slist *headers = curl_slist_append(NULL, header);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    json_t *answer =
        curl_easy_perform(curl) == CURLE_OK && body.data ? json_loads(body.data, 0, NULL) : NULL;
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(body.data);
    return answer;
}

static void read_trace(struct MHD_Connection *connection, char trace[33])
{
    const char *parent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "traceparent");
    if (parent && strlen(parent) == 55)
        (void)snprintf(trace, 33, "%s", parent + 3);
    else
        (void)snprintf(trace, 33, "%016" PRIx64 "%016" PRIx64, dice(), dice());
}

static enum MHD_Result into_object(void *object, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    (void)kind;
    json_object_set_new(object, key, json_string(value ? value : ""));
    return MHD_YES;
}

static enum MHD_Result reply(struct MHD_Connection *connection, int status, json_t *answer)
{
    char *text = json_dumps(answer, 0);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "content-type", "application/json");
    MHD_add_response_header(response, "x-replica", getenv("HOSTNAME"));
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    json_decref(answer);
    return queued;
}

static enum MHD_Result on_request(void *handle, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)version;
    if (!*state)
        return (*state = calloc(1, sizeof(struct body))) ? MHD_YES : MHD_NO;
    struct body *body = *state;
    if (*size > 0) {
        size_t taken = append(data, 1, *size, body);
        *size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    struct request request = {method, path,
                              body->data ? json_loads(body->data, 0, NULL) : json_object(), ""};
    read_trace(connection, request.trace);
    if (!body->data)
        MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, into_object, request.body);
    int status = 200;
    json_t *answer = strcmp(path, "/health") == 0
                         ? json_pack("{s:s?}", "version", getenv("VERSION"))
                         : (*(handler **)handle)(&request, &status);
    printf("%s %s %s %s %d\n", getenv("HOSTNAME"), request.trace, method, path, status);
    json_decref(request.body);
    return reply(connection, status, answer);
}

static void on_end(void *none, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode how)
{
    (void)none, (void)connection, (void)how;
    struct body *body = *state;
    if (body)
        free(body->data);
    free(body);
}

int serve(handler *handle)
{
    sigset_t ends;
    int number;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 8000, NULL, NULL, on_request, &handle,
                         MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_CONNECTION_TIMEOUT,
                         60U, MHD_OPTION_END);
    if (!daemon)
        return 1;
    (void)sigwait(&ends, &number);
    MHD_stop_daemon(daemon);
    return 0;
}
