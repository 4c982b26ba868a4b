#include "workload/http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* What one look at the stream may bring, many lines together; one line has a bound of its own. */
#define STREAM_BUFFER_MAX (4 * HTTP_LINE_MAX)

/* One transfer with a multi handle of its own: a request may be made between a stream's lines. */
struct transfer {
    CURLM *multi;
    CURL *easy;
    char *text;
    size_t used, room;
    size_t max;   /* of text */
    size_t taken; /* lines handed out already, in bytes */
    bool too_long;
    bool active;
    bool over; /* complete; lines may be left */
};

struct http {
    const char *socket;
    int stop_fd;
    long timeout_ms;
    struct transfer request, stream;
};

static int grow(struct transfer *transfer, size_t more)
{
    size_t room = transfer->room ? transfer->room : 4096;
    while (room < transfer->used + more + 1)
        room *= 2;
    char *larger = realloc(transfer->text, room);
    if (!larger)
        return -1;
    transfer->text = larger;
    transfer->room = room;
    return 0;
}

static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t size = unit * count;
    transfer->too_long = transfer->used - transfer->taken + size > transfer->max;
    if (transfer->too_long ||
        (transfer->used + size + 1 > transfer->room && grow(transfer, size) < 0))
        return 0;
    memcpy(transfer->text + transfer->used, data, size);
    transfer->used += size;
    transfer->text[transfer->used] = '\0';
    return size;
}

static int transfer_init(struct transfer *transfer, struct http *http, size_t max, bool bounded)
{
    transfer->multi = curl_multi_init();
    transfer->easy = curl_easy_init();
    transfer->max = max;
    if (!transfer->multi || !transfer->easy)
        return -1;
    curl_easy_setopt(transfer->easy, CURLOPT_UNIX_SOCKET_PATH, http->socket);
    curl_easy_setopt(transfer->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, http->timeout_ms);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    if (bounded)
        curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, http->timeout_ms);
    return 0;
}

static void transfer_free(struct transfer *transfer)
{
    if (transfer->active)
        curl_multi_remove_handle(transfer->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_multi_cleanup(transfer->multi);
    free(transfer->text);
}

struct http *http_new(const char *socket, int stop_fd, uint64_t timeout_ns, struct error *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        error_set(err, EXIT_MACHINE, 0, "out of memory");
        return NULL;
    }
    http->socket = socket;
    http->stop_fd = stop_fd;
    http->timeout_ms = (long)(timeout_ns / NS_PER_MS);
    if (transfer_init(&http->request, http, HTTP_BODY_MAX, true) < 0 ||
        transfer_init(&http->stream, http, STREAM_BUFFER_MAX, false) < 0) {
        error_set(err, EXIT_MACHINE, 0, "cannot prepare requests to %s", socket);
        http_free(http);
        return NULL;
    }
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    transfer_free(&http->request);
    transfer_free(&http->stream);
    free(http);
}

static int begin(struct transfer *transfer, const char *path, struct error *err)
{
    autofree char *url = NULL;
    if (asprintf(&url, "http://localhost%s", path) < 0)
        return error_set(err, EXIT_MACHINE, 0, "out of memory");
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    transfer->used = transfer->taken = 0;
    transfer->too_long = transfer->over = false;
    if (!transfer->text && grow(transfer, 0) < 0)
        return error_set(err, EXIT_MACHINE, 0, "out of memory");
    transfer->text[0] = '\0';
    if (curl_multi_add_handle(transfer->multi, transfer->easy) != CURLM_OK)
        return error_set(err, EXIT_MACHINE, 0, "cannot begin a request");
    transfer->active = true;
    return 0;
}

static int failure(const struct http *http, const struct transfer *transfer, CURLcode code,
                   struct error *err)
{
    long errnum = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &errnum);
    if (transfer->too_long)
        return error_set(err, EXIT_MACHINE, 0, "%s: an answer has no end", http->socket);
    if (code == CURLE_COULDNT_CONNECT)
        return error_set(err, EXIT_MACHINE, (int)errnum, "cannot connect to %s", http->socket);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, EXIT_MACHINE, 0, "%s: no answer within %ld ms", http->socket,
                         http->timeout_ms);
    return error_set(err, EXIT_MACHINE, 0, "%s: %s", http->socket,
                     code == CURLE_OK ? "the connection was closed" : curl_easy_strerror(code));
}

/* Lets the transfer go on: 1 it goes on, 0 it is complete, -1 it failed. */
static int advance(struct http *http, struct transfer *transfer, struct error *err)
{
    int running = 0, left = 0;
    curl_multi_perform(transfer->multi, &running);
    CURLMsg *message = curl_multi_info_read(transfer->multi, &left);
    if (!message)
        return 1;
    CURLcode code = message->data.result;
    return code == CURLE_OK ? 0 : failure(http, transfer, code, err);
}

/* Waits for the transfer, stop_fd or wake_fd (-1: none); -1 when it is stop_fd. */
static int wait_for(struct http *http, struct transfer *transfer, int wake_fd, int wait_ms,
                    bool *woken, struct error *err)
{
    struct curl_waitfd fds[2] = {
        {.fd = http->stop_fd, .events = CURL_WAIT_POLLIN},
        {.fd = wake_fd, .events = CURL_WAIT_POLLIN},
    };
    curl_multi_poll(transfer->multi, fds, wake_fd >= 0 ? 2 : 1, wait_ms, NULL);
    *woken = fds[1].revents != 0;
    if (fds[0].revents)
        return error_set(err, EXIT_MACHINE, 0, "%s: stopped", http->socket);
    return 0;
}

static void end(struct transfer *transfer)
{
    curl_multi_remove_handle(transfer->multi, transfer->easy);
    transfer->active = false;
}

int http_get(struct http *http, const char *path, char **body, size_t *size, struct error *err)
{
    struct transfer *transfer = &http->request;
    bool woken;
    int going;
    if (begin(transfer, path, err) < 0)
        return -1;
    while ((going = advance(http, transfer, err)) > 0)
        if (wait_for(http, transfer, -1, 1000, &woken, err) < 0) {
            going = -1;
            break;
        }
    long status = -1;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    end(transfer);
    if (going < 0)
        return -1;
    *body = take_pointer(transfer->text);
    *size = transfer->used;
    transfer->room = 0;
    return (int)status;
}

int http_send(struct http *http, const char *method, const char *path, const char *json,
              char **body, size_t *size, struct error *err)
{
    CURL *easy = http->request.easy;
    struct curl_slist *type = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, type);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json ? json : "");
    int status = http_get(http, path, body, size, err);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_slist_free_all(type);
    return status;
}

int http_stream_open(struct http *http, const char *path, struct error *err)
{
    struct transfer *transfer = &http->stream;
    uint64_t patience = clock_monotonic() + (uint64_t)http->timeout_ms * NS_PER_MS;
    long status = 0;
    bool woken;
    if (transfer->active)
        end(transfer);
    if (begin(transfer, path, err) < 0)
        return -1;
    while (status == 0) {
        int going = advance(http, transfer, err);
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        if (going < 0)
            return -1;
        transfer->over = going == 0;
        if (status == 0 && transfer->over)
            return failure(http, transfer, CURLE_OK, err);
        if (status == 0 && clock_monotonic() > patience)
            return failure(http, transfer, CURLE_OPERATION_TIMEDOUT, err);
        if (status == 0 && wait_for(http, transfer, -1, 100, &woken, err) < 0)
            return -1;
    }
    if (status != 200)
        return error_set(err, EXIT_MACHINE, 0, "%s: answers %s with status %ld", http->socket, path,
                         status);
    return 0;
}

/* Hands out the next complete line; drops those handed out before when it has none. */
static bool take_line(struct transfer *transfer, const char **line, size_t *size)
{
    char *start = transfer->text + transfer->taken;
    char *newline = memchr(start, '\n', transfer->used - transfer->taken);
    if (!newline) {
        if (transfer->taken > 0)
            memmove(transfer->text, start, transfer->used - transfer->taken);
        transfer->used -= transfer->taken;
        transfer->taken = 0;
        return false;
    }
    *line = start;
    *size = (size_t)(newline - start);
    transfer->taken += *size + 1;
    return true;
}

int http_stream_next(struct http *http, int wake_fd, uint64_t wait_ns, const char **line,
                     size_t *size, struct error *err)
{
    struct transfer *transfer = &http->stream;
    uint64_t until = clock_monotonic() + wait_ns;
    bool woken = false;
    while (!take_line(transfer, line, size)) {
        uint64_t now = clock_monotonic();
        transfer->too_long = transfer->used > HTTP_LINE_MAX;
        if (transfer->over || transfer->too_long)
            return failure(http, transfer, CURLE_OK, err);
        if (woken || now >= until)
            return 0;
        int wait_ms = (int)((until - now) / NS_PER_MS) + 1;
        if (wait_for(http, transfer, wake_fd, wait_ms, &woken, err) < 0)
            return -1;
        int going = advance(http, transfer, err);
        if (going < 0)
            return -1;
        transfer->over = going == 0;
    }
    return 1;
}
