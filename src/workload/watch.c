#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "workload/cgroup_name.h"
#include "workload/engine_api.h"
#include "workload/extras.h"
#include "workload/lxc.h"
#include "workload/oci.h"
#include "workload/options.h"
#include "workload/registry.h"

/* What inotify cannot tell (a cgroup that is gone, a root that was replaced) is seen at this pace.
 */
#define SWEEP_MS 1000

struct workload_watch {
    struct options_copy copy;
    struct registry *registry;
    struct engine_api *docker, *podman;
    pthread_t files; /* follows state directories and cgroups */
    bool files_run;
    int inotify_fd, stop_fd;
};

const char *workload_engine_name(enum workload_engine engine)
{
    static const char *const NAMES[ENGINES] = {
        [ENGINE_OCI] = "runc",        [ENGINE_CRUN] = "crun",       [ENGINE_DOCKER] = "docker",
        [ENGINE_PODMAN] = "podman",   [ENGINE_LXC] = "lxc",         [ENGINE_CGROUP] = "cgroup",
        [ENGINE_SYSTEMD] = "systemd", [ENGINE_COMMAND] = "command",
    };
    return (unsigned)engine < ENGINES ? NAMES[engine] : "unknown";
}

/* ---- the thread that follows state directories and cgroups ---- */

/* Reads off all events: one scan answers them all, lost ones (overflow) too. */
static void drain(int fd)
{
    char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    while (read(fd, events, sizeof events) > 0)
        continue;
}

static void scan(struct workload_watch *watch, bool first)
{
    const struct workload_options *options = &watch->copy.options;
    oci_scan(options, watch->registry, watch->inotify_fd);
    lxc_scan(options, watch->registry, watch->inotify_fd);
    extras_scan(options, watch->registry, first);
}

static void *follow_files(void *context)
{
    struct workload_watch *watch = context;
    struct pollfd fds[2] = {{.fd = watch->stop_fd, .events = POLLIN},
                            {.fd = watch->inotify_fd, .events = POLLIN}};
    scan(watch, true);
    for (;;) {
        poll(fds, 2, SWEEP_MS);
        if (fds[0].revents)
            return NULL;
        drain(watch->inotify_fd);
        registry_sweep(watch->registry);
        scan(watch, false);
    }
}

/* ---- start and stop ---- */

static int start_files(struct workload_watch *watch, struct error *err)
{
    watch->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int failed = watch->stop_fd < 0 || watch->inotify_fd < 0
                     ? errno
                     : pthread_create(&watch->files, NULL, follow_files, watch);
    if (failed)
        return error_set(err, EXIT_MACHINE, failed, "cannot watch state directories");
    watch->files_run = true;
    return 0;
}

static int start_api(struct workload_watch *watch, enum workload_engine engine, const char *socket,
                     struct engine_api **api, struct error *err)
{
    if (socket[0] == '\0')
        return 0;
    *api = engine_api_start(engine, socket, &watch->copy.options, watch->registry, watch->stop_fd,
                            err);
    return *api ? 0 : -1;
}

struct workload_watch *workload_watch_start(const struct workload_options *options,
                                            struct error *err)
{
    struct workload_watch *watch = calloc(1, sizeof *watch);
    if (!watch || options_copy(&watch->copy, options, err) < 0) {
        error_set(err, EXIT_MACHINE, 0, "cannot watch containers: out of memory");
        free(watch);
        return NULL;
    }
    watch->stop_fd = watch->inotify_fd = -1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct workload_options *copied = &watch->copy.options;
    watch->registry = registry_new(copied, err);
    if (!watch->registry || start_files(watch, err) < 0 ||
        start_api(watch, ENGINE_DOCKER, copied->docker_socket, &watch->docker, err) < 0 ||
        start_api(watch, ENGINE_PODMAN, copied->podman_socket, &watch->podman, err) < 0) {
        workload_watch_stop(watch);
        return NULL;
    }
    return watch;
}

void workload_watch_stop(struct workload_watch *watch)
{
    if (!watch)
        return;
    if (watch->stop_fd >= 0)
        eventfd_write(watch->stop_fd, 1);
    if (watch->registry)
        registry_close(watch->registry);
    if (watch->files_run)
        pthread_join(watch->files, NULL);
    engine_api_join(watch->docker);
    engine_api_join(watch->podman);
    registry_free(watch->registry);
    if (watch->inotify_fd >= 0)
        close(watch->inotify_fd);
    if (watch->stop_fd >= 0)
        close(watch->stop_fd);
    curl_global_cleanup();
    options_free(&watch->copy);
    free(watch);
}

int workload_fd(const struct workload_watch *watch)
{
    return registry_fd(watch->registry);
}

bool workload_next(struct workload_watch *watch, struct workload_event *event)
{
    return registry_next(watch->registry, event);
}

/* ---- whose cgroup is this? ---- */

struct question {
    struct workload_watch *watch;
    const char *path;
    uint64_t cgroup;
    struct workload *workload;
};

static enum workload_answer known(const struct question *question, struct description *description)
{
    struct workload *workload = &description->workload;
    workload->cgroup = question->cgroup;
    snprintf(workload->cgroup_path, sizeof workload->cgroup_path, "%s", question->path);
    registry_learn_claimed(question->watch->registry, description, question->workload);
    return WORKLOAD_KNOWN;
}

static enum workload_answer by_state(const struct question *question, const char *id)
{
    struct description description = {0};
    enum workload_answer answer =
        oci_identify(&question->watch->copy.options, id, question->path, &description);
    if (answer != WORKLOAD_KNOWN)
        return answer;
    if (!classify_is_sandbox(&description))
        return known(question, &description);
    description_free(&description);
    return WORKLOAD_NOBODY;
}

/* Leaves the question with one engine; false when that one is not there to answer. */
static bool ask(const struct question *question, enum workload_engine engine, const char *id)
{
    struct workload_watch *watch = question->watch;
    bool docker = engine == ENGINE_DOCKER;
    struct engine_api *api = docker ? watch->docker : watch->podman;
    const char *socket =
        docker ? watch->copy.options.docker_socket : watch->copy.options.podman_socket;
    if (!api || access(socket, F_OK) < 0)
        return false;
    registry_ask(watch->registry, engine, id, question->path, question->cgroup);
    engine_api_wake(api);
    return true;
}

static enum workload_answer by_engine(const struct question *question,
                                      const struct cgroup_name *name)
{
    struct registry *registry = question->watch->registry;
    if (registry_claim(registry, name->engine, name->id, question->path, question->cgroup,
                       question->workload))
        return WORKLOAD_KNOWN;
    enum workload_answer answer = by_state(question, name->id);
    if (answer != WORKLOAD_NOBODY)
        return answer;
    bool asked = false;
    if (name->engine != ENGINE_PODMAN)
        asked |= ask(question, ENGINE_DOCKER, name->id);
    if (name->engine != ENGINE_DOCKER)
        asked |= ask(question, ENGINE_PODMAN, name->id);
    return asked ? WORKLOAD_ASKED : WORKLOAD_NOBODY;
}

static enum workload_answer by_lxc(const struct question *question, const char *name)
{
    const struct workload_options *options = &question->watch->copy.options;
    struct description description = {0};
    if (options->lxc_path[0] == '\0')
        return WORKLOAD_NOBODY;
    lxc_describe(options, name, question->path, question->cgroup, &description);
    return known(question, &description);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

enum workload_answer workload_identify(struct workload_watch *watch, const char *cgroup_path,
                                       uint64_t cgroup, struct workload *workload)
{
    const struct question question = {watch, cgroup_path, cgroup, workload};
    struct description description = {0};
    struct cgroup_name name;
    bool named = cgroup_name_parse(cgroup_path, &name);
    if ((named && cgroup_path[name.length] != '\0') ||
        registry_inside(watch->registry, cgroup_path))
        return WORKLOAD_NOBODY;
    if (extras_identify(&watch->copy.options, cgroup_path, cgroup, &description))
        return known(&question, &description);
    if (!named)
        return by_state(&question, last_part(cgroup_path));
    if (name.engine == ENGINE_LXC)
        return by_lxc(&question, name.id);
    if (name.engine == ENGINE_OCI)
        return by_state(&question, name.id);
    return by_engine(&question, &name);
}
