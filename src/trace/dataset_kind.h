/* What a kind of data set is. Private to the trace room. */
#ifndef SKINK_TRACE_DATASET_KIND_H
#define SKINK_TRACE_DATASET_KIND_H

#include "trace/dataset.h"

/* Every file below the data set's folder, sorted. */
struct file_list {
    const char *root;
    char **names; /* within root */
    size_t count;
};

struct dataset_kind {
    const char *name;
    struct trace_options options;
    /* Adds the traces among the files, none when they are not of this kind. 0 or -1. */
    int (*list)(struct dataset *dataset, const struct file_list *files, struct error *err);
};

/* Adds a trace; attack (length bytes) is the kind of LABEL_ATTACK. */
struct dataset_trace *dataset_add(struct dataset *dataset, const struct file_list *files,
                                  const char *name, enum trace_label label, const char *attack,
                                  size_t length);

/* The folder called `folder` in the name, NULL when there is none. */
const char *find_folder(const char *name, const char *folder);

/* Does the name end in suffix? */
bool name_ends(const char *name, const char *suffix);

int list_campaign(struct dataset *dataset, const struct file_list *files, struct error *err);
int list_lid_ds_2019(struct dataset *dataset, const struct file_list *files, struct error *err);
int list_lid_ds_2021(struct dataset *dataset, const struct file_list *files, struct error *err);

#endif
