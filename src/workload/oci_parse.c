#include "workload/oci_parse.h"

#include <stdio.h>
#include <string.h>

#include "workload/fields.h"

void oci_state_free(struct oci_state *state)
{
    json_decref(state->annotations);
    state->annotations = NULL;
}

/* runc keeps the annotations, and the bundle with them, as a list of "KEY=VALUE". */
static json_t *labels_of(const json_t *list)
{
    json_t *labels = json_object();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        const char *text = json_string_value(item);
        const char *equals = text ? strchr(text, '=') : NULL;
        char key[WORKLOAD_TEXT];
        if (equals &&
            (size_t)snprintf(key, sizeof key, "%.*s", (int)(equals - text), text) < sizeof key)
            json_object_set_new(labels, key, json_string(equals + 1));
    }
    return labels;
}

int oci_parse_runc(const char *text, size_t size, const char *controller, struct oci_state *state,
                   struct error *err)
{
    autojson json_t *root = fields_parse("state.json", text, size, err);
    if (!root)
        return -1;
    state->engine = ENGINE_OCI;
    state->pid = fields_pid(json_object_get(root, "init_process_pid"));
    fields_text(json_object_get(json_object_get(root, "cgroup_paths"), controller), state->cgroup,
                sizeof state->cgroup);
    state->annotations = labels_of(json_object_get(json_object_get(root, "config"), "labels"));
    fields_text(json_object_get(state->annotations, "bundle"), state->bundle, sizeof state->bundle);
    if (state->pid == 0)
        return error_set(err, EXIT_USAGE, 0, "state.json: no init_process_pid");
    return 0;
}

int oci_parse_crun(const char *text, size_t size, struct oci_state *state, struct error *err)
{
    autojson json_t *root = fields_parse("status", text, size, err);
    if (!root)
        return -1;
    state->engine = ENGINE_CRUN;
    state->pid = fields_pid(json_object_get(root, "pid"));
    fields_text(json_object_get(root, "cgroup-path"), state->cgroup, sizeof state->cgroup);
    fields_text(json_object_get(root, "bundle"), state->bundle, sizeof state->bundle);
    if (state->pid == 0)
        return error_set(err, EXIT_USAGE, 0, "status: no pid");
    return 0;
}

int oci_parse_config(const char *text, size_t size, json_t **annotations, struct error *err)
{
    autojson json_t *root = fields_parse("config.json", text, size, err);
    if (!root)
        return -1;
    *annotations = json_incref(json_object_get(root, "annotations"));
    return 0;
}
