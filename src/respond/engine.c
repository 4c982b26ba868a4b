#include "respond/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "respond/engine_ask.h"
#include "workload/fields.h"

/* A container without a health check serves when it has run so long, unless a balancer checks it.
 */
#define SETTLED (300 * NS_PER_MS)

static const struct timespec PAUSE = {.tv_nsec =
                                          50 * (long)NS_PER_MS}; /* before it is asked again */

static const json_t *networks_of(const json_t *inspect)
{
    return json_object_get(json_object_get(inspect, "NetworkSettings"), "Networks");
}

/* The same networks under the same names, but an address of its own in each. */
static json_t *join_networks(const json_t *inspect)
{
    json_t *endpoints = json_object();
    const char *name;
    json_t *network;
    json_object_foreach ((json_t *)networks_of(inspect), name, network) {
        json_t *aliases = json_object_get(network, "Aliases");
        json_object_set_new(endpoints, name, json_pack("{s:O*}", "Aliases", aliases));
    }
    return json_pack("{s:o}", "EndpointsConfig", endpoints);
}

static bool takes_host_ports(const json_t *host)
{
    const char *port;
    json_t *bindings;
    json_object_foreach (json_object_get(host, "PortBindings"), port, bindings)
        if (json_array_size(bindings) > 0)
            return true;
    return false;
}

json_t *engine_likeness(const json_t *inspect, struct error *err)
{
    const json_t *config = json_object_get(inspect, "Config");
    json_t *host = json_object_get(inspect, "HostConfig");
    if (!json_is_object(config) || !json_is_object(host)) {
        error_set(err, EXIT_MACHINE, 0, "the engine does not say how the container was made");
        return NULL;
    }
    if (takes_host_ports(host)) {
        error_set(err, EXIT_MACHINE, 0,
                  "the container has ports of the host, which a second one "
                  "cannot have (put a balancer in front)");
        return NULL;
    }
    json_t *wanted = json_deep_copy(config);
    json_object_del(wanted, "Hostname"); /* its id, unless somebody chose another */
    json_object_set(wanted, "HostConfig", host);
    json_object_set_new(wanted, "NetworkingConfig", join_networks(inspect));
    return wanted;
}

/* Lists keep what their image did not bring; what is alike goes. */
static void leave_out_list(json_t *list, const json_t *brought)
{
    const json_t *one;
    size_t i;
    json_array_foreach (brought, i, one)
        for (size_t k = json_array_size(list); k-- > 0;)
            if (json_equal(json_array_get(list, k), one))
                json_array_remove(list, k);
}

static void leave_out(json_t *wanted, const json_t *brought)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)brought, key, value) {
        json_t *own = json_object_get(wanted, key);
        if (json_equal(own, value))
            json_object_del(wanted, key);
        else if (json_is_object(own))
            leave_out(own, value);
        else if (json_is_array(own))
            leave_out_list(own, value);
    }
}

void engine_vary(json_t *likeness, const json_t *old, const char *service,
                 const struct variant *variant)
{
    leave_out(likeness, json_object_get(old, "Config"));
    json_t *labels = json_object_get(likeness, "Labels");
    labels = json_is_object(labels) ? json_incref(labels) : json_object();
    json_object_set_new(labels, "app.kubernetes.io/name", json_string(service));
    json_object_set_new(labels, "app.kubernetes.io/version", json_string(variant->name));
    json_object_set_new(likeness, "Labels", labels);
    json_object_set_new(likeness, "Image", json_string(variant_image(variant)));
}

/* As engine_ask; -1 also when it does not say what it has made. */
static int create(struct http *http, const json_t *likeness, const char *name, char *id,
                  size_t size, struct error *err)
{
    autofree char *path = NULL;
    autojson json_t *made = NULL;
    if (asprintf(&path, "/containers/create?name=%s", name) < 0)
        memory_must(NULL);
    int declined = engine_ask(http, "POST", path, likeness, &made, err);
    if (declined != 0)
        return declined;
    fields_text(json_object_get(made, "Id"), id, size);
    if (strspn(id, "0123456789abcdef") != strlen(id) || strlen(id) < 12)
        return error_set(err, EXIT_MACHINE, 0, "the engine made a container without an id");
    return 0;
}

static void take_address(const json_t *inspect, char *address, size_t size)
{
    const char *name;
    json_t *network;
    address[0] = '\0';
    json_object_foreach ((json_t *)networks_of(inspect), name, network)
        if (!address[0])
            fields_text(json_object_get(network, "IPAddress"), address, size);
}

/* 1: it serves, by its own health check when it has one; 0: not yet; -1: it has ended. settled: ns
 * after which one without a check does. */
static int health(const json_t *inspect, uint64_t started, uint64_t settled)
{
    const json_t *state = json_object_get(inspect, "State");
    const char *status =
        json_string_value(json_object_get(json_object_get(state, "Health"), "Status"));
    if (!json_is_true(json_object_get(state, "Running")))
        return -1;
    if (status && strcmp(status, "none") != 0)
        return strcmp(status, "healthy") == 0;
    return clock_passed(clock_monotonic(), started) >= settled;
}

static int await_health(struct http *http, const char *path, uint64_t settled, json_t **inspect,
                        struct error *err)
{
    uint64_t started = clock_monotonic();
    for (; clock_passed(clock_monotonic(), started) < MEASURE_START; nanosleep(&PAUSE, NULL)) {
        json_decref(*inspect);
        *inspect = NULL;
        if (engine_ask(http, "GET", path, NULL, inspect, err) != 0)
            return -1;
        int serves = health(*inspect, started, settled);
        if (serves > 0)
            return 0;
        if (serves < 0)
            return error_set(err, EXIT_MACHINE, 0, "the new container has ended");
    }
    return error_set(err, EXIT_MACHINE, 0, "the new container is not healthy in time");
}

static int start(struct http *http, const struct measure_target *target, const char *id,
                 char *address, size_t size, struct error *err)
{
    char path[WORKLOAD_TEXT + 32];
    uint64_t settled = target->rule.balancer ? 0 : SETTLED;
    autojson json_t *inspect = NULL;
    snprintf(path, sizeof path, "/containers/%s/start", id);
    if (engine_ask(http, "POST", path, NULL, NULL, err) != 0)
        return -1;
    snprintf(path, sizeof path, "/containers/%s/json", id);
    if (await_health(http, path, settled, &inspect, err) < 0)
        return -1;
    take_address(inspect, address, size);
    return 0;
}

static bool is_gone(int declined, bool late)
{
    return declined == 0 || declined == ENGINE_CONFLICT || (declined == ENGINE_NO_SUCH && !late);
}

/* late: the engine may still be about to make it. A conflict: it is being removed already. */
static void take_away(struct http *http, const char *id, bool late)
{
    struct error ignored;
    char path[WORKLOAD_TEXT + 32];
    uint64_t begun = clock_monotonic();
    snprintf(path, sizeof path, "/containers/%s?force=true", id);
    while (!is_gone(engine_ask(http, "DELETE", path, NULL, NULL, &ignored), late) &&
           clock_passed(clock_monotonic(), begun) < MEASURE_TIME_OUT)
        nanosleep(&PAUSE, NULL);
}

/* What asks for the new container; NULL (err). New reference. */
static json_t *describe(struct http *http, const struct measure_target *target, struct error *err)
{
    char path[WORKLOAD_TEXT + 128];
    autojson json_t *inspect = NULL;
    autojson json_t *image = NULL;
    snprintf(path, sizeof path, "/containers/%s/json", target->workload.id);
    if (engine_ask(http, "GET", path, NULL, &inspect, err) != 0)
        return NULL;
    json_t *likeness = engine_likeness(inspect, err);
    if (!likeness || !target->variant.name[0])
        return likeness;
    const char *old = json_string_value(json_object_get(inspect, "Image"));
    snprintf(path, sizeof path, "/images/%.100s/json", old ? old : "");
    if (engine_ask(http, "GET", path, NULL, &image, err) == 0) {
        engine_vary(likeness, image, target->workload.service, &target->variant);
        return likeness;
    }
    json_decref(likeness);
    return NULL;
}

/* An engine that fails may have made it all the same. One that declines has not: what has this name
 * is another's then. */
static bool make(struct http *http, const json_t *likeness, const char *name, char *id, size_t size,
                 struct error *err)
{
    int declined = create(http, likeness, name, id, size, err);
    if (declined < 0 || declined >= ENGINE_FAILED)
        take_away(http, name, declined < 0);
    return declined == 0;
}

int engine_start_like(const struct measure_target *target, const char *name, char *address,
                      size_t size, struct error *err)
{
    char id[WORKLOAD_TEXT];
    autojson json_t *likeness = NULL;
    autohttp struct http *http = http_new(target->engine_socket, -1, MEASURE_TIME_OUT, err);
    if (!http || !(likeness = describe(http, target, err)) ||
        !make(http, likeness, name, id, sizeof id, err))
        return -1;
    if (start(http, target, id, address, size, err) == 0)
        return 0;
    take_away(http, id, false);
    return -1;
}

void engine_take_away(const struct measure_target *target, const char *name)
{
    struct error ignored;
    autohttp struct http *http = http_new(target->engine_socket, -1, MEASURE_TIME_OUT, &ignored);
    if (http)
        take_away(http, name, false);
}

int engine_end(const struct measure_target *target, uint64_t grace, struct error *err)
{
    char path[sizeof target->workload.id + 64];
    const char *id = target->workload.id;
    autohttp struct http *http = http_new(target->engine_socket, -1, grace + MEASURE_TIME_OUT, err);
    snprintf(path, sizeof path, "/containers/%s/stop?t=%llu", id,
             (unsigned long long)(grace / NS_PER_S));
    if (!http || engine_ask(http, "POST", path, NULL, NULL, err) != 0)
        return -1;
    take_away(http, id, false); /* it may remove itself */
    return 0;
}
