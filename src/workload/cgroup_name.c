#include "workload/cgroup_name.h"

#include <string.h>

#define ID_DIGITS 64

/* How engines name the cgroup of a container: PREFIX ID SUFFIX, with systemd's scopes or without.
 */
static const struct form {
    const char *prefix;
    const char *suffix;
    enum workload_engine engine;
    bool any_id; /* else 64 hexadecimal digits */
} FORMS[] = {
    {"docker-", ".scope", ENGINE_DOCKER, false},
    {"libpod-payload-", "", ENGINE_PODMAN, false},
    {"libpod-", ".scope", ENGINE_PODMAN, false},
    {"libpod-", "", ENGINE_PODMAN, false},
    {"cri-containerd-", ".scope", ENGINE_OCI, false},
    {"nerdctl-", ".scope", ENGINE_OCI, false},
    {"crio-", ".scope", ENGINE_OCI, false},
    {"crio-", "", ENGINE_OCI, false},
    {"runc-", ".scope", ENGINE_OCI, true},
    {"crun-", ".scope", ENGINE_OCI, true},
    {"lxc.payload.", "", ENGINE_LXC, true},
    {"", "", ENGINES, false},
};

/* Engines that give their containers a directory of its own: DIRECTORY/ID. */
static const struct parent {
    const char *name;
    enum workload_engine engine;
    bool any_id;
} PARENTS[] = {
    {"docker", ENGINE_DOCKER, false},
    {"lxc", ENGINE_LXC, true},
    {"lxc.payload", ENGINE_LXC, true},
};

bool is_container_id(const char *text, size_t length)
{
    return length == ID_DIGITS && strspn(text, "0123456789abcdef") >= ID_DIGITS;
}

static bool fill(struct cgroup_name *name, enum workload_engine engine, bool any_id, const char *id,
                 size_t length)
{
    if (length == 0 || length >= sizeof name->id || (!any_id && !is_container_id(id, length)))
        return false;
    memcpy(name->id, id, length);
    name->id[length] = '\0';
    name->engine = engine;
    return true;
}

static bool is_text(const char *part, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(part, text, length) == 0;
}

static bool by_parent(const char *parent, size_t parent_length, const char *part, size_t length,
                      struct cgroup_name *name)
{
    for (size_t i = 0; i < sizeof PARENTS / sizeof *PARENTS; i++)
        if (is_text(parent, parent_length, PARENTS[i].name))
            return fill(name, PARENTS[i].engine, PARENTS[i].any_id, part, length);
    return false;
}

static bool by_form(const char *part, size_t length, struct cgroup_name *name)
{
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        size_t before = strlen(FORMS[i].prefix), after = strlen(FORMS[i].suffix);
        if (length > before + after && memcmp(part, FORMS[i].prefix, before) == 0 &&
            memcmp(part + length - after, FORMS[i].suffix, after) == 0 &&
            fill(name, FORMS[i].engine, FORMS[i].any_id, part + before, length - before - after))
            return true;
    }
    return false;
}

bool cgroup_name_parse(const char *path, struct cgroup_name *name)
{
    const char *parent = path;
    size_t parent_length = 0;
    for (const char *part = path; *part;) {
        part += strspn(part, "/");
        size_t length = strcspn(part, "/");
        /* Podman's pods are 64 digits too: /libpod_parent/POD/libpod-ID. */
        bool pod = is_text(parent, parent_length, "libpod_parent") && is_container_id(part, length);
        if (!pod &&
            (by_parent(parent, parent_length, part, length, name) || by_form(part, length, name))) {
            name->length = (size_t)(part - path) + length;
            return true;
        }
        parent = part;
        parent_length = length;
        part += length;
    }
    return false;
}

size_t cgroup_name_find(const char *path, const char *id)
{
    const char *found = id[0] ? strstr(path, id) : NULL;
    return found ? (size_t)(found - path) + strcspn(found, "/") : 0;
}
