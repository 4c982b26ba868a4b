/*
 * A container that stands still, or goes on as a decoy, after its successor took over. Its engine
 * would start it again when it ends, with what the intruder left in its writable layer.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "respond/engine.h"
#include "respond/engine_ask.h"
#include "respond/token.h"
#include "workload/cgroup_name.h"
#include "workload/fields.h"

/* No other text becomes a part of a request. */
static const char *container_of(const json_t *token)
{
    const char *id = token_text(token, "container");
    return is_container_id(id, strlen(id)) ? id : NULL;
}

static int update(struct http *http, const char *id, const json_t *restart, struct error *err)
{
    char path[WORKLOAD_TEXT + 64];
    autojson json_t *wanted = json_pack("{s:O}", "RestartPolicy", restart);
    snprintf(path, sizeof path, "/containers/%s/update", id);
    return engine_ask(http, "POST", path, wanted, NULL, err);
}

static int never_again(struct http *http, const char *id, struct error *err)
{
    autojson json_t *never = json_pack("{s:s}", "Name", "no");
    return update(http, id, never, err);
}

static bool restarts(const json_t *policy)
{
    const char *name = json_string_value(json_object_get(policy, "Name"));
    return name && *name && strcmp(name, "no") != 0;
}

/* How the engine treats its end, in *policy (new reference). As engine_ask. */
static int ask_policy(struct http *http, const char *id, json_t **policy, struct error *err)
{
    char path[WORKLOAD_TEXT + 64];
    autojson json_t *inspect = NULL;
    snprintf(path, sizeof path, "/containers/%s/json", id);
    int declined = engine_ask(http, "GET", path, NULL, &inspect, err);
    *policy = json_incref(json_object_get(json_object_get(inspect, "HostConfig"), "RestartPolicy"));
    return declined;
}

static int hold(struct http *http, const char *id, json_t *token, struct error *err)
{
    autojson json_t *policy = NULL;
    if (ask_policy(http, id, &policy, err) != 0)
        return -1;
    if (!restarts(policy))
        return 0;
    json_object_set(token, "restart", policy);
    return never_again(http, id, err);
}

void engine_hold(const struct measure_target *target, json_t *token)
{
    struct error err;
    const struct workload *workload = &target->workload;
    if (!target->engine_socket)
        return;
    json_object_set_new(token, "engine", json_string(workload_engine_name(workload->engine)));
    json_object_set_new(token, "container", json_string(workload->id));
    autohttp struct http *http = http_new(target->engine_socket, -1, MEASURE_TIME_OUT, &err);
    const char *id = container_of(token);
    if (id && (!http || hold(http, id, token, &err) != 0))
        log_warn("%s: should it end before its time, its engine may start it again: %s",
                 workload->name, err.text);
}

int engine_release(const char *socket, const json_t *token, struct error *err)
{
    const char *id = container_of(token);
    const json_t *policy = json_object_get(token, "restart");
    if (!socket || !id || !policy)
        return 0;
    autohttp struct http *http = http_new(socket, -1, MEASURE_TIME_OUT, err);
    int declined = http ? update(http, id, policy, err) : -1;
    return declined == 0 || declined == ENGINE_NO_SUCH ? 0 : -1;
}

/* Podman before 5.1 changes no policy, but does not start again whom it was told to kill. */
static int finish(struct http *http, const char *id, struct error *err)
{
    char path[WORKLOAD_TEXT + 64];
    struct error ignored; /* whether it was heard is seen next */
    autojson json_t *policy = NULL;
    never_again(http, id, &ignored);
    int declined = ask_policy(http, id, &policy, err);
    if (declined != 0 || !restarts(policy))
        return declined;
    snprintf(path, sizeof path, "/containers/%s/kill?signal=KILL", id);
    return engine_ask(http, "POST", path, NULL, NULL, err);
}

int engine_finish(const char *socket, const json_t *token, struct error *err)
{
    const char *id = container_of(token);
    if (!socket || !id)
        return 0;
    autohttp struct http *http = http_new(socket, -1, MEASURE_TIME_OUT, err);
    int declined = http ? finish(http, id, err) : -1;
    return declined == 0 || declined == ENGINE_NO_SUCH || declined == ENGINE_CONFLICT ? 0 : -1;
}
