#include "campaign/daemon.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

/* A stretch of time, as the lines of JSON have it: texts that sort by time. */
struct stretch {
    char begin[CLOCK_TEXT], end[CLOCK_TEXT];
};

static json_t *ask(const char *socket, const char *verb, struct error *err)
{
    json_t *request = json_pack("{s:s}", "verb", verb), *reply = NULL;
    control_ask(socket, request, &reply, err);
    json_decref(request);
    return reply;
}

json_t *daemon_status(const char *socket)
{
    struct error nobody;
    return ask(socket, "status", &nobody);
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

bool daemon_learned(const json_t *status, const char *containers)
{
    size_t i, j, replicas = 0;
    const json_t *service, *replica;
    json_array_foreach (json_object_get(status, "services"), i, service)
        json_array_foreach (json_object_get(service, "replicas"), j, replica) {
            if (fnmatch(containers, text_of(replica, "name"), 0) != 0)
                continue;
            replicas++;
            if (strcmp(text_of(service, "mode"), "watching") != 0 ||
                json_is_true(json_object_get(replica, "learning_start")))
                return false;
        }
    return replicas > 0;
}

json_t *daemon_json(const json_t *status, bool learned)
{
    const json_t *agent = json_object_get(status, "agent");
    return json_pack("{s:s s:b s:{s:O* s:O*}}", "version", text_of(agent, "version"), "learned",
                     learned, "settings", "window", json_object_get(agent, "window"), "bag",
                     json_object_get(agent, "bag"));
}

/* ---- what it told ---- */

static bool within(const struct stretch *stretch, const char *time)
{
    return strcmp(time, stretch->begin) >= 0 && strcmp(time, stretch->end) <= 0;
}

/* The lines of a file that were told within the stretch. A file that is not there has none. */
static int copy_lines(const char *from, FILE *to, const struct stretch *stretch, struct error *err)
{
    autofile FILE *file = from[0] ? fopen(from, "re") : NULL;
    autofree char *line = NULL;
    size_t size = 0;
    if (!file)
        return from[0] && errno != ENOENT ? error_set(err, EXIT_USAGE, errno, "%s", from) : 0;
    for (ssize_t length; (length = getline(&line, &size, file)) > 0;) {
        json_t *json = line[length - 1] == '\n' ? json_loads(line, 0, NULL) : NULL;
        if (within(stretch, text_of(json, "time")))
            fputs(line, to);
        json_decref(json);
    }
    return ferror(file) ? error_set(err, EXIT_USAGE, errno, "%s", from) : 0;
}

static int write_flows(const char *socket, FILE *to, const struct stretch *stretch,
                       struct error *err)
{
    size_t i;
    const json_t *flow;
    json_t *reply = ask(socket, "flows", err);
    json_array_foreach (json_object_get(reply, "flows"), i, flow)
        if (strcmp(text_of(flow, "last_seen"), stretch->begin) >= 0) {
            json_dumpf(flow, to, JSON_COMPACT);
            fputc('\n', to);
        }
    json_decref(reply);
    return reply ? 0 : -1;
}

static FILE *create(const char *directory, const char *name, struct error *err)
{
    autofree char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        memory_must(NULL);
    FILE *file = fopen(path, "we");
    if (!file)
        error_set(err, EXIT_USAGE, errno, "%s", path);
    return file;
}

int daemon_collect(const char *socket, const json_t *status, const char *directory, uint64_t begin,
                   uint64_t end, struct error *err)
{
    const json_t *agent = json_object_get(status, "agent");
    struct stretch stretch;
    autofree char *incidents_file = NULL;
    if (asprintf(&incidents_file, "%s/incidents.jsonl", text_of(agent, "state_dir")) < 0)
        memory_must(NULL);
    clock_format(begin, stretch.begin);
    clock_format(end, stretch.end);
    autofile FILE *alerts = create(directory, "alerts.jsonl", err);
    autofile FILE *incidents = create(directory, "incidents.jsonl", err);
    autofile FILE *flows = create(directory, "flows.jsonl", err);
    if (!alerts || !incidents || !flows)
        return -1;
    if (!status)
        return 0;
    int failed = copy_lines(text_of(agent, "alert_file"), alerts, &stretch, err);
    failed |= copy_lines(incidents_file, incidents, &stretch, err);
    failed |= write_flows(socket, flows, &stretch, err);
    if (fflush(alerts) != 0 || fflush(incidents) != 0 || fflush(flows) != 0)
        failed = error_set(err, EXIT_USAGE, errno, "%s: writing failed", directory);
    return failed;
}
