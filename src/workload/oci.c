#include "workload/oci.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "workload/cgroup_name.h"
#include "workload/fields.h"
#include "workload/oci_parse.h"

/* A state holds the whole configuration, seccomp filter included: some 100 kB at most. */
#define STATE_MAX (1u << 20)

/* A state directory without a state for longer than this is what a killed runtime has left. */
#define MAKING_S 10

static void cleanup_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}
#define autodir __attribute__((cleanup(cleanup_dir)))

/* Reads DIRECTORY/NAME; NULL when it is not there (yet). */
static char *read_in(const char *directory, const char *name, size_t *size)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return NULL;
    return read_whole(path, STATE_MAX, size);
}

/* crun keeps a copy of the bundle's configuration beside its status. */
static json_t *read_annotations(const char *directory)
{
    struct error ignored;
    size_t size;
    json_t *annotations = NULL;
    autofree char *text = read_in(directory, "config.json", &size);
    if (text)
        oci_parse_config(text, size, &annotations, &ignored);
    return annotations;
}

static int read_state(const char *directory, const struct cgroup_hierarchy *hierarchy,
                      struct oci_state *state)
{
    struct error ignored;
    size_t size;
    autofree char *runc = read_in(directory, "state.json", &size);
    if (runc)
        return oci_parse_runc(runc, size, hierarchy->controller, state, &ignored);
    autofree char *crun = read_in(directory, "status", &size);
    if (!crun || oci_parse_crun(crun, size, state, &ignored) < 0)
        return -1;
    state->annotations = read_annotations(state->bundle);
    if (!state->annotations)
        state->annotations = read_annotations(directory);
    return 0;
}

/*
 * The container's cgroup: what its state says, if the first process is in it or below; that also
 * tells a container that runs from what an ended one left.
 */
static int locate(const struct cgroup_hierarchy *hierarchy, const char *stated,
                  struct workload *workload)
{
    struct error ignored;
    char actual[sizeof workload->cgroup_path];
    size_t mount = strlen(hierarchy->mount);
    if (strncmp(stated, hierarchy->mount, mount) == 0 && stated[mount] == '/')
        stated += mount;
    size_t length = strlen(stated);
    if (length < 2 ||
        cgroup_of_process(hierarchy, workload->pid, actual, sizeof actual, &ignored) < 0 ||
        strncmp(actual, stated, length) != 0 || (actual[length] != '\0' && actual[length] != '/'))
        return -1;
    text_copy(workload->cgroup_path, sizeof workload->cgroup_path, stated);
    return cgroup_key(hierarchy, workload->cgroup_path, &workload->cgroup, &ignored);
}

static void name_it(struct description *description, enum workload_engine engine, const char *id,
                    json_t *annotations)
{
    struct workload *workload = &description->workload;
    const char *given = json_string_value(json_object_get(annotations, "nerdctl/name"));
    workload->engine = engine;
    text_copy(workload->id, sizeof workload->id, id);
    text_copy(workload->name, sizeof workload->name, given ? given : id);
    description->labels = annotations;
}

int oci_load(const char *root, const char *id, const struct cgroup_hierarchy *hierarchy,
             struct description *description)
{
    char directory[PATH_MAX];
    struct oci_state state = {0};
    if (snprintf(directory, sizeof directory, "%s/%s", root, id) >= (int)sizeof directory ||
        read_state(directory, hierarchy, &state) < 0) {
        oci_state_free(&state);
        return -1;
    }
    name_it(description, state.engine, id, take_pointer(state.annotations));
    description->workload.pid = state.pid;
    if (locate(hierarchy, state.cgroup, &description->workload) < 0) {
        description_free(description);
        return -1;
    }
    return 0;
}

static bool has_socket(const char *socket)
{
    return socket[0] != '\0' && access(socket, F_OK) == 0;
}

/* Docker and Podman run their containers with runc too, and know more about them than it does. */
static bool is_anothers(const struct workload_options *options, const char *cgroup_path)
{
    struct cgroup_name name;
    if (!cgroup_name_parse(cgroup_path, &name))
        return false;
    return (name.engine == ENGINE_DOCKER && has_socket(options->docker_socket)) ||
           (name.engine == ENGINE_PODMAN && has_socket(options->podman_socket));
}

/* Watches a directory, or the nearest one above it that exists: it may be made later. */
static void watch_root(int inotify_fd, const char *root)
{
    char path[PATH_MAX];
    const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
    if (snprintf(path, sizeof path, "%s", root) >= (int)sizeof path)
        return;
    while (inotify_add_watch(inotify_fd, path, events) < 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return;
        *slash = '\0';
    }
}

static void watch_state(int inotify_fd, const char *root, const char *id)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", root, id) < (int)sizeof path)
        inotify_add_watch(inotify_fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
}

static void scan_root(const struct workload_options *options, const char *root,
                      struct registry *registry, int inotify_fd)
{
    autodir DIR *dir = opendir(root);
    const struct dirent *item;
    while (dir && (item = readdir(dir))) {
        struct description description = {0};
        if (item->d_name[0] == '.' || registry_runs(registry, item->d_name))
            continue;
        watch_state(inotify_fd, root, item->d_name);
        if (oci_load(root, item->d_name, &options->hierarchy, &description) < 0)
            continue;
        if (classify_is_sandbox(&description) ||
            is_anothers(options, description.workload.cgroup_path))
            description_free(&description);
        else
            registry_learn(registry, &description);
    }
}

void oci_scan(const struct workload_options *options, struct registry *registry, int inotify_fd)
{
    for (const char *const *root = options->oci_roots; *root; root++) {
        watch_root(inotify_fd, *root);
        scan_root(options, *root, registry, inotify_fd);
    }
}

/* crun copies the configuration into its state directory before it makes the cgroup. */
static bool load_early(const char *directory, const char *id, struct description *description)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/config.json", directory) >= (int)sizeof path ||
        access(path, R_OK) < 0)
        return false;
    name_it(description, ENGINE_CRUN, id, read_annotations(directory));
    return true;
}

/* Does its state say that this cgroup is the container's? */
static bool is_its_cgroup(const struct workload_options *options, const char *root, const char *id,
                          const char *cgroup_path, struct description *description)
{
    bool loaded = oci_load(root, id, &options->hierarchy, description) == 0;
    if (loaded && strcmp(description->workload.cgroup_path, cgroup_path) == 0)
        return true;
    if (loaded)
        description_free(description);
    memset(description, 0, sizeof *description);
    return false;
}

/* Is the cgroup that of a container made just now, or of one being made, whose state will say it?
 */
static enum workload_answer is_newest(const struct workload_options *options, const char *root,
                                      const char *cgroup_path, struct description *description)
{
    enum workload_answer answer = WORKLOAD_NOBODY;
    autodir DIR *dir = opendir(root);
    const struct dirent *item;
    while (dir && (item = readdir(dir))) {
        char path[PATH_MAX];
        struct stat status;
        if (item->d_name[0] == '.' || fstatat(dirfd(dir), item->d_name, &status, 0) < 0 ||
            (uint64_t)status.st_ctim.tv_sec + MAKING_S < clock_realtime() / NS_PER_S)
            continue;
        if (is_its_cgroup(options, root, item->d_name, cgroup_path, description))
            return WORKLOAD_KNOWN;
        snprintf(path, sizeof path, "%s/state.json", item->d_name);
        bool runc = faccessat(dirfd(dir), path, F_OK, 0) == 0;
        snprintf(path, sizeof path, "%s/status", item->d_name);
        if (!runc && faccessat(dirfd(dir), path, F_OK, 0) < 0)
            answer = WORKLOAD_ASKED;
    }
    return answer;
}

enum workload_answer oci_identify(const struct workload_options *options, const char *id,
                                  const char *cgroup_path, struct description *description)
{
    char directory[PATH_MAX];
    struct stat status;
    if (is_anothers(options, cgroup_path))
        return WORKLOAD_NOBODY;
    for (const char *const *root = options->oci_roots; *root; root++) {
        if (snprintf(directory, sizeof directory, "%s/%s", *root, id) >= (int)sizeof directory ||
            stat(directory, &status) < 0)
            continue;
        if (oci_load(*root, id, &options->hierarchy, description) == 0) {
            /* The same name elsewhere: its state says which cgroup is its own. */
            if (strcmp(description->workload.cgroup_path, cgroup_path) == 0)
                return WORKLOAD_KNOWN;
            description_free(description);
            continue;
        }
        memset(description, 0, sizeof *description);
        return load_early(directory, id, description) ? WORKLOAD_KNOWN : WORKLOAD_ASKED;
    }
    enum workload_answer answer = WORKLOAD_NOBODY;
    for (const char *const *root = options->oci_roots; *root && answer != WORKLOAD_KNOWN; root++) {
        enum workload_answer here = is_newest(options, *root, cgroup_path, description);
        answer = here == WORKLOAD_NOBODY ? answer : here;
    }
    return answer;
}
