/* The version of a service that the next one starts from. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "profile/inside.h"

static bool fits(const struct profile *profile, const char *service, uint32_t window, uint32_t bag)
{
    const struct profile_facts *facts = &profile->facts;
    return strcmp(facts->service, service) == 0 && facts->window == window && facts->bag == bag &&
           profile->growth.learned;
}

/* The service's part of a profile's path, "DIR/SERVICE@". */
static char *prefix_of(const char *dir, const char *service)
{
    char *path = profile_path(dir, service, "");
    char *at = strrchr(path, '@');
    if (at)
        at[1] = '\0';
    return path;
}

struct profile *profile_latest(const char *dir, const char *service, uint32_t window, uint32_t bag)
{
    struct profile *latest = NULL;
    autofree char *prefix = prefix_of(dir, service);
    const char *start = strrchr(prefix, '/') + 1;
    DIR *files = opendir(dir);
    if (!files)
        return NULL;
    for (const struct dirent *file; (file = readdir(files));) {
        struct error ignored; /* a damaged one is nothing to start from */
        autofree char *path = NULL;
        const char *end = strrchr(file->d_name, '.');
        if (strncmp(file->d_name, start, strlen(start)) != 0 || !end ||
            strcmp(end, ".profile") != 0)
            continue;
        if (asprintf(&path, "%s/%s", dir, file->d_name) < 0)
            path = memory_must(NULL);
        struct profile *found = profile_load(path, &ignored);
        bool later = found && fits(found, service, window, bag) &&
                     (!latest || found->facts.updated > latest->facts.updated);
        if (later) {
            profile_free(latest);
            latest = take_pointer(found);
        }
        profile_free(found);
    }
    closedir(files);
    return latest;
}
