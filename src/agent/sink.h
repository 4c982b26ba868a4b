/*
 * Where alerts go: a file of JSON lines, standard output, journald, an HTTP webhook. Nothing here
 * ever blocks detection: every outlet but the file has a thread and a bounded queue of its own (the
 * webhook retries with growing pauses; what is dropped is counted). The file is written at once, so
 * that an alert survives the agent; a full disk is reported once and writing tried again.
 */
#ifndef SKINK_AGENT_SINK_H
#define SKINK_AGENT_SINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sink_options {
    const char *file; /* NULL or "": none. Appended to; reopened after it was moved away */
    bool to_stdout;
    bool to_journal;
    const char *webhook; /* NULL: none */
};

struct sink_health {
    uint64_t written;       /* lines written to the file */
    uint64_t file_failures; /* lines that could not be written to the file */
    uint64_t webhook_sent;
    uint64_t webhook_dropped; /* queue full, refused, or given up after the last retry */
    uint64_t stdout_dropped;  /* standard output did not take them in time */
    uint64_t journal_dropped; /* the same for journald */
    char file_error[256];     /* the last failure, "" when the last write worked */
};

struct sink;

struct sink *sink_open(const struct sink_options *options, struct error *err);

/* One alert (or an update of one) as one JSON line to every outlet. Borrows alert. Never fails:
 * health says what went wrong. "message" in alert is what journald shows. */
void sink_alert(struct sink *sink, const json_t *alert);

void sink_health(const struct sink *sink, struct sink_health *health);

/* Waits up to 2 s for what the outlets have not delivered yet. NULL is allowed. */
void sink_close(struct sink *sink);

#endif
