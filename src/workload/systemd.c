#include "workload/systemd.h"

#include <fts.h>
#include <string.h>

#include "workload/fields.h"

/* Slices nest ("a-b.slice" lies in "a.slice"), but hardly deeper than this. */
#define DEPTH_MAX 8

/* Anybody may call a unit of his own session "nginx.service". */
#define USERS "/user.slice"

bool systemd_is_unit(const char *cgroup_path, const char *unit)
{
    const char *slash = strrchr(cgroup_path, '/');
    return slash && strcmp(slash + 1, unit) == 0 &&
           strncmp(cgroup_path, USERS "/", strlen(USERS "/")) != 0;
}

bool systemd_find_unit(const struct cgroup_hierarchy *hierarchy, const char *unit, char *path,
                       size_t size)
{
    char *const roots[] = {(char *)hierarchy->mount, NULL};
    size_t mount = strlen(hierarchy->mount);
    bool found = false;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *item;
    while (tree && !found && (item = fts_read(tree))) {
        if (item->fts_info != FTS_D)
            continue;
        const char *below = item->fts_path + mount;
        found = systemd_is_unit(below, unit) && strlen(below) < size;
        if (found)
            text_copy(path, size, below);
        else if (item->fts_level >= DEPTH_MAX || strcmp(below, USERS) == 0)
            fts_set(tree, item, FTS_SKIP);
    }
    if (tree)
        fts_close(tree);
    return found;
}
