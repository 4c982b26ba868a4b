#include "workload/extras.h"

#include <string.h>

#include "workload/fields.h"
#include "workload/systemd.h"

static const char *skip_slash(const char *path)
{
    return path + strspn(path, "/");
}

static void describe(const struct workload_extra *extra, const char *cgroup_path, uint64_t cgroup,
                     struct description *description)
{
    struct workload *workload = &description->workload;
    const char *id = extra->cgroup ? extra->cgroup : extra->unit;
    const char *slash = strrchr(id, '/');
    workload->engine = extra->cgroup ? ENGINE_CGROUP : ENGINE_SYSTEMD;
    text_copy(workload->id, sizeof workload->id, id);
    text_copy(workload->name, sizeof workload->name, slash ? slash + 1 : id);
    text_copy(workload->cgroup_path, sizeof workload->cgroup_path, cgroup_path);
    workload->cgroup = cgroup;
    description->service = extra->service;
    description->version = extra->version;
}

static void report(const struct workload_options *options, const struct workload_extra *extra,
                   const char *path, struct registry *registry)
{
    struct description description = {0};
    struct error ignored;
    uint64_t cgroup;
    if (cgroup_key(&options->hierarchy, path, &cgroup, &ignored) < 0)
        return;
    describe(extra, path, cgroup, &description);
    registry_learn(registry, &description);
}

void extras_scan(const struct workload_options *options, struct registry *registry, bool search)
{
    for (size_t i = 0; i < options->extra_count; i++) {
        const struct workload_extra *extra = &options->extras[i];
        char path[1024];
        if (extra->cgroup) {
            path[0] = '/';
            text_copy(path + 1, sizeof path - 1, skip_slash(extra->cgroup));
            report(options, extra, path, registry);
        } else if (search &&
                   systemd_find_unit(&options->hierarchy, extra->unit, path, sizeof path)) {
            report(options, extra, path, registry);
        }
    }
}

bool extras_identify(const struct workload_options *options, const char *cgroup_path,
                     uint64_t cgroup, struct description *description)
{
    for (size_t i = 0; i < options->extra_count; i++) {
        const struct workload_extra *extra = &options->extras[i];
        if (extra->cgroup ? strcmp(skip_slash(cgroup_path), skip_slash(extra->cgroup)) == 0
                          : systemd_is_unit(cgroup_path, extra->unit)) {
            describe(extra, cgroup_path, cgroup, description);
            return true;
        }
    }
    return false;
}
