/*
 * The metrics: Prometheus text over HTTP (GET /metrics; GET /healthz answers "ok"), served from the
 * agent's own event loop. Text format: Prometheus exposition formats, "Text-based format" 0.0.4.
 */
#ifndef SKINK_AGENT_METRICS_H
#define SKINK_AGENT_METRICS_H

#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "base/error.h"

#define METRICS_CONNECTIONS 16 /* at a time */
#define METRICS_TIMEOUT_S   5  /* an idle connection is closed */

struct metrics;

/* Writes all metrics to out, by metrics_family and metrics_sample. */
typedef void (*metrics_render)(void *context, FILE *out);

/* listen: an address as metrics_address takes it. event is borrowed. */
struct metrics *metrics_open(sd_event *event, const char *listen, metrics_render render,
                             void *context, struct error *err);

/* The port listened on (useful after "127.0.0.1:0"). */
unsigned metrics_port(const struct metrics *metrics);

/* NULL is allowed. */
void metrics_close(struct metrics *metrics);

/* "127.0.0.1:9469" or "[::1]:9469", numbers only; port 0: any free one. Returns the length of
 * *address, -1 on error. */
int metrics_address(const char *text, struct sockaddr_storage *address, struct error *err);

/* The head of one metric, once before its samples; type: "counter" or "gauge". */
void metrics_family(FILE *out, const char *name, const char *type, const char *help);

/*
 * One sample with its labels, pairs of name and value ended by NULL:
 *     metrics_sample(out, "skink_calls_total", calls, "service", service, NULL);
 * Label values may hold any bytes; they are escaped.
 */
void metrics_sample(FILE *out, const char *name, double value, ...) __attribute__((sentinel));

#endif
