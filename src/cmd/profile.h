/* What the parts of `skink profile` share. */
#ifndef SKINK_CMD_PROFILE_H
#define SKINK_CMD_PROFILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "profile/similarity.h"

/* The command line after the subcommand. */
struct profile_request {
    const char *state_dir;
    const char *socket; /* of rm; NULL: the configuration's */
    char *const *names; /* operands behind the subcommand, NULL-ended */
    size_t name_count;
    const char *svg;     /* NULL: none; "-": standard output */
    const char *output;  /* NULL: none */
    const char *version; /* of reuse */
    struct tversky weights;
    bool json;
    bool patterns;
    bool seccomp;
    const char *runtime; /* of export */
};

/* One file in STATE_DIR/profiles. */
struct profile_entry {
    char *path;
    char *name;              /* SERVICE@VERSION */
    size_t service_length;   /* of SERVICE in it */
    struct profile *profile; /* NULL: damaged */
    char *damage;            /* why, when damaged */
};

struct profile_list {
    struct profile_entry *entries; /* by name */
    size_t count;
};

/* Every profile of the state directory; the list is empty, and to be freed, on an error too. */
int profile_list_read(const char *state_dir, struct profile_list *list, struct error *err);
void profile_list_free(struct profile_list *list);

/* The one entry called SERVICE or SERVICE@VERSION, damaged or not; NULL when none or several are.
 */
struct profile_entry *profile_list_find(const struct profile_list *list, const char *name,
                                        struct error *err);

/* The profile called NAME, or in a file of that path. NULL on an error. */
struct profile *profile_open(const struct profile_request *request, const char *name,
                             struct error *err);

/* Writes it into the file that the request names. */
int profile_put(const struct profile_request *request, struct profile *profile, struct error *err);

/* "service", "version", "state", counts and times: what ls and show have in common. */
json_t *profile_summary(struct profile *profile);

/* Prints and frees it. */
void profile_print_json(json_t *json);

/* The subcommands; exit code or -1. */
int profile_ls(const struct profile_request *request, struct error *err);
int profile_show(const struct profile_request *request, struct error *err);
int profile_growth_show(const struct profile_request *request, struct error *err);
int profile_rm(const struct profile_request *request, struct error *err);
int profile_merge_run(const struct profile_request *request, struct error *err);
int profile_reuse_run(const struct profile_request *request, struct error *err);
int profile_diff(const struct profile_request *request, struct error *err);
int profile_export(const struct profile_request *request, struct error *err);

#endif
