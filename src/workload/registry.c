#include "workload/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "workload/cgroup_name.h"
#include "workload/engine_parse.h"
#include "workload/fields.h"
#include "workload/queue.h"

struct entry {
    struct description description;
    bool described;     /* its engine has told about it */
    bool asked;         /* the agent met its cgroup first; its engine has yet to be asked */
    bool claimed;       /* the agent met its cgroup; its engine has not yet said that it started */
    bool reported;      /* the agent knows that it runs, by STARTED or by its question */
    pid_t reported_pid; /* the pid that the agent knows */
    bool stale;         /* not seen yet in the listing under way */
};

struct registry {
    const struct workload_options *options;
    struct queue *queue;
    pthread_mutex_t lock;
    struct entry **entries;
    size_t count;
    bool full; /* and that has been said */
};

struct registry *registry_new(const struct workload_options *options, struct error *err)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry) {
        error_set(err, EXIT_MACHINE, errno, "cannot watch containers");
        return NULL;
    }
    registry->options = options;
    registry->entries = calloc(WORKLOADS_MAX, sizeof(struct entry *));
    registry->queue = registry->entries ? queue_new(err) : NULL;
    if (!registry->queue) {
        free(registry->entries);
        free(registry);
        return NULL;
    }
    pthread_mutex_init(&registry->lock, NULL);
    return registry;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        description_free(&registry->entries[i]->description);
        free(registry->entries[i]);
    }
    pthread_mutex_destroy(&registry->lock);
    queue_free(registry->queue);
    free(registry->entries);
    free(registry);
}

void registry_close(struct registry *registry)
{
    queue_close(registry->queue);
}

int registry_fd(const struct registry *registry)
{
    return queue_fd(registry->queue);
}

bool registry_next(struct registry *registry, struct workload_event *event)
{
    return queue_pop(registry->queue, event);
}

/* ---- entries; the lock is held ---- */

static struct entry *find(const struct registry *registry, enum workload_engine engine,
                          const char *id)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct workload *workload = &registry->entries[i]->description.workload;
        if ((engine == ENGINES || workload->engine == engine) && strcmp(workload->id, id) == 0)
            return registry->entries[i];
    }
    return NULL;
}

static struct entry *add(struct registry *registry, enum workload_engine engine, const char *id)
{
    struct entry *entry = registry->count < WORKLOADS_MAX ? calloc(1, sizeof *entry) : NULL;
    if (!entry) {
        if (!registry->full)
            log_warn("container %.64s and others are left out: more than %d are known", id,
                     WORKLOADS_MAX);
        registry->full = true;
        return NULL;
    }
    entry->description.workload.engine = engine;
    text_copy(entry->description.workload.id, WORKLOAD_TEXT, id);
    registry->entries[registry->count++] = entry;
    return entry;
}

static void erase(struct registry *registry, size_t index)
{
    struct entry *entry = registry->entries[index];
    registry->entries[index] = registry->entries[--registry->count];
    description_free(&entry->description);
    free(entry);
}

static void report(struct registry *registry, enum workload_change change,
                   const struct workload *workload)
{
    struct workload_event event = {.change = change, .workload = *workload};
    queue_push(registry->queue, &event);
}

/* It runs no more; what its engine said about it stays. */
static void stop(struct registry *registry, struct entry *entry)
{
    struct workload *workload = &entry->description.workload;
    if (entry->reported)
        report(registry, WORKLOAD_STOPPED, workload);
    entry->reported = entry->claimed = entry->asked = false;
    entry->reported_pid = workload->pid = 0;
    workload->cgroup = 0;
    workload->cgroup_path[0] = '\0';
}

/* Gives the entry a cgroup; a run in another one has ended by that. */
static void place(struct registry *registry, struct entry *entry, const char *path, uint64_t cgroup)
{
    struct workload *workload = &entry->description.workload;
    if (workload->cgroup != cgroup)
        stop(registry, entry);
    workload->cgroup = cgroup;
    text_copy(workload->cgroup_path, sizeof workload->cgroup_path, path);
}

static void reclassify(const struct registry *registry, struct entry *entry)
{
    classify(&entry->description, registry->options);
}

/* Takes the description over into the entry, which keeps the cgroup that it has if none is given.
 */
static void describe(struct registry *registry, struct entry *entry,
                     struct description *description)
{
    struct workload *workload = &description->workload;
    struct workload *known = &entry->description.workload;
    if (workload->cgroup != 0) {
        place(registry, entry, workload->cgroup_path, workload->cgroup);
        entry->claimed = false;
    } else {
        workload->cgroup = known->cgroup;
        text_copy(workload->cgroup_path, sizeof workload->cgroup_path, known->cgroup_path);
    }
    description_free(&entry->description);
    entry->description = *description;
    description->labels = NULL;
    entry->described = true;
    entry->asked = entry->stale = false;
    reclassify(registry, entry);
}

/* ---- for the agent ---- */

/* The agent has met the entry's cgroup, which its engine has not told of yet. */
static void claim(struct registry *registry, struct entry *entry, const char *path, uint64_t cgroup)
{
    place(registry, entry, path, cgroup);
    entry->claimed = true;
}

bool registry_claim(struct registry *registry, enum workload_engine engine, const char *id,
                    const char *path, uint64_t cgroup, struct workload *workload)
{
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = find(registry, engine, id);
    bool known = entry && entry->described;
    if (known) {
        claim(registry, entry, path, cgroup);
        reclassify(registry, entry);
        entry->reported = true;
        *workload = entry->description.workload;
    }
    pthread_mutex_unlock(&registry->lock);
    return known;
}

void registry_ask(struct registry *registry, enum workload_engine engine, const char *id,
                  const char *path, uint64_t cgroup)
{
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = find(registry, engine, id);
    if (!entry)
        entry = add(registry, engine, id);
    if (entry) {
        claim(registry, entry, path, cgroup);
        entry->asked = true;
    }
    pthread_mutex_unlock(&registry->lock);
}

bool registry_inside(struct registry *registry, const char *path)
{
    bool inside = false;
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->count && !inside; i++) {
        const char *outer = registry->entries[i]->description.workload.cgroup_path;
        size_t length = strlen(outer);
        inside = length > 0 && strncmp(path, outer, length) == 0 && path[length] == '/';
    }
    pthread_mutex_unlock(&registry->lock);
    return inside;
}

/* ---- for the engines ---- */

static struct entry *learn(struct registry *registry, struct description *description)
{
    const struct workload *workload = &description->workload;
    struct entry *entry = find(registry, workload->engine, workload->id);
    if (!entry)
        entry = add(registry, workload->engine, workload->id);
    if (entry)
        describe(registry, entry, description);
    description_free(description);
    return entry;
}

void registry_learn(struct registry *registry, struct description *description)
{
    queue_wait(registry->queue);
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = learn(registry, description);
    const struct workload *workload = entry ? &entry->description.workload : NULL;
    if (entry && workload->cgroup != 0 &&
        (!entry->reported || (workload->pid != 0 && workload->pid != entry->reported_pid))) {
        entry->reported = true;
        entry->reported_pid = workload->pid;
        report(registry, WORKLOAD_STARTED, workload);
    }
    pthread_mutex_unlock(&registry->lock);
}

void registry_learn_claimed(struct registry *registry, struct description *description,
                            struct workload *workload)
{
    pthread_mutex_lock(&registry->lock);
    *workload = description->workload;
    struct entry *entry = learn(registry, description);
    if (entry) {
        *workload = entry->description.workload;
        entry->reported = true;
        entry->reported_pid = workload->pid;
    }
    pthread_mutex_unlock(&registry->lock);
}

void registry_ended(struct registry *registry, enum workload_engine engine, const char *id)
{
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = find(registry, engine, id);
    /* A claimed cgroup is that of the next run, which the engine has yet to report. */
    if (entry && !entry->claimed)
        stop(registry, entry);
    pthread_mutex_unlock(&registry->lock);
}

void registry_forget(struct registry *registry, enum workload_engine engine, const char *id)
{
    pthread_mutex_lock(&registry->lock);
    for (size_t i = registry->count; i-- > 0;) {
        const struct workload *workload = &registry->entries[i]->description.workload;
        if (workload->engine != engine || strcmp(workload->id, id) != 0)
            continue;
        stop(registry, registry->entries[i]);
        erase(registry, i);
    }
    pthread_mutex_unlock(&registry->lock);
}

bool registry_runs(struct registry *registry, const char *id)
{
    pthread_mutex_lock(&registry->lock);
    const struct entry *entry = find(registry, ENGINES, id);
    bool runs = entry && entry->described && entry->reported_pid != 0;
    pthread_mutex_unlock(&registry->lock);
    return runs;
}

bool registry_asked(struct registry *registry, enum workload_engine engine, char *id)
{
    bool found = false;
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->count && !found; i++) {
        struct entry *entry = registry->entries[i];
        found = entry->asked && entry->description.workload.engine == engine;
        if (found) {
            entry->asked = false;
            text_copy(id, WORKLOAD_TEXT, entry->description.workload.id);
        }
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}

void registry_list_begin(struct registry *registry, enum workload_engine engine)
{
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->count; i++)
        if (registry->entries[i]->description.workload.engine == engine)
            registry->entries[i]->stale = registry->entries[i]->described;
    pthread_mutex_unlock(&registry->lock);
}

void registry_list_end(struct registry *registry, enum workload_engine engine)
{
    pthread_mutex_lock(&registry->lock);
    for (size_t i = registry->count; i-- > 0;) {
        struct entry *entry = registry->entries[i];
        if (entry->description.workload.engine != engine || !entry->stale)
            continue;
        stop(registry, entry);
        erase(registry, i);
    }
    pthread_mutex_unlock(&registry->lock);
}

/* Only Docker and Podman keep a container that has ended and may start it again. */
static bool may_return(const struct entry *entry)
{
    enum workload_engine engine = entry->description.workload.engine;
    return entry->described && (engine == ENGINE_DOCKER || engine == ENGINE_PODMAN);
}

void registry_sweep(struct registry *registry)
{
    struct error ignored;
    pthread_mutex_lock(&registry->lock);
    for (size_t i = registry->count; i-- > 0;) {
        struct entry *entry = registry->entries[i];
        const struct workload *workload = &entry->description.workload;
        uint64_t now = 0;
        if (workload->cgroup == 0 || (cgroup_key(&registry->options->hierarchy,
                                                 workload->cgroup_path, &now, &ignored) == 0 &&
                                      now == workload->cgroup))
            continue;
        stop(registry, entry);
        if (!may_return(entry))
            erase(registry, i);
    }
    pthread_mutex_unlock(&registry->lock);
}

void registry_engine(struct registry *registry, enum workload_engine engine, bool up,
                     const char *why)
{
    struct workload_event event = {.change = up ? WORKLOAD_ENGINE_UP : WORKLOAD_ENGINE_DOWN,
                                   .workload.engine = engine};
    text_copy(event.why, sizeof event.why, why);
    queue_push(registry->queue, &event);
}
