/*
 * Requests to an engine's unix socket that cannot hold us up: every wait ends by a time-out or when
 * `stop_fd` becomes readable, every answer has an upper bound.
 */
#ifndef SKINK_WORKLOAD_HTTP_H
#define SKINK_WORKLOAD_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HTTP_BODY_MAX (16u << 20)
#define HTTP_LINE_MAX (1u << 20)

struct http;

/* Opens nothing yet. Borrows both; timeout_ns is for connecting and for each whole answer. */
struct http *http_new(const char *socket, int stop_fd, uint64_t timeout_ns, struct error *err);
void http_free(struct http *http);

/* GET path: returns the status and the body (NUL-terminated, to be freed), -1 on failure. */
int http_get(struct http *http, const char *path, char **body, size_t *size, struct error *err);

/* The same with another method ("POST", "DELETE") and, unless it is NULL, a JSON document. */
int http_send(struct http *http, const char *method, const char *path, const char *json,
              char **body, size_t *size, struct error *err);

/* Begins an endless answer and waits until it has begun. */
int http_stream_open(struct http *http, const char *path, struct error *err);

/*
 * The next line of it, valid until the next call: 1; 0 after wait_ns without one or when wake_fd
 * became readable; -1 when the stream is over.
 */
int http_stream_next(struct http *http, int wake_fd, uint64_t wait_ns, const char **line,
                     size_t *size, struct error *err);

#endif
