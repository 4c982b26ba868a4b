#include "agent/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define SAVE_EVERY (10 * NS_PER_S) /* while learning */

static void lay_aside(const char *path, const struct error *why)
{
    autofree char *aside = NULL;
    if (asprintf(&aside, "%s.refused", path) < 0)
        abort();
    log_warn("%s; the profile is learned anew (the file is kept as %s)", why->text, aside);
    if (rename(path, aside) != 0)
        log_warn("%s: cannot be renamed: %s", path, strerror(errno));
}

/* The profile from its file; NULL when there is none that can be used. */
static struct profile *stored(const struct service *service, uint32_t window, uint32_t bag)
{
    struct error err;
    if (access(service->path, F_OK) != 0)
        return NULL;
    struct profile *profile = profile_load(service->path, &err);
    if (profile) {
        const struct profile_facts *facts = profile_facts(profile);
        if (facts->window == window && facts->bag == bag) {
            profile_begin(profile);
            return profile;
        }
        error_set(&err, EXIT_USAGE, 0, "%s: made with window %u and bag %u, not %u and %u",
                  service->path, facts->window, facts->bag, window, bag);
        profile_free(profile);
    }
    lay_aside(service->path, &err);
    return NULL;
}

/* What the version learned last knows; NULL when there is none, or it is not wanted. */
static struct profile *inherited(const struct service *service, const char *dir, uint32_t window,
                                 uint32_t bag)
{
    struct error err;
    struct profile *old =
        service->config.reuse ? profile_latest(dir, service->name, window, bag) : NULL;
    if (!old)
        return NULL;
    struct profile *profile = profile_reuse(old, service->version, &err);
    if (profile)
        log_info("%s, version %s: starts from version %s, which knows %zu patterns", service->name,
                 service->version, profile_facts(old)->version, profile_size(profile));
    profile_free(old);
    return profile;
}

static struct profile *fresh(const struct service *service, const char *dir, uint32_t window,
                             uint32_t bag)
{
    struct profile *profile = inherited(service, dir, window, bag);
    if (!profile)
        profile = profile_new(service->name, service->version, window, bag);
    profile_grow_by(profile, &service->config.growth);
    return profile;
}

static bool learned(const struct service *service)
{
    return profile_growth(service->profile)->learned &&
           !(profile_gaps(service->profile) & PROFILE_FEW_CALLS);
}

/* The rule in force, from the configuration and, where it says auto, from the training. */
static void settle_rule(const struct service_room *room, struct service *service)
{
    uint32_t frame;
    uint32_t epoch;
    struct detect_rule rule = service->config.detect;
    profile_propose(profile_facts(service->profile), &frame, &epoch);
    if (rule.frame_threshold == RULE_AUTO)
        rule.frame_threshold = frame < rule.frame ? frame : rule.frame;
    if (rule.epoch_threshold == RULE_AUTO)
        rule.epoch_threshold = epoch;
    service->rule = rule;
    probe_table_rule(room->probe, service->table, &rule);
}

static void settle_accesses(const struct service_room *room, struct service *service)
{
    struct growth *growth = &profile_accesses(service->profile)->growth;
    bool learned = growth->learned && profile_accesses_known(service->profile)->count > 0;
    if (!growth->learned) {
        growth->rule = service->config.growth;
        growth->rule.sigma = 0;
    }
    service->accesses.mode = !service->config.watch || !service->config.file_threshold ? MODE_OFF
                             : learned                                                 ? MODE_DETECT
                                                                                       : MODE_LEARN;
    probe_table_accesses(room->probe, service->table, service->accesses.mode);
}

/* The training goes on where its curve ends. */
static void resume_accesses(struct service *service)
{
    const struct growth *growth = &profile_accesses(service->profile)->growth;
    const struct growth_point *last =
        growth->count > 0 ? &growth->points[growth->count - 1] : &(struct growth_point){0};
    service->accesses = (struct access_training){
        .elapsed_ns = last->elapsed_ns, .calls = last->calls, .seen = last->patterns};
}

void service_configure(const struct service_room *room, struct service *service)
{
    struct profile_facts *facts = profile_facts(service->profile);
    struct growth *growth = profile_growth(service->profile);
    service->config = *config_service(room->config, service->name);
    if (!growth->learned) /* else the curve shows by which rule it was */
        growth->rule = service->config.growth;
    facts->min_calls = service->config.min_calls;
    facts->frame = service->config.detect.frame;
    facts->epoch = service->config.detect.epoch;
    service->mode = !service->config.watch ? MODE_OFF : learned(service) ? MODE_DETECT : MODE_LEARN;
    settle_rule(room, service);
    settle_accesses(room, service);
}

static char *profiles_of(const struct config *config)
{
    char *dir;
    if (asprintf(&dir, "%s/profiles", config->state_dir) < 0)
        abort();
    return dir;
}

struct service *service_open(const struct service_room *room, const char *name, const char *version,
                             struct error *err)
{
    const struct config *config = room->config;
    autofree char *dir = profiles_of(config);
    struct service *service = memory_must(calloc(1, sizeof *service));
    snprintf(service->name, sizeof service->name, "%s", name);
    snprintf(service->version, sizeof service->version, "%s", version);
    service->config = *config_service(config, name);
    service->path = profile_path(dir, service->name, service->version);
    if (probe_table_new(room->probe, &service->table, err) < 0) {
        free(service->path);
        free(service);
        return NULL;
    }
    service->profile = stored(service, config->window, config->bag);
    if (!service->profile)
        service->profile = fresh(service, dir, config->window, config->bag);
    if (probe_table_fill(room->probe, service->table, service->profile, err) < 0) {
        service_close(room, service);
        return NULL;
    }
    resume_accesses(service);
    service_configure(room, service);
    service->saved = clock_monotonic();
    return service;
}

void service_close(const struct service_room *room, struct service *service)
{
    service_save(room, service, true);
    probe_table_free(room->probe, &service->table, 1);
    profile_free(service->profile);
    free(service->path);
    free(service);
}

int service_forget(const struct service_room *room, struct service *service, uint32_t *table,
                   struct error *err)
{
    uint32_t empty;
    autofree char *dir = profiles_of(room->config);
    if (unlink(service->path) < 0 && errno != ENOENT)
        return error_set(err, EXIT_MACHINE, errno, "%s: cannot be removed", service->path);
    saver_write(room->saver, service->path, NULL, 0); /* it may be being written just now */
    if (probe_table_new(room->probe, &empty, err) < 0)
        return -1;
    struct profile *profile = fresh(service, dir, room->config->window, room->config->bag);
    if (probe_table_fill(room->probe, empty, profile, err) < 0) {
        probe_table_free(room->probe, &empty, 1);
        profile_free(profile);
        return -1;
    }
    *table = service->table;
    profile_free(service->profile);
    service->profile = profile;
    service->table = empty;
    service->loss = service->returned = service->dirty = false;
    resume_accesses(service);
    service_configure(room, service);
    return 0;
}

bool service_learn(const struct service_room *room, struct service *service, enum pattern_kind kind,
                   const uint16_t *codes, bool in_table)
{
    struct error err;
    if (profile_count(service->profile, kind) >= room->config->max_patterns) {
        profile_facts(service->profile)->lost++;
        service->loss = true;
        return false;
    }
    enum pattern_state before = profile_add(service->profile, kind, codes);
    if (before == PATTERN_KNOWN)
        return false;
    service->dirty = true;
    service->returned |= before == PATTERN_ASIDE;
    if (!in_table && probe_table_add(room->probe, service->table, kind, codes, &err) < 0)
        log_warn("%s: %s", service->name, err.text);
    return before == PATTERN_NEW;
}

bool service_learn_access(const struct service_room *room, struct service *service,
                          enum access_kind kind, const char *path, bool in_table)
{
    struct error err;
    const struct known_access *by;
    enum pattern_state before = profile_add_access(service->profile, kind, path, &by);
    if (before == PATTERN_KNOWN)
        return false;
    service->dirty = true;
    service->accesses.seen += before == PATTERN_NEW;
    service->accesses.broken |= !by; /* there are too many */
    if (by && (by->below || !in_table) &&
        probe_table_add_access(room->probe, service->table, by->kind, by->path, by->below, &err) <
            0)
        log_warn("%s: %s", service->name, err.text);
    return before == PATTERN_NEW;
}

/*
 * What the last steady intervals would have raised: the thresholds are proposed from it. The kernel
 * does not know what is laid aside, so that an interval in which such patterns were shown has peaks
 * that say nothing.
 */
static void note_peaks(struct service *service, uint32_t frame_peak, uint32_t epoch_peak)
{
    struct profile_facts *facts = profile_facts(service->profile);
    const struct growth *growth = profile_growth(service->profile);
    if (growth->in_a_row <= 1)
        facts->frame_peak = facts->epoch_peak = 0;
    if (service->returned)
        frame_peak = epoch_peak = 0;
    service->returned = false;
    if (frame_peak > facts->frame_peak)
        facts->frame_peak = frame_peak;
    if (epoch_peak > facts->epoch_peak)
        facts->epoch_peak = epoch_peak;
}

enum training service_train(const struct service_room *room, struct service *service, uint64_t dt,
                            uint64_t calls, uint64_t apart, uint32_t frame_peak,
                            uint32_t epoch_peak)
{
    struct profile_facts *facts = profile_facts(service->profile);
    struct growth *growth = profile_growth(service->profile);
    size_t before = growth->count;
    facts->learn_ns += dt;
    facts->calls += calls;
    growth_update(growth, facts->learn_ns, facts->calls, profile_size(service->profile) + apart,
                  service->loss);
    service->loss = false;
    if (growth->count == before)
        return TRAINING_GOES_ON;
    note_peaks(service, frame_peak, epoch_peak);
    service->dirty = true;
    if (!learned(service))
        return TRAINING_INTERVAL;
    service->mode = MODE_DETECT;
    settle_rule(room, service);
    service_save(room, service, true);
    return TRAINING_DONE;
}

bool service_train_accesses(const struct service_room *room, struct service *service, uint64_t dt)
{
    struct access_training *training = &service->accesses;
    struct growth *growth = &profile_accesses(service->profile)->growth;
    size_t before = growth->count;
    training->elapsed_ns += dt;
    growth_update(growth, training->elapsed_ns, training->calls, training->seen, training->broken);
    training->broken = false;
    service->dirty |= growth->count != before;
    settle_accesses(room, service);
    return training->mode == MODE_DETECT;
}

void service_save(const struct service_room *room, struct service *service, bool at_once)
{
    struct profile_facts *facts = profile_facts(service->profile);
    uint64_t now = clock_monotonic();
    if (!service->dirty || (!at_once && clock_passed(now, service->saved) < SAVE_EVERY))
        return;
    /* A short-lived container's first moments are no profile worth a file. */
    if (profile_size(service->profile) == 0 ||
        (!profile_growth(service->profile)->learned && facts->calls < 100))
        return;
    size_t size;
    facts->updated = clock_realtime();
    void *data = profile_serialize(service->profile, &size);
    saver_write(room->saver, service->path, data, size);
    service->dirty = false;
    service->saved = now;
}
