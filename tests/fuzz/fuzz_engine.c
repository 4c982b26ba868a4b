/* Everything that engines, runtimes and the kernel's cgroup paths say; the first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workload/cgroup_name.h"
#include "workload/classify.h"
#include "workload/engine_parse.h"
#include "workload/fields.h"
#include "workload/lxc.h"
#include "workload/oci_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_description(const char *text, size_t size, struct error *err)
{
    const struct workload_rule rules[] = {
        {"label:app=a*", "a", NULL}, {"image=*/b:[1-9]", "b", "2"}, {"cgroup=*c*", "c", NULL}};
    const struct workload_options options = {
        .rules = rules, .rule_count = 3, .compose_projects = size % 2};
    struct description description = {0};
    if (engine_parse_inspect(text, size, &description, err) == 0) {
        classify_is_sandbox(&description);
        classify(&description, &options);
        if (!description.workload.service[0] || !description.workload.version[0])
            abort();
    }
    description_free(&description);
}

static void one_list(const char *text, size_t size, struct error *err)
{
    autofree container_id *ids = NULL;
    size_t count = 0;
    if (engine_parse_list(text, size, &ids, &count, err) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (!is_container_id(ids[i], strlen(ids[i])))
            abort();
}

static void one_state(const char *text, size_t size, bool runc, struct error *err)
{
    struct oci_state state = {0};
    if (runc)
        oci_parse_runc(text, size, "pids", &state, err);
    else
        oci_parse_crun(text, size, &state, err);
    oci_state_free(&state);
}

static void one_path(const char *path)
{
    struct cgroup_name name;
    if (cgroup_name_parse(path, &name) &&
        (name.length > strlen(path) || cgroup_name_find(path, name.id) == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    enum engine_action action;
    container_id id;
    if (size == 0)
        return 0;
    autofree char *text = strndup((const char *)data + 1, size - 1);
    autojson json_t *object = NULL;
    const char *raw = (const char *)data + 1;
    size--;
    switch (data[0]) {
    case 'i':
        one_description(raw, size, &err);
        break;
    case 'l':
        one_list(raw, size, &err);
        break;
    case 'e':
        engine_parse_event(raw, size, &action, id, &err);
        break;
    case 'r':
        one_state(raw, size, true, &err);
        break;
    case 'c':
        one_state(raw, size, false, &err);
        break;
    case 'o':
        oci_parse_config(raw, size, &object, &err);
        break;
    case 'x':
        object = lxc_parse_config(raw, size);
        break;
    case 'm':
        classify_matches(&(struct description){0}, text);
        break;
    default:
        one_path(text);
    }
    return 0;
}
