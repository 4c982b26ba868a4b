/* The state files of runc and crun, and the OCI configuration of a bundle. */
#ifndef SKINK_WORKLOAD_OCI_PARSE_H
#define SKINK_WORKLOAD_OCI_PARSE_H

#include <jansson.h>

#include "workload/workload.h"

struct oci_state {
    enum workload_engine engine;
    pid_t pid;
    char cgroup[1024];   /* runc: with the mount point; crun: below the hierarchy's root */
    char bundle[1024];   /* "" when the state does not say it */
    json_t *annotations; /* object of texts; owned, may be NULL */
};

void oci_state_free(struct oci_state *state);

/* runc's state.json; controller as in struct cgroup_hierarchy, "" on v2. */
int oci_parse_runc(const char *text, size_t size, const char *controller, struct oci_state *state,
                   struct error *err);

/* crun's status. */
int oci_parse_crun(const char *text, size_t size, struct oci_state *state, struct error *err);

/* A bundle's config.json: its annotations, NULL when it has none (OCI runtime-spec, config.md). */
int oci_parse_config(const char *text, size_t size, json_t **annotations, struct error *err);

#endif
