/* What `skink inject` makes (docs/campaigns.md): truth.jsonl labels the parts in calls/. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "trace/dataset_kind.h"
#include "trace/input.h"

/* calls/PART/SERVICE/REPLICA.trace; what these parts are called is within the name. */
struct place {
    const char *part, *service;
    int part_length, service_length;
};

static bool find_place(const char *name, struct place *place)
{
    if (strncmp(name, "calls/", strlen("calls/")) != 0 || !name_ends(name, ".trace"))
        return false;
    const char *part = name + strlen("calls/"), *slash = strchr(part, '/');
    const char *service = slash ? slash + 1 : NULL, *end = service ? strchr(service, '/') : NULL;
    if (!end || strchr(end + 1, '/'))
        return false;
    *place = (struct place){part, service, (int)(slash - part), (int)(end - service)};
    return true;
}

static void close_input(struct input **input)
{
    input_close(*input);
}

/* The lines by their step. NULL on error. */
static json_t *read_truth(const char *path, struct error *err)
{
    __attribute__((cleanup(close_input))) struct input *input = input_open(path, err);
    char *line;
    size_t length;
    uint64_t number = 0;
    int got = input ? 1 : -1;
    json_t *truth = json_object();
    while (got > 0 && (got = input_line(input, &line, &length, &number, err)) > 0) {
        json_error_t where;
        json_t *step = json_loadb(line, length, 0, &where);
        const char *name = json_string_value(json_object_get(step, "step"));
        if (name)
            json_object_set(truth, name, step);
        else
            got = error_set(err, EXIT_USAGE, 0, "%s: line %llu: no step of a campaign: %s", path,
                            (unsigned long long)number, step ? "it has no name" : where.text);
        json_decref(step);
    }
    if (got == 0)
        return truth;
    json_decref(truth);
    return NULL;
}

static bool is_text(const json_t *json, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(json, key));
    return value && strcmp(value, text) == 0;
}

/* Did the attack pass through the service? When it does not say where, it may have. */
static bool passed_through(const json_t *step, const char *service)
{
    size_t i;
    const json_t *name, *path = json_object_get(step, "path");
    if (!json_array_size(path))
        return !json_is_string(json_object_get(step, "entry")) || is_text(step, "entry", service);
    json_array_foreach (path, i, name)
        if (json_is_string(name) && strcmp(json_string_value(name), service) == 0)
            return true;
    return false;
}

/* folder: the length of what stands before the replica's name. */
static bool is_trace_of(const char *name, size_t folder, const char *replica)
{
    size_t length = strlen(replica);
    return strncmp(name + folder, replica, length) == 0 &&
           strcmp(name + folder + length, ".trace") == 0;
}

/* Is the trace that of a replica beside the one that was attacked? Not when the one that the attack
 * names has none: then it means something else by the name. */
static bool is_sibling(const struct file_list *files, const char *name, const char *service,
                       const json_t *step)
{
    const json_t *replicas = json_object_get(step, "replicas");
    const char *attacked = json_string_value(json_object_get(replicas, service));
    size_t folder = (size_t)(strrchr(name, '/') + 1 - name);
    if (!attacked || is_trace_of(name, folder, attacked))
        return false;
    for (size_t i = 0; i < files->count; i++)
        if (strncmp(files->names[i], name, folder) == 0 &&
            is_trace_of(files->names[i], folder, attacked))
            return true;
    return false;
}

/* Every attack that succeeded gets its number the first time that it is met. */
static size_t occurrence(struct dataset *dataset, json_t *step)
{
    json_int_t number = json_integer_value(json_object_get(step, "occurrence"));
    if (!number) {
        number = (json_int_t)++dataset->occurrences;
        json_object_set_new(step, "occurrence", json_integer(number));
    }
    return (size_t)number;
}

static int add_trace(struct dataset *dataset, const struct file_list *files, const char *name,
                     const char *service, json_t *step, struct error *err)
{
    const char *attack = json_string_value(json_object_get(step, "name"));
    const char *begin = json_string_value(json_object_get(step, "begin"));
    bool attacked = is_text(step, "kind", "attack");
    if (attacked && !json_is_true(json_object_get(step, "succeeded")))
        return 0;
    attacked = attacked && attack && passed_through(step, service);
    if (attacked && is_sibling(files, name, service, step))
        return 0; /* nobody knows whether it was touched, too */
    bool learn = is_text(step, "name", "training") || is_text(step, "name", "waiting");
    enum trace_label label = attacked                              ? LABEL_ATTACK
                             : learn                               ? LABEL_TRAINING
                             : is_text(step, "name", "validation") ? LABEL_VALIDATION
                                                                   : LABEL_NORMAL;
    struct dataset_trace *trace = dataset_add(dataset, files, name, label, attacked ? attack : "",
                                              attacked ? strlen(attack) : 0);
    free(trace->service);
    trace->service = memory_must(strdup(service));
    if (!attacked)
        return 0;
    trace->occurrence = occurrence(dataset, step);
    trace->start_known = true;
    if (!begin || clock_parse(begin, &trace->start) < 0)
        return error_set(err, EXIT_USAGE, 0, "%s/truth.jsonl: %s: when did it begin?", files->root,
                         attack);
    return 0;
}

static int list_parts(struct dataset *dataset, const struct file_list *files, json_t *truth,
                      struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        struct place place;
        if (!find_place(files->names[i], &place))
            continue;
        autofree char *part = memory_must(strndup(place.part, (size_t)place.part_length));
        autofree char *service = memory_must(strndup(place.service, (size_t)place.service_length));
        json_t *step = json_object_get(truth, part);
        if (step && add_trace(dataset, files, files->names[i], service, step, err) < 0)
            return -1;
    }
    return 0;
}

int list_campaign(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    autofree char *path = NULL;
    bool campaign = false, told = false;
    for (size_t i = 0; i < files->count; i++) {
        campaign |= strcmp(files->names[i], "campaign.json") == 0;
        told |= strcmp(files->names[i], "truth.jsonl") == 0;
    }
    if (!campaign || !told)
        return 0;
    if (asprintf(&path, "%s/truth.jsonl", files->root) < 0)
        memory_must(NULL);
    json_t *truth = read_truth(path, err);
    int done = truth ? list_parts(dataset, files, truth, err) : -1;
    json_decref(truth);
    return done;
}
