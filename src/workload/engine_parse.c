#include "workload/engine_parse.h"

#include <string.h>

#include "base/cleanup.h"
#include "workload/cgroup_name.h"
#include "workload/fields.h"

/* Ids become part of request paths: nothing but hexadecimal digits passes. */
static bool take_id(const json_t *value, container_id id)
{
    const char *text = json_string_value(value);
    if (!text || !is_container_id(text, json_string_length(value)))
        return false;
    memcpy(id, text, sizeof(container_id));
    return true;
}

int engine_parse_list(const char *text, size_t size, container_id **ids, size_t *count,
                      struct error *err)
{
    autojson json_t *root = fields_parse("list of containers", text, size, err);
    if (!root)
        return -1;
    if (!json_is_array(root))
        return error_set(err, EXIT_USAGE, 0, "list of containers: not a JSON array");
    size_t entries = json_array_size(root);
    entries = entries < WORKLOADS_MAX ? entries : WORKLOADS_MAX;
    *ids = calloc(entries + 1, sizeof **ids);
    if (!*ids)
        return error_set(err, EXIT_MACHINE, 0, "out of memory");
    *count = 0;
    for (size_t i = 0; i < entries; i++)
        *count += take_id(json_object_get(json_array_get(root, i), "Id"), (*ids)[*count]);
    return 0;
}

int engine_parse_inspect(const char *text, size_t size, struct description *description,
                         struct error *err)
{
    autojson json_t *root = fields_parse("description of a container", text, size, err);
    struct workload *workload = &description->workload;
    container_id id;
    if (!root)
        return -1;
    if (!take_id(json_object_get(root, "Id"), id))
        return error_set(err, EXIT_USAGE, 0, "description of a container: it has no id");
    const json_t *config = json_object_get(root, "Config");
    const json_t *state = json_object_get(root, "State");
    const char *name = json_string_value(json_object_get(root, "Name"));
    text_copy(workload->id, sizeof workload->id, id);
    text_copy(workload->name, sizeof workload->name, name ? name + strspn(name, "/") : "");
    fields_text(json_object_get(config, "Image"), workload->image, sizeof workload->image);
    fields_text(json_object_get(root, "Image"), description->image_id,
                sizeof description->image_id);
    description->labels = json_incref(json_object_get(config, "Labels"));
    if (json_is_true(json_object_get(state, "Running")))
        workload->pid = fields_pid(json_object_get(state, "Pid"));
    return 0;
}

static enum engine_action action_of(const char *name)
{
    static const struct {
        const char *name;
        enum engine_action action;
    } ACTIONS[] = {
        {"create", ACTION_CREATE},  {"start", ACTION_START},   {"die", ACTION_DIE},
        {"destroy", ACTION_REMOVE}, {"remove", ACTION_REMOVE},
    };
    for (size_t i = 0; name && i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (strcmp(ACTIONS[i].name, name) == 0)
            return ACTIONS[i].action;
    return ACTION_OTHER;
}

int engine_parse_event(const char *text, size_t size, enum engine_action *action, container_id id,
                       struct error *err)
{
    autojson json_t *root = fields_parse("event", text, size, err);
    if (!root)
        return -1;
    const char *type = json_string_value(json_object_get(root, "Type"));
    *action = ACTION_OTHER;
    if (type && strcmp(type, "container") == 0 &&
        take_id(json_object_get(json_object_get(root, "Actor"), "ID"), id))
        *action = action_of(json_string_value(json_object_get(root, "Action")));
    return 0;
}
