#include "agent/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "agent/alert_file.h"
#include "agent/outlet.h"
#include "agent/webhook.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#define CLOSE_WAIT (2 * NS_PER_S)
#define POLL_MS    200 /* how soon a blocked standard output notices the end */

/* Identifies alerts in the journal: journalctl MESSAGE_ID=… */
#define MESSAGE_ID "b3f2c1d08a5e4f6f9d0c7a4e51b86a2d"

struct sink {
    struct alert_file *file;
    struct outlet *to_stdout;
    struct outlet *journal;
    struct webhook *webhook;
};

/* Standard output may be a pipe whose reader sleeps; wait for it, but not past the end. */
static bool wait_writable(struct outlet *outlet)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (!outlet_stopping(outlet)) {
        int ready = poll(&out, 1, POLL_MS);
        if (ready > 0)
            return !(out.revents & (POLLERR | POLLNVAL));
        if (ready < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* In pieces that a pipe takes without blocking once it polls writable. */
static bool write_stdout(void *context, struct outlet *outlet, const char *line)
{
    (void)context;
    autofree char *text = NULL;
    int length = asprintf(&text, "%s\n", line);
    if (length < 0)
        memory_must(NULL);
    for (size_t done = 0; done < (size_t)length;) {
        size_t left = (size_t)length - done;
        if (!wait_writable(outlet))
            return false;
        ssize_t wrote = write(STDOUT_FILENO, text + done, left < 4096 ? left : 4096);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

static const char *text_of(const json_t *alert, const char *name)
{
    const char *text = json_string_value(json_object_get(alert, name));
    return text ? text : "";
}

static bool write_journal(void *context, struct outlet *outlet, const char *line)
{
    (void)context;
    (void)outlet;
    json_t *alert = json_loads(line, 0, NULL);
    const json_t *replica = json_object_get(alert, "replica");
    const char *state = text_of(alert, "state");
    bool over = strcmp(state, "closed") == 0 || strcmp(state, "accepted") == 0;
    int failed = sd_journal_send(
        "MESSAGE=%s", text_of(alert, "message"), "MESSAGE_ID=" MESSAGE_ID, "PRIORITY=%d",
        over ? LOG_NOTICE : LOG_ALERT, "SYSLOG_IDENTIFIER=skink", "SKINK_ID=%s",
        text_of(alert, "id"), "SKINK_STATE=%s", text_of(alert, "state"), "SKINK_SERVICE=%s",
        text_of(alert, "service"), "SKINK_VERSION=%s", text_of(alert, "version"),
        "SKINK_REPLICA=%s", text_of(replica, "name"), "SKINK_REPLICA_ID=%s", text_of(replica, "id"),
        "SKINK_DETECTOR=%s", text_of(alert, "detector"), "SKINK_SCORE=%lld",
        (long long)json_integer_value(json_object_get(alert, "score")), "SKINK_THRESHOLD=%lld",
        (long long)json_integer_value(json_object_get(alert, "threshold")), "SKINK_ALERT=%s", line,
        NULL);
    json_decref(alert);
    return failed >= 0;
}

static int open_outlets(struct sink *sink, const struct sink_options *options, struct error *err)
{
    struct webhook_options webhook = WEBHOOK_OPTIONS_DEFAULT;
    webhook.url = options->webhook;
    if (options->file && options->file[0] && !(sink->file = alert_file_open(options->file, err)))
        return -1;
    if (options->to_stdout &&
        !(sink->to_stdout = outlet_start("standard output", write_stdout, sink, err)))
        return -1;
    if (options->to_journal &&
        !(sink->journal = outlet_start("journald", write_journal, sink, err)))
        return -1;
    if (options->webhook && !(sink->webhook = webhook_start(&webhook, err)))
        return -1;
    return 0;
}

struct sink *sink_open(const struct sink_options *options, struct error *err)
{
    struct sink *sink = memory_must(calloc(1, sizeof *sink));
    if (open_outlets(sink, options, err) < 0) {
        sink_close(sink);
        return NULL;
    }
    return sink;
}

void sink_alert(struct sink *sink, const json_t *alert)
{
    autofree char *text = memory_must(json_dumps(alert, JSON_COMPACT));
    autofree char *line = NULL;
    if (asprintf(&line, "%s\n", text) < 0)
        memory_must(NULL);
    if (sink->file)
        alert_file_write(sink->file, line);
    if (sink->to_stdout)
        outlet_put(sink->to_stdout, text);
    if (sink->journal)
        outlet_put(sink->journal, text);
    if (sink->webhook)
        webhook_put(sink->webhook, text);
}

void sink_health(const struct sink *sink, struct sink_health *health)
{
    uint64_t sent;
    *health = (struct sink_health){0};
    if (sink->file) {
        struct alert_file_health file;
        alert_file_health(sink->file, &file);
        health->written = file.written;
        health->file_failures = file.failures;
        memcpy(health->file_error, file.error, sizeof health->file_error);
    }
    if (sink->to_stdout)
        outlet_count(sink->to_stdout, &sent, &health->stdout_dropped);
    if (sink->journal)
        outlet_count(sink->journal, &sent, &health->journal_dropped);
    if (sink->webhook)
        webhook_count(sink->webhook, &health->webhook_sent, &health->webhook_dropped);
}

void sink_close(struct sink *sink)
{
    uint64_t deadline = clock_monotonic() + CLOSE_WAIT;
    if (!sink)
        return;
    outlet_stop(sink->to_stdout, deadline);
    outlet_stop(sink->journal, deadline);
    webhook_stop(sink->webhook, deadline);
    alert_file_close(sink->file);
    free(sink);
}
