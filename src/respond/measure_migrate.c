/*
 * Migrate: the replica goes on at another site, with its memory, its addresses and its open
 * connections. There it is away from its neighbours, and behind that site's own packet filter.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "respond/criu.h"
#include "respond/evidence_store.h"
#include "respond/measures.h"
#include "respond/site.h"
#include "respond/token.h"
#include "workload/fields.h"

#define CONFIG_MAX (1u << 20)

/* One way: from the network that the replica is in to another one. */
struct journey {
    const struct measure_kernel *kernel;
    struct criu_container container;
    const char *from, *to;   /* files of network namespaces */
    const char *home, *away; /* the bundles for them */
    const char *images;
    struct site_move move;
};

/* ---- bundles ---- */

static json_t *read_bundle(const char *bundle, struct error *err)
{
    char path[PATH_MAX];
    size_t size;
    snprintf(path, sizeof path, "%s/config.json", bundle);
    autofree char *text = read_whole(path, CONFIG_MAX, &size);
    if (text)
        return fields_parse(path, text, size, err);
    error_set(err, EXIT_MACHINE, 0, "%s: cannot be read", path);
    return NULL;
}

/* Its network namespace's entry, when that is given by a path. */
static json_t *network_of(const json_t *config)
{
    const json_t *spaces = json_object_get(json_object_get(config, "linux"), "namespaces");
    json_t *space;
    size_t i;
    json_array_foreach (spaces, i, space) {
        const char *type = json_string_value(json_object_get(space, "type"));
        if (type && strcmp(type, "network") == 0 && json_object_get(space, "path"))
            return space;
    }
    return NULL;
}

/* The same container in another network; everything else stays where it is. */
static int write_bundle(const struct criu_container *container, const char *network,
                        const char *bundle, struct error *err)
{
    char path[2 * PATH_MAX];
    autojson json_t *config = read_bundle(container->bundle, err);
    json_t *space = network_of(config);
    json_t *root = json_object_get(config, "root");
    const char *place = json_string_value(json_object_get(root, "path"));
    if (!space || !place)
        return error_set(err, EXIT_MACHINE, 0, "%s: has no network by a path, or no root",
                         container->bundle);
    if (place[0] != '/') {
        snprintf(path, sizeof path, "%s/%s", container->bundle, place);
        json_object_set_new(root, "path", json_string(path));
    }
    json_object_set_new(space, "path", json_string(network));
    snprintf(path, sizeof path, "%s/config.json", bundle);
    if (mkdir(bundle, 0700) < 0 || json_dump_file(config, path, JSON_INDENT(1)) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: cannot be written", path);
    return 0;
}

/* ---- the way ---- */

static int settle(const struct journey *journey, const char *network, const char *bundle,
                  struct error *err)
{
    if (criu_restore(&journey->container, journey->kernel, bundle, journey->images, err) < 0)
        return -1;
    return site_open(network, err);
}

/* The processes are gone already: they are made again where they were. */
static int turn_back(const struct journey *journey, struct error *err)
{
    struct error why;
    if (site_take_over(journey->to, journey->from, &journey->move, &why) < 0 ||
        settle(journey, journey->from, journey->home, &why) < 0)
        return error_hint(err, "and it is lost: %.300s", why.text);
    return error_hint(err, "it goes on where it was");
}

static int travel(struct journey *journey, double *pause_ms, struct error *err)
{
    if (criu_works(err) < 0 || site_is_free(journey->to, err) < 0 ||
        site_look(journey->from, &journey->move, err) < 0)
        return -1;
    uint64_t begun = clock_monotonic();
    if (criu_dump(&journey->container, journey->kernel, journey->images, false, err) < 0)
        return -1;
    if (site_take_over(journey->from, journey->to, &journey->move, err) < 0 ||
        settle(journey, journey->to, journey->away, err) < 0)
        return turn_back(journey, err);
    *pause_ms = (double)clock_passed(clock_monotonic(), begun) / (double)NS_PER_MS;
    return 0;
}

/* ---- the measure ---- */

static int check(const struct measure_target *target, struct error *err)
{
    struct criu_container container;
    if (!target->rule.migrate)
        return error_set(err, EXIT_MACHINE, 0, "no other site is configured (respond.migrate)");
    if (target->workload.engine != ENGINE_OCI)
        return error_set(err, EXIT_MACHINE, 0, "its engine would lose it: runc's own alone");
    if (quarantine_possible(target, err) < 0 || criu_installed(err) < 0 ||
        criu_find(target->runc, target->workload.id, &container, err) < 0)
        return -1;
    autojson json_t *config = read_bundle(container.bundle, err);
    if (config && !network_of(config))
        error_set(err, EXIT_MACHINE, 0, "%s: its network is not given by a path",
                  target->workload.name);
    return config && network_of(config) ? 0 : -1;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    char directory[PATH_MAX], images[PATH_MAX + 16], bundle[PATH_MAX + 16];
    double pause_ms = 0;
    struct journey journey = {
        .kernel = &target->kernel, .to = target->rule.migrate, .images = images, .away = bundle};
    if (criu_find(target->runc, target->workload.id, &journey.container, err) < 0 ||
        evidence_place(target, directory, err) < 0 ||
        criu_fits(&journey.container, directory, target->evidence_max, err) < 0)
        return -1;
    snprintf(images, sizeof images, "%s/memory", directory);
    snprintf(bundle, sizeof bundle, "%s/bundle", directory);
    autojson json_t *config = read_bundle(journey.container.bundle, err);
    if (!config || mkdir(images, 0700) < 0 ||
        write_bundle(&journey.container, journey.to, bundle, err) < 0)
        return -1;
    journey.home = journey.container.bundle;
    journey.from = json_string_value(json_object_get(network_of(config), "path"));
    if (travel(&journey, &pause_ms, err) < 0)
        return -1;
    json_object_set_new(token, "directory", json_string(directory));
    json_object_set_new(token, "runc", json_string(target->runc));
    json_object_set_new(token, "id", json_string(target->workload.id));
    json_object_set_new(token, "from", json_string(journey.from));
    json_object_set_new(token, "to", json_string(journey.to));
    json_object_set_new(token, "home", json_string(journey.home));
    json_object_set_new(token, "pause_ms", json_real(pause_ms));
    return 0;
}

/* It comes home by the same way; a replica that has ended meanwhile needs none. */
static int undo(const json_t *token, const struct measure_kernel *kernel, struct error *err)
{
    char images[PATH_MAX];
    double pause_ms = 0;
    struct error ended;
    struct journey journey = {.kernel = kernel,
                              .from = token_text(token, "to"),
                              .to = token_text(token, "from"),
                              .away = token_text(token, "home"),
                              .images = images};
    if (criu_find(token_text(token, "runc"), token_text(token, "id"), &journey.container, &ended) <
        0)
        return 0;
    journey.home = journey.container.bundle;
    snprintf(images, sizeof images, "%s/way-home", token_text(token, "directory"));
    mkdir(token_text(token, "directory"), 0700); /* the oldest evidence goes first */
    if (mkdir(images, 0700) < 0 && access(images, W_OK) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: cannot be made", images);
    return travel(&journey, &pause_ms, err);
}

const struct measure measure_migrate = {
    .name = "migrate",
    .summary = "moves the replica, with its connections, to a place at another site (CRIU)",
    .stage = STAGE_CONTAIN,
    /* What is told of its processes is told before: they get other numbers. */
    .cost = {.service = 0.2, .evidence = 0.6, .operation = 0.3},
    .collateral = 0.05,
    .worked = 2,
    .failed = 3,
    .restores = true,
    .restarts = true,
    .longest = MEASURE_SUCCESSION + 4 * CRIU_TIME_OUT,
    .check = check,
    .carry_out = carry_out,
    .undo = undo,
};
