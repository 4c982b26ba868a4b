/* The data sets whose labels are in files beside the traces: LID-DS 2019 and 2021. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "trace/dataset_kind.h"
#include "trace/input.h"

#define JSON_MAX 1048576

/* The split that the set's authors use (their DataLoader2019): the first of the normal ones. */
#define TRAINING_2019   200
#define VALIDATION_2019 50

static void close_input(struct input **input)
{
    input_close(*input);
}

/* ---- 2021: training/, validation/, test/normal/, test/normal_and_attack/ ---- */

/* The description of a recording: in its zip file, or the .json beside its .sc. */
static json_t *read_description(const char *path, struct error *err)
{
    autofree char *beside = strdup(path), *text = malloc(JSON_MAX + 1);
    if (!beside || !text) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    if (name_ends(path, ".sc")) {
        autofree char *stem = strndup(path, strlen(path) - strlen(".sc"));
        free(take_pointer(beside));
        if (!stem || asprintf(&beside, "%s.json", stem) < 0)
            return NULL;
    }
    __attribute__((cleanup(close_input))) struct input *input =
        input_open_member(beside, ".json", err);
    long size = input ? input_read(input, text, JSON_MAX, err) : -1;
    if (size < 0)
        return NULL;
    for (long i = 0; i < size; i++) /* some were written with the quotes of Python */
        if (text[i] == '\'')
            text[i] = '"';
    json_error_t where;
    json_t *json = json_loadb(text, (size_t)size, 0, &where);
    if (!json)
        error_set(err, EXIT_USAGE, 0, "%s: line %d of the description: %s", beside, where.line,
                  where.text);
    return json;
}

/* When the first exploit began. */
static int find_start(struct dataset_trace *trace, struct error *err)
{
    json_t *json = read_description(trace->path, err);
    if (!json)
        return -1;
    double seconds = 0;
    json_t *exploit = json_array_get(json_object_get(json_object_get(json, "time"), "exploit"), 0);
    json_t *absolute = json_object_get(exploit, "absolute");
    if (json_is_number(absolute))
        seconds = json_number_value(absolute);
    trace->start_known = seconds > 0 && seconds < 1e10;
    trace->start = trace->start_known ? (uint64_t)(seconds * (double)NS_PER_S) : 0;
    json_decref(json);
    return 0;
}

/* The folder above `at`, which names the scenario; the data set's own folder when there is none. */
static const char *scenario(const struct file_list *files, const char *name, const char *at,
                            size_t *length)
{
    const char *path = files->root, *end = path + strlen(path);
    if (at > name) {
        path = name;
        end = at - 1;
    }
    const char *slash = memrchr(path, '/', (size_t)(end - path));
    const char *begin = slash ? slash + 1 : path;
    *length = (size_t)(end - begin);
    return begin;
}

int list_lid_ds_2021(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i], *test = find_folder(name, "test");
        if (!name_ends(name, ".zip") && !name_ends(name, ".sc"))
            continue;
        if (test && find_folder(test, "normal_and_attack")) {
            size_t length;
            const char *attack = scenario(files, name, test, &length);
            if (find_start(dataset_add(dataset, files, name, LABEL_ATTACK, attack, length), err) <
                0)
                return -1;
        } else if (test) {
            dataset_add(dataset, files, name, LABEL_NORMAL, "", 0);
        } else if (find_folder(name, "training")) {
            dataset_add(dataset, files, name, LABEL_TRAINING, "", 0);
        } else if (find_folder(name, "validation")) {
            dataset_add(dataset, files, name, LABEL_VALIDATION, "", 0);
        }
    }
    return 0;
}

/* ---- 2019: runs.csv beside the traces ---- */

enum { IMAGE, RECORDING, EXPLOITS, WARMUP, DURATION, START, FIELDS };

/* "image, recording, True, 10, 60, 42" in place; false when fields are missing. */
static bool split_run(char *line, char *field[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        field[i] = strsep(&line, ",");
        if (!field[i])
            return false;
        field[i] += strspn(field[i], " \t");
        field[i][strcspn(field[i], " \t\r\n")] = '\0';
    }
    return true;
}

static int add_run(struct dataset *dataset, const struct file_list *files, const char *csv,
                   char *field[FIELDS], size_t normal, struct error *err)
{
    autofree char *name = NULL;
    size_t folder = strlen(csv) - strlen("runs.csv"), length;
    if (asprintf(&name, "%.*s%s.txt", (int)folder, csv, field[RECORDING]) < 0)
        return error_set(err, EXIT_MACHINE, ENOMEM, "%s", csv);
    if (strcasecmp(field[EXPLOITS], "true") != 0) {
        enum trace_label label = normal < TRAINING_2019                     ? LABEL_TRAINING
                                 : normal < TRAINING_2019 + VALIDATION_2019 ? LABEL_VALIDATION
                                                                            : LABEL_NORMAL;
        dataset_add(dataset, files, name, label, "", 0);
        return 0;
    }
    const char *attack = scenario(files, csv, csv + folder, &length);
    struct dataset_trace *trace = dataset_add(dataset, files, name, LABEL_ATTACK, attack, length);
    uint64_t seconds;
    if (parse_u64("exploit_start_time", field[START], 0, 1000000, &seconds, err) < 0)
        return error_context(err, "%s/%s", files->root, csv);
    trace->start_known = trace->start_relative = true;
    trace->start = seconds * NS_PER_S;
    return 0;
}

static int list_runs(struct dataset *dataset, const struct file_list *files, const char *csv,
                     struct error *err)
{
    autofree char *path = NULL;
    if (asprintf(&path, "%s/%s", files->root, csv) < 0)
        return error_set(err, EXIT_MACHINE, ENOMEM, "%s", csv);
    __attribute__((cleanup(close_input))) struct input *input = input_open(path, err);
    char *line, *field[FIELDS];
    size_t length, normal = 0;
    uint64_t number = 0;
    int got = input ? input_line(input, &line, &length, &number, err) : -1; /* the titles */
    while (got > 0 && (got = input_line(input, &line, &length, &number, err)) > 0) {
        if (strspn(line, " \t\r") == length)
            continue;
        if (!split_run(line, field))
            return error_set(err, EXIT_USAGE, 0, "%s: line %llu: fewer than %d fields", path,
                             (unsigned long long)number, FIELDS);
        size_t before = normal;
        normal += strcasecmp(field[EXPLOITS], "true") != 0;
        if (add_run(dataset, files, csv, field, before, err) < 0)
            return -1;
    }
    return got;
}

int list_lid_ds_2019(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    for (size_t i = 0; i < files->count; i++)
        if ((strcmp(files->names[i], "runs.csv") == 0 || name_ends(files->names[i], "/runs.csv")) &&
            list_runs(dataset, files, files->names[i], err) < 0)
            return -1;
    return 0;
}
