#include "workload/classify.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "workload/fields.h"

/* Compose and swarm, Kubernetes (recommended labels, then older habits), the CRI runtimes, OCI. */
static const char *const SERVICE_LABELS[] = {
    "com.docker.compose.service",
    "com.docker.swarm.service.name",
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "k8s-app",
    "app",
    "io.kubernetes.container.name",
    "io.kubernetes.cri.container-name",
    "io.kubernetes.pod.name",
    "org.opencontainers.image.title",
};

static const char *const VERSION_LABELS[] = {
    "app.kubernetes.io/version",
    "org.opencontainers.image.version",
};

/* containerd's CRI, CRI-O, and the image specification's name of a reference. */
static const char *const IMAGE_LABELS[] = {
    "io.kubernetes.cri.image-name",
    "io.kubernetes.cri-o.ImageName",
    "org.opencontainers.image.ref.name",
};

/* containerd's CRI, dockershim and its heirs, CRI-O. */
static const char *const NAMESPACE_LABELS[] = {
    "io.kubernetes.cri.sandbox-namespace",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.cri-o.Namespace",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

void description_free(struct description *description)
{
    json_decref(description->labels);
    description->labels = NULL;
}

static const char *label(const struct description *description, const char *key)
{
    return json_string_value(json_object_get(description->labels, key));
}

static const char *first_label(const struct description *description, const char *const *keys,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = label(description, keys[i]);
        if (value && value[0] != '\0')
            return value;
    }
    return NULL;
}

/* The tag or digest of "registry:5000/group/name:tag@sha256:…" starts behind the last slash. */
static const char *image_base(const char *image)
{
    const char *slash = strrchr(image, '/');
    return slash ? slash + 1 : image;
}

static void short_digest(const char *digest, char *to, size_t size)
{
    const char *colon = strchr(digest, ':');
    text_copy(to, size < 13 ? size : 13, colon ? colon + 1 : digest);
}

/* "web_1" and "shop-web-2" are replicas of "web" and "shop-web". */
static void strip_replica_number(char *name)
{
    size_t end = strlen(name);
    size_t digits = end;
    while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
        digits--;
    if (digits < end && digits > 1 && (name[digits - 1] == '_' || name[digits - 1] == '-'))
        name[digits - 1] = '\0';
}

static void find_service(const struct description *description, char *service)
{
    const struct workload *workload = &description->workload;
    const char *named = first_label(description, SERVICE_LABELS, COUNT(SERVICE_LABELS));
    if (named) {
        text_copy(service, WORKLOAD_TEXT, named);
        return;
    }
    /* An image that was given by its id only ("sha256:…") has no name. */
    if (workload->image[0] != '\0' && strncmp(workload->image, "sha256:", 7) != 0) {
        text_copy(service, WORKLOAD_TEXT, image_base(workload->image));
        service[strcspn(service, ":@")] = '\0';
        if (service[0] != '\0')
            return;
    }
    text_copy(service, WORKLOAD_TEXT, workload->name[0] ? workload->name : workload->id);
    strip_replica_number(service);
}

/* A label holds no "/": a name that begins with its namespace has been made here before. */
static void name_within(const char *space, char *service)
{
    char whole[2 * WORKLOAD_TEXT];
    size_t length = strlen(space);
    if (strncmp(service, space, length) == 0 && service[length] == '/')
        return;
    snprintf(whole, sizeof whole, "%s/%s", space, service);
    text_copy(service, WORKLOAD_TEXT, whole);
}

/* Kubernetes' default namespace distinguishes nothing. */
static void name_service(const struct description *description, bool compose_projects,
                         struct workload *workload)
{
    const char *space = first_label(description, NAMESPACE_LABELS, COUNT(NAMESPACE_LABELS));
    const char *project = label(description, "com.docker.compose.project");
    find_service(description, workload->service);
    if (space && strcmp(space, "default") != 0)
        name_within(space, workload->service);
    else if (project && project[0] && compose_projects)
        name_within(project, workload->service);
    else if (project)
        text_copy(workload->project, sizeof workload->project, project);
}

static void find_version(const struct description *description, char *version)
{
    const char *image = image_base(description->workload.image);
    const char *named = first_label(description, VERSION_LABELS, COUNT(VERSION_LABELS));
    const char *digest = strchr(image, '@');
    const char *tag = strchr(image, ':');
    if (named)
        text_copy(version, WORKLOAD_TEXT, named);
    else if (description->image_id[0] != '\0')
        short_digest(description->image_id, version, WORKLOAD_TEXT);
    else if (digest)
        short_digest(digest + 1, version, WORKLOAD_TEXT);
    else if (tag)
        text_copy(version, WORKLOAD_TEXT, tag + 1);
    if (version[0] == '\0')
        text_copy(version, WORKLOAD_TEXT, "-");
}

/* Matches "label:KEY=GLOB"; a key may itself hold no "=". */
static bool label_matches(const struct description *description, const char *key, size_t length,
                          const char *glob)
{
    char name[WORKLOAD_TEXT];
    if ((size_t)snprintf(name, sizeof name, "%.*s", (int)length, key) >= sizeof name)
        return false;
    const char *value = label(description, name);
    return value && fnmatch(glob, value, 0) == 0;
}

bool classify_matches(const struct description *description, const char *match)
{
    const struct workload *workload = &description->workload;
    const char *equals = strchr(match, '=');
    if (!equals)
        return false;
    size_t length = (size_t)(equals - match);
    const char *glob = equals + 1;
    if (strncmp(match, "label:", 6) == 0)
        return label_matches(description, match + 6, length - 6, glob);
    const struct {
        const char *field;
        const char *value;
    } fields[] = {
        {"name", workload->name},
        {"image", workload->image},
        {"id", workload->id},
        {"cgroup", workload->cgroup_path},
    };
    for (size_t i = 0; i < COUNT(fields); i++)
        if (strlen(fields[i].field) == length && strncmp(match, fields[i].field, length) == 0)
            return fields[i].value[0] != '\0' && fnmatch(glob, fields[i].value, 0) == 0;
    return false;
}

void classify(struct description *description, const struct workload_options *options)
{
    struct workload *workload = &description->workload;
    const struct workload_rule *rules = options->rules;
    const char *image = first_label(description, IMAGE_LABELS, COUNT(IMAGE_LABELS));
    if (workload->image[0] == '\0' && image)
        text_copy(workload->image, sizeof workload->image, image);
    text_copy(workload->service, WORKLOAD_TEXT, description->service ? description->service : "");
    text_copy(workload->version, WORKLOAD_TEXT, description->version ? description->version : "");
    for (size_t i = 0; i < options->rule_count && workload->service[0] == '\0'; i++) {
        if (!classify_matches(description, rules[i].match))
            continue;
        text_copy(workload->service, sizeof workload->service, rules[i].service);
        if (rules[i].version && workload->version[0] == '\0')
            text_copy(workload->version, sizeof workload->version, rules[i].version);
    }
    workload->project[0] = '\0';
    if (workload->service[0] == '\0')
        name_service(description, options->compose_projects, workload);
    if (workload->version[0] == '\0')
        find_version(description, workload->version);
}

bool classify_is_sandbox(const struct description *description)
{
    static const char *const MARKS[][2] = {
        {"io.kubernetes.cri.container-type", "sandbox"},
        {"io.kubernetes.cri-o.ContainerType", "sandbox"},
        {"io.kubernetes.docker.type", "podsandbox"},
    };
    for (size_t i = 0; i < COUNT(MARKS); i++) {
        const char *value = label(description, MARKS[i][0]);
        if (value && strcmp(value, MARKS[i][1]) == 0)
            return true;
    }
    return false;
}
