/*
 * The configuration of `skink run`: YAML, every key documented in docs/configuration.md, unknown
 * keys and bad values refused with file, line and what would be right.
 */
#ifndef SKINK_AGENT_CONFIG_H
#define SKINK_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "detect/replay.h"
#include "profile/growth.h"
#include "respond/harm.h"
#include "respond/rule.h"
#include "tolerate/rule.h"
#include "workload/workload.h"

/* Where the configuration of a host lies. */
#define CONFIG_PATH "/etc/skink/skink.yml"

/* As a threshold in struct detect_rule: the one that the profile proposes (a service that has no
 * profile yet is being learned and needs none). */
#define RULE_AUTO 0xffffffffU

/* What may differ from service to service. */
struct service_config {
    char *name; /* NULL: the defaults of all services */
    struct detect_rule detect;
    struct growth_rule growth;
    uint64_t min_calls;      /* fewer than these: the profile stays incomplete */
    bool reuse;              /* a new version starts from the profile of the one learned last */
    bool siblings;           /* while it is learned, compare its replicas */
    uint32_t file_threshold; /* new accesses within a minute that raise an alert; 0: none does */
    uint32_t flow_threshold; /* the same for calls of services never called before */
    bool watch;              /* false: leave this service alone */
    struct harm_rule harm;
    struct respond_rule respond;
    struct tolerance_rule tolerance;
};

/* A workload that no engine knows. Exactly one of cgroup and unit is set. */
struct extra_workload {
    char *cgroup;
    char *unit;
    char *service; /* NULL: named after the cgroup's last part or the unit */
    char *version;
};

/* What a scanner found in a service. Files are relative to state_dir. */
struct scan_config {
    char *file;
    char *osv;     /* records in which the packages of file, an SBOM, are looked up, or NULL */
    char *service; /* a glob; NULL: every service */
};

struct config {
    char *path;            /* where it was read from, NULL: built-in defaults */
    char *state_dir;       /* default /var/lib/skink */
    char *socket;          /* control socket, default /run/skink/skink.sock */
    char *group;           /* group that may use the socket, default root */
    char *operators;       /* group that may change something by it, NULL: root alone */
    char *listen;          /* "127.0.0.1:9469" for metrics, NULL: none */
    uint32_t window;       /* STIDE's n */
    uint32_t bag;          /* BoSC's m */
    uint32_t max_patterns; /* per service */
    uint32_t quota;        /* reports a second and replica */
    bool guardian;         /* a second process watches the daemon */
    bool sandbox;          /* the daemon gives up what it does not need */
    bool flows;            /* see who speaks to whom */
    bool files;            /* see what is done to files, and which programs run */
    uint32_t budget;       /* the same of all services */
    uint32_t evidence_mib; /* that are kept */
    uint32_t log_keep;     /* full files of the sealed log, 0: all */
    struct scan_config *scans;
    size_t scan_count;
    char *epss, *kev; /* relative to state_dir; "": none */
    uint64_t stale;   /* ns: older files are said to be stale */
    struct service_config defaults;
    struct service_config *services; /* overrides; each complete, defaults filled in */
    size_t service_count;
    struct workload_rule *rules;
    size_t rule_count;
    bool compose_projects; /* services of Compose are named PROJECT/SERVICE */
    struct extra_workload *extras;
    size_t extra_count;
    char *docker_socket, *podman_socket, *lxc_path; /* NULL: default; "": off */
    char **oci_roots;                               /* NULL-ended; NULL: defaults */
    char *alert_file; /* as written: relative to state_dir, default alerts.jsonl; "": none */
    bool alert_stdout;
    bool alert_journal;
    char *webhook; /* http(s) URL or NULL */
};

/* The built-in defaults. */
struct config *config_default(void);

/* NULL on error: err says "FILE:LINE: …". */
struct config *config_load(const char *path, struct error *err);
struct config *config_parse(const char *text, size_t size, const char *name, struct error *err);
void config_free(struct config *config);

/* The whole path of a file that is relative to state_dir; "" for "". Caller frees. */
char *config_file(const struct config *config, const char *file);

/* The file of alerts by its whole path, "" for none. Caller frees. */
char *config_alert_file(const struct config *config);

/* Prints the built-in defaults as an annotated YAML file (`skink help --config`). */
void config_print(FILE *out);

/* The socket of an engine's API; NULL: it has none. */
const char *config_engine_socket(const struct config *config, enum workload_engine engine);

/* Is a measure configured that starts a program: a command, or CRIU? */
bool config_starts_programs(const struct config *config);

/* The settings for a service: its own or the defaults. Never NULL. */
const struct service_config *config_service(const struct config *config, const char *service);

#endif
