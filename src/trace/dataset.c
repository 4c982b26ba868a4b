#include "trace/dataset.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "trace/dataset_kind.h"

const char *trace_label_name(enum trace_label label)
{
    static const char *const names[] = {"training", "validation", "normal", "attack"};
    return names[label];
}

/* ---- names ---- */

const char *find_folder(const char *name, const char *folder)
{
    size_t length = strlen(folder);
    for (const char *at = name; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        if (strncmp(at, folder, length) == 0 && at[length] == '/')
            return at;
    return NULL;
}

bool name_ends(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* The length of the folder's name at `at`. */
static size_t folder_length(const char *at)
{
    return strcspn(at, "/");
}

struct dataset_trace *dataset_add(struct dataset *dataset, const struct file_list *files,
                                  const char *name, enum trace_label label, const char *attack,
                                  size_t length)
{
    size_t count = dataset->count;
    if ((count & (count - 1)) == 0) /* full at each power of two */
        dataset->traces = memory_must(
            reallocarray(dataset->traces, count ? 2 * count : 1, sizeof *dataset->traces));
    struct dataset_trace *trace = &dataset->traces[dataset->count++];
    *trace = (struct dataset_trace){.label = label};
    trace->name = memory_must(strdup(name));
    trace->attack = memory_must(strndup(attack, length));
    trace->service = memory_must(strdup(""));
    if (asprintf(&trace->path, "%s/%s", files->root, name) < 0)
        memory_must(trace->path = NULL);
    return trace;
}

/* ---- the kinds that are known by their folders alone ---- */

/* Training_Data_Master/UTD-0001.txt, Attack_Data_Master/Hydra_FTP_1/UAD-Hydra-FTP-1-1371.txt */
static int list_adfa_ld(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i], *attack = find_folder(name, "Attack_Data_Master");
        if (!name_ends(name, ".txt"))
            continue;
        if (find_folder(name, "Training_Data_Master"))
            dataset_add(dataset, files, name, LABEL_TRAINING, "", 0);
        if (find_folder(name, "Validation_Data_Master"))
            dataset_add(dataset, files, name, LABEL_NORMAL, "", 0);
        if (!attack)
            continue;
        attack += strlen("Attack_Data_Master/");
        size_t length = folder_length(attack); /* the number of the attack's run goes */
        const char *last = memrchr(attack, '_', length);
        dataset_add(dataset, files, name, LABEL_ATTACK, attack,
                    last ? (size_t)(last - attack) : length);
    }
    return 0;
}

/* 5.xlock/normal/….int, 5.xlock/intrusion/….int: the attacks are called after the program. */
static int list_unm(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i], *attack = find_folder(name, "intrusion");
        if (!name_ends(name, ".int"))
            continue;
        if (find_folder(name, "normal"))
            dataset_add(dataset, files, name, LABEL_NORMAL, "", 0);
        if (!attack)
            continue;
        const char *program =
            attack > name ? memrchr(name, '/', (size_t)(attack - name - 1)) : NULL;
        program = program ? program + 1 : name;
        size_t length = attack > program ? (size_t)(attack - program - 1) : 0;
        dataset_add(dataset, files, name, LABEL_ATTACK, length ? program : "intrusion",
                    length ? length : strlen("intrusion"));
    }
    return 0;
}

/* normal/wordpress_normal_1, exec/wordpress_exec_1 */
static int list_hids_docker(struct dataset *dataset, const struct file_list *files,
                            struct error *err)
{
    (void)err;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i];
        if (find_folder(name, "normal") && strstr(name, "_normal_"))
            dataset_add(dataset, files, name, LABEL_NORMAL, "", 0);
        if (find_folder(name, "exec") && strstr(name, "_exec_"))
            dataset_add(dataset, files, name, LABEL_ATTACK, "exec", strlen("exec"));
    }
    return 0;
}

/* training/…, validation/…, normal/…, attack/KIND/… or attack/… */
static int list_folder(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i];
        for (enum trace_label label = LABEL_TRAINING; label <= LABEL_ATTACK; label++) {
            const char *folder = trace_label_name(label), *kind = name + strlen(folder) + 1;
            if (find_folder(name, folder) != name)
                continue;
            bool attack = label == LABEL_ATTACK;
            if (!strchr(kind, '/'))
                kind = folder;
            dataset_add(dataset, files, name, label, attack ? kind : "",
                        attack ? folder_length(kind) : 0);
        }
    }
    return 0;
}

/* The first that finds a trace is it. */
static const struct dataset_kind KINDS[] = {
    {"campaign", {0}, list_campaign},
    {"adfa-ld", {.format = "adfa-ld"}, list_adfa_ld},
    {"lid-ds-2019", {.format = "lid-ds-2019"}, list_lid_ds_2019},
    {"lid-ds-2021", {.format = "lid-ds-2021"}, list_lid_ds_2021},
    {"unm", {.format = "unm"}, list_unm},
    {"hids-docker", {.format = "strace"}, list_hids_docker},
    {"folder", {0}, list_folder},
};

/* ---- the files ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void keep_name(struct file_list *files, const char *name)
{
    size_t count = files->count;
    if ((count & (count - 1)) == 0)
        files->names =
            memory_must(reallocarray(files->names, count ? 2 * count : 1, sizeof *files->names));
    files->names[files->count++] = memory_must(strdup(name));
}

static void files_clear(struct file_list *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->names[i]);
    free(files->names);
}

static int list_files(struct file_list *files, struct error *err)
{
    autofree char *root = memory_must(strdup(files->root));
    char *const roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk)
        return error_set(err, EXIT_USAGE, errno, "cannot read %s", files->root);
    int failed = 0;
    for (FTSENT *entry; !failed && (entry = fts_read(walk));) {
        int info = entry->fts_info;
        if (info == FTS_DNR || info == FTS_ERR || info == FTS_NS)
            failed =
                error_set(err, EXIT_USAGE, entry->fts_errno, "cannot read %s", entry->fts_path);
        else if (info == FTS_F && entry->fts_level > 0)
            keep_name(files, entry->fts_path + strlen(root) + 1);
    }
    fts_close(walk);
    return failed;
}

static int find_kind(struct dataset *dataset, const struct file_list *files, struct error *err)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (KINDS[i].list(dataset, files, err) < 0)
            return -1;
        if (dataset->count > 0) {
            dataset->kind = KINDS[i].name;
            dataset->options = KINDS[i].options;
            return 0;
        }
    }
    return error_set(err, EXIT_USAGE, 0,
                     "%s: not a data set (it wants the folders of a known one, or training/,"
                     " normal/ and attack/)",
                     files->root);
}

int dataset_open(const char *path, struct dataset *dataset, struct error *err)
{
    autofree char *root = memory_must(strdup(path));
    for (size_t length = strlen(root); length > 1 && root[length - 1] == '/'; length--)
        root[length - 1] = '\0';
    struct file_list files = {.root = root};
    *dataset = (struct dataset){0};
    int failed = list_files(&files, err);
    if (!failed)
        failed = find_kind(dataset, &files, err);
    files_clear(&files);
    if (failed)
        dataset_clear(dataset);
    return failed;
}

void dataset_clear(struct dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++) {
        free(dataset->traces[i].path);
        free(dataset->traces[i].name);
        free(dataset->traces[i].attack);
        free(dataset->traces[i].service);
    }
    free(dataset->traces);
    *dataset = (struct dataset){0};
}
