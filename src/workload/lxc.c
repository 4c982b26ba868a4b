#include "workload/lxc.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "workload/cgroup_name.h"
#include "workload/fields.h"

#define CONFIG_MAX   (1u << 20)
#define SETTINGS_MAX 256

static void trim(const char **start, const char **end)
{
    while (*start < *end && (**start == ' ' || **start == '\t'))
        (*start)++;
    while (*end > *start && ((*end)[-1] == ' ' || (*end)[-1] == '\t' || (*end)[-1] == '\r'))
        (*end)--;
}

static void take_setting(const char *line, const char *end, json_t *settings)
{
    char key[WORKLOAD_TEXT];
    const char *equals = memchr(line, '=', (size_t)(end - line));
    const char *key_end = equals;
    if (!equals || *line == '#')
        return;
    const char *value = equals + 1;
    trim(&line, &key_end);
    trim(&value, &end);
    if (line == key_end || key_end - line >= (ptrdiff_t)sizeof key)
        return;
    memcpy(key, line, (size_t)(key_end - line));
    key[key_end - line] = '\0';
    json_object_set_new(settings, key, json_stringn(value, (size_t)(end - value)));
}

json_t *lxc_parse_config(const char *text, size_t size)
{
    json_t *settings = json_object();
    const char *end = text + size;
    for (const char *line = text; line < end && json_object_size(settings) < SETTINGS_MAX;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        const char *start = line, *last = stop;
        trim(&start, &last);
        if (start < last)
            take_setting(start, last, settings);
        line = newline ? newline + 1 : end;
    }
    return settings;
}

static json_t *read_config(const char *lxc_path, const char *name)
{
    char path[PATH_MAX];
    size_t size;
    if (snprintf(path, sizeof path, "%s/%s/config", lxc_path, name) >= (int)sizeof path)
        return NULL;
    autofree char *text = read_whole(path, CONFIG_MAX, &size);
    return text ? lxc_parse_config(text, size) : NULL;
}

static bool has_config(const char *lxc_path, const char *name, size_t length)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/%.*s/config", lxc_path, (int)length, name) <
               (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* The container whose cgroup has this name: LXC appends "-1", "-2" … to it as long as the cgroup of
 * an earlier run is still there. */
static void find_name(const struct workload_options *options, const char *cgroup_name,
                      char name[WORKLOAD_TEXT])
{
    const char *dash = strrchr(cgroup_name, '-');
    text_copy(name, WORKLOAD_TEXT, cgroup_name);
    if (dash && dash > cgroup_name && dash[1] != '\0' &&
        dash[1 + strspn(dash + 1, "0123456789")] == '\0' &&
        !has_config(options->lxc_path, cgroup_name, strlen(cgroup_name)) &&
        has_config(options->lxc_path, cgroup_name, (size_t)(dash - cgroup_name)))
        name[dash - cgroup_name] = '\0';
}

/* Is it the first process of a pid namespace right below ours ("NSpid:\t9149\t1")? */
static bool is_init(pid_t pid)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    autofree char *text = read_whole(path, 1u << 16, &size);
    const char *ours = text ? strstr(text, "\nNSpid:\t") : NULL;
    const char *inner = ours ? strchr(ours + strlen("\nNSpid:\t"), '\t') : NULL;
    return inner && strncmp(inner, "\t1\n", 3) == 0;
}

static pid_t find_init(const struct cgroup_hierarchy *hierarchy, const char *cgroup_path)
{
    char path[PATH_MAX];
    struct error ignored;
    if (snprintf(path, sizeof path, "%s%s/cgroup.procs", hierarchy->mount, cgroup_path) >=
        (int)sizeof path)
        return 0;
    autofile FILE *file = fopen(path, "re");
    char line[32];
    while (file && fgets(line, sizeof line, file)) {
        uint64_t pid;
        line[strcspn(line, "\n")] = '\0';
        if (parse_u64("pid", line, 1, INT_MAX, &pid, &ignored) == 0 && is_init((pid_t)pid))
            return (pid_t)pid;
    }
    return 0;
}

/* A cgroup without a process, and without others in it, is what an earlier run has left. */
static bool is_empty(const struct cgroup_hierarchy *hierarchy, const char *cgroup_path)
{
    char path[PATH_MAX];
    struct stat status;
    if (snprintf(path, sizeof path, "%s%s/cgroup.procs", hierarchy->mount, cgroup_path) >=
        (int)sizeof path)
        return true;
    autofile FILE *file = fopen(path, "re");
    bool none = !file || fgetc(file) == EOF;
    *strrchr(path, '/') = '\0';
    return none && (stat(path, &status) != 0 || status.st_nlink <= 2);
}

void lxc_describe(const struct workload_options *options, const char *cgroup_name,
                  const char *cgroup_path, uint64_t cgroup, struct description *description)
{
    struct workload *workload = &description->workload;
    workload->engine = ENGINE_LXC;
    find_name(options, cgroup_name, workload->id);
    text_copy(workload->name, sizeof workload->name, workload->id);
    text_copy(workload->cgroup_path, sizeof workload->cgroup_path, cgroup_path);
    workload->cgroup = cgroup;
    workload->pid = find_init(&options->hierarchy, cgroup_path);
    description->labels = read_config(options->lxc_path, workload->id);
}

static void scan_directory(const struct workload_options *options, const char *parent,
                           struct registry *registry, int inotify_fd)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", options->hierarchy.mount, parent) >= (int)sizeof path)
        return;
    inotify_add_watch(inotify_fd, path, IN_CREATE | IN_ONLYDIR);
    DIR *dir = opendir(path);
    const struct dirent *item;
    while (dir && (item = readdir(dir))) {
        struct description description = {0};
        struct cgroup_name name;
        struct error ignored;
        char id[WORKLOAD_TEXT];
        uint64_t cgroup;
        if (item->d_type != DT_DIR || item->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", parent, item->d_name) >= (int)sizeof path ||
            !cgroup_name_parse(path, &name) || name.engine != ENGINE_LXC)
            continue;
        find_name(options, name.id, id);
        if (registry_runs(registry, id) || is_empty(&options->hierarchy, path) ||
            cgroup_key(&options->hierarchy, path, &cgroup, &ignored) < 0)
            continue;
        lxc_describe(options, name.id, path, cgroup, &description);
        registry_learn(registry, &description);
    }
    if (dir)
        closedir(dir);
}

void lxc_scan(const struct workload_options *options, struct registry *registry, int inotify_fd)
{
    static const char *const PARENTS[] = {"", "/lxc", "/lxc.payload"};
    if (options->lxc_path[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof PARENTS / sizeof *PARENTS; i++)
        scan_directory(options, PARENTS[i], registry, inotify_fd);
}
