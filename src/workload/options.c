#include "workload/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *const OCI_ROOTS[] = {
    "/run/runc",
    "/run/crun",
    "/run/user/0/runc",
    "/run/user/0/crun",
    "/run/containerd/runc/k8s.io",
    "/run/containerd/runc/default",
    NULL,
};

static size_t count_roots(const char *const *roots)
{
    size_t count = 0;
    while (roots[count])
        count++;
    return count;
}

/* The copy of a text, NULL for NULL. There is room: options_copy has counted. */
static const char *keep(struct options_copy *copy, const char *text, bool *failed)
{
    if (!text)
        return NULL;
    char *kept = strdup(text);
    *failed |= !kept;
    if (kept)
        copy->texts[copy->count++] = kept;
    return kept;
}

/* The copy of an array, one element longer and that one empty. */
static void *duplicate(const void *array, size_t count, size_t size, bool *failed)
{
    void *result = calloc(count + 1, size);
    *failed |= !result;
    if (result && count > 0)
        memcpy(result, array, count * size);
    return result;
}

static void keep_rules(struct options_copy *copy, const struct workload_options *from, bool *failed)
{
    struct workload_rule *rules = duplicate(from->rules, from->rule_count, sizeof *rules, failed);
    for (size_t i = 0; rules && i < from->rule_count; i++) {
        rules[i].match = keep(copy, rules[i].match, failed);
        rules[i].service = keep(copy, rules[i].service, failed);
        rules[i].version = keep(copy, rules[i].version, failed);
    }
    copy->options.rules = rules;
}

static void keep_extras(struct options_copy *copy, const struct workload_options *from,
                        bool *failed)
{
    struct workload_extra *extras =
        duplicate(from->extras, from->extra_count, sizeof *extras, failed);
    for (size_t i = 0; extras && i < from->extra_count; i++) {
        extras[i].cgroup = keep(copy, extras[i].cgroup, failed);
        extras[i].unit = keep(copy, extras[i].unit, failed);
        extras[i].service = keep(copy, extras[i].service, failed);
        extras[i].version = keep(copy, extras[i].version, failed);
    }
    copy->options.extras = extras;
}

static void keep_roots(struct options_copy *copy, const char *const *roots, size_t count,
                       bool *failed)
{
    const char **kept = duplicate(roots, count, sizeof *kept, failed);
    for (size_t i = 0; kept && i < count; i++)
        kept[i] = keep(copy, kept[i], failed);
    copy->options.oci_roots = kept;
}

int options_copy(struct options_copy *copy, const struct workload_options *from, struct error *err)
{
    const char *const *roots = from->oci_roots ? from->oci_roots : OCI_ROOTS;
    size_t root_count = count_roots(roots);
    size_t texts = 3 + root_count + 3 * from->rule_count + 4 * from->extra_count;
    bool failed = false;
    *copy = (struct options_copy){.options = *from, .texts = calloc(texts, sizeof(char *))};
    struct workload_options *options = &copy->options;
    if (!copy->texts)
        return error_set(err, EXIT_MACHINE, 0, "out of memory");
    options->docker_socket =
        keep(copy, from->docker_socket ? from->docker_socket : "/var/run/docker.sock", &failed);
    options->podman_socket =
        keep(copy, from->podman_socket ? from->podman_socket : "/run/podman/podman.sock", &failed);
    options->lxc_path = keep(copy, from->lxc_path ? from->lxc_path : "/var/lib/lxc", &failed);
    options->timeout_ns = from->timeout_ns ? from->timeout_ns : 5 * NS_PER_S;
    keep_roots(copy, roots, root_count, &failed);
    keep_rules(copy, from, &failed);
    keep_extras(copy, from, &failed);
    if (!failed)
        return 0;
    options_free(copy);
    return error_set(err, EXIT_MACHINE, 0, "out of memory");
}

void options_free(struct options_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        free(copy->texts[i]);
    free(copy->texts);
    free((void *)copy->options.rules);
    free((void *)copy->options.extras);
    free((void *)copy->options.oci_roots);
}

/* ---- runc's own state ---- */

static bool is_kept_in(const char *root, const char *id)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/%s/state.json", root, id) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

bool workload_runc_root(const char *const *roots, const char *id, char *root, size_t size)
{
    /* Docker's containers are the Engine API's, so its root is none of those that are watched. */
    static const char *const DOCKERS[] = {"/run/docker/runtime-runc/moby",
                                          "/run/containerd/runc/moby", NULL};
    const char *const *lists[] = {roots ? roots : OCI_ROOTS, DOCKERS};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const char *const *each = lists[i]; *each; each++)
            if (is_kept_in(*each, id))
                return (size_t)snprintf(root, size, "%s", *each) < size;
    return false;
}
