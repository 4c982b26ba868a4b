/* The HTTP webhook: each alert by POST, retried with growing pauses. */
#ifndef SKINK_AGENT_WEBHOOK_H
#define SKINK_AGENT_WEBHOOK_H

#include <stdint.h>

#include "agent/outlet.h"

struct webhook_options {
    const char *url;
    uint32_t tries;
    uint64_t pause_ns; /* after the first failure; four times as long after each further one */
    uint64_t pause_max_ns;
    uint64_t timeout_ms; /* for a whole request; half of it to connect */
};

/* Five tries, after pauses of 0.5 s, 2 s, 8 s and 30 s; ten seconds for each. */
#define WEBHOOK_OPTIONS_DEFAULT \
    ((struct webhook_options){  \
        .tries = 5, .pause_ns = 500000000, .pause_max_ns = 30000000000, .timeout_ms = 10000})

struct webhook;

/* Copies options. */
struct webhook *webhook_start(const struct webhook_options *options, struct error *err);
void webhook_put(struct webhook *webhook, const char *line);
void webhook_count(struct webhook *webhook, uint64_t *sent, uint64_t *dropped);

/* As outlet_stop; a request under way may take a second longer. NULL is allowed. */
void webhook_stop(struct webhook *webhook, uint64_t deadline);

#endif
