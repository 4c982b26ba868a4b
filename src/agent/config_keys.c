#include "agent/config_keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "detect/frame.h"
#include "respond/measure.h"
#include "tolerate/capacity.h"

#define NEAR      3  /* edits after which a name is another name */
#define NAME_SIZE 64 /* longer than any key */

static const char *check_detect(const void *target, struct error *err)
{
    const struct detect_rule *rule = &((const struct service_config *)target)->detect;
    if (rule->frame_threshold != RULE_AUTO && rule->frame_threshold > rule->frame) {
        error_set(err, EXIT_USAGE, 0, "%u mismatches never fit into a frame of %u windows",
                  rule->frame_threshold, rule->frame);
        error_hint(err, "at most %u, or a longer frame", rule->frame);
        return "frame_threshold";
    }
    if (rule->epoch_threshold != RULE_AUTO && rule->epoch_threshold > rule->epoch) {
        error_set(err, EXIT_USAGE, 0, "%u mismatches never fit into an epoch of %u calls",
                  rule->epoch_threshold, rule->epoch);
        error_hint(err, "at most %u, or a longer epoch", rule->epoch);
        return "epoch_threshold";
    }
    return NULL;
}

static const char *check_respond(const void *target, struct error *err)
{
    const char *name = measure_unknown(((const struct service_config *)target)->respond.except);
    if (!name)
        return NULL;
    error_set(err, EXIT_USAGE, 0, "\"%.*s\" is no measure", (int)strcspn(name, ", "), name);
    error_hint(err, "docs/response.md lists them");
    return "except";
}

static const char *check_extra(const void *target, struct error *err)
{
    const struct extra_workload *extra = target;
    if (!extra->cgroup == !extra->unit) {
        error_set(err, EXIT_USAGE, 0, "%s (give one of cgroup and unit)",
                  extra->unit ? "both a cgroup and a unit" : "neither a cgroup nor a unit");
        return "unit";
    }
    return NULL;
}

#define IN_CONFIG(field)  offsetof(struct config, field)
#define IN_SERVICE(field) offsetof(struct service_config, field)
#define IN_RULE(field)    offsetof(struct workload_rule, field)
#define IN_SCAN(field)    offsetof(struct scan_config, field)
#define IN_EXTRA(field)   offsetof(struct extra_workload, field)

/* clang-format off */
static const struct key DETECT_KEYS[] = {
    {.name = "frame", .type = KEY_COUNT, .offset = IN_SERVICE(detect.frame), .text = "20",
     .min = FRAME_MIN, .max = FRAME_MAX,
     .help = "STIDE: windows of a thread in a locality frame."},
    {.name = "frame_threshold", .type = KEY_THRESHOLD, .offset = IN_SERVICE(detect.frame_threshold),
     .text = "auto", .min = 1, .max = FRAME_MAX,
     .help = "STIDE: mismatches in a frame that raise an alert. auto: what the profile proposes; "
             "off: no STIDE."},
    {.name = "epoch", .type = KEY_COUNT, .offset = IN_SERVICE(detect.epoch), .text = "500",
     .min = 10, .max = 1000000,
     .help = "BoSC: calls of a replica in an epoch."},
    {.name = "epoch_threshold", .type = KEY_THRESHOLD, .offset = IN_SERVICE(detect.epoch_threshold),
     .text = "auto", .min = 1, .max = 1000000,
     .help = "BoSC: mismatches in an epoch that raise an alert. auto: what the profile proposes; "
             "off: no BoSC."},
    {.name = "file_threshold", .type = KEY_COUNT, .offset = IN_SERVICE(file_threshold), .text = "1",
     .min = 0, .max = 16,
     .help = "Files touched or programs run within a minute, as the service never did, that raise "
             "an alert. 0: they are neither learned nor judged."},
    {.name = "flow_threshold", .type = KEY_COUNT, .offset = IN_SERVICE(flow_threshold), .text = "1",
     .min = 0, .max = 16,
     .help = "Calls of other services within a minute, as the service never made, that raise an "
             "alert. 0: none does."},
    {.name = NULL},
};

static const struct key LEARN_KEYS[] = {
    {.name = "interval", .type = KEY_INTERVAL, .offset = IN_SERVICE(growth), .text = "100s",
     .help = "Length of an interval of the training: a duration, or a number of calls such as "
             "\"50000 calls\"."},
    {.name = "sigma", .type = KEY_NUMBER, .offset = IN_SERVICE(growth.sigma), .text = "0.15",
     .min = 0, .max = 1e6,
     .help = "An interval is steady when the profile grew by at most this many patterns a second "
             "(per 1000 calls when the interval counts calls)."},
    {.name = "steady", .type = KEY_COUNT, .offset = IN_SERVICE(growth.needed), .text = "5",
     .min = 1, .max = 1000,
     .help = "Steady intervals in a row that end the learning."},
    {.name = "min_calls", .type = KEY_CALLS, .offset = IN_SERVICE(min_calls), .text = "10000",
     .min = 0, .max = 1e12,
     .help = "A profile learned from fewer calls stays incomplete."},
    {.name = "reuse", .type = KEY_SWITCH, .offset = IN_SERVICE(reuse), .text = "true",
     .help = "A new version starts from what the version learned last is known to do: only the "
             "difference is learned."},
    {.name = "siblings", .type = KEY_SWITCH, .offset = IN_SERVICE(siblings), .text = "true",
     .help = "While it is learned, compare the replicas: an alert tells of the one that does what "
             "none of the others does."},
    {.name = NULL},
};

static const char *const REQUIREMENTS[] = {"low", "medium", "high", NULL};
static const char *const IMPACTS[] = {"none", "low", "high", NULL};
static const char *const POLICIES[] = {"observe", "ask", "act", NULL};

static const struct key HARM_KEYS[] = {
    {.name = "criticality", .type = KEY_NUMBER, .offset = IN_SERVICE(harm.criticality),
     .text = "0.5", .min = 0, .max = 1,
     .help = "What the service is worth beside the others."},
    {.name = "confidentiality", .type = KEY_CHOICE, .choices = REQUIREMENTS,
     .offset = IN_SERVICE(harm.requirement[HARM_CONFIDENTIALITY]), .text = "medium",
     .help = "How much depends on its data staying secret: low, medium or high."},
    {.name = "integrity", .type = KEY_CHOICE, .choices = REQUIREMENTS,
     .offset = IN_SERVICE(harm.requirement[HARM_INTEGRITY]), .text = "medium",
     .help = "How much depends on its data and answers being right."},
    {.name = "availability", .type = KEY_CHOICE, .choices = REQUIREMENTS,
     .offset = IN_SERVICE(harm.requirement[HARM_AVAILABILITY]), .text = "medium",
     .help = "How much depends on its answering."},
    {.name = "confidentiality_impact", .type = KEY_CHOICE, .choices = IMPACTS,
     .offset = IN_SERVICE(harm.impact[HARM_CONFIDENTIALITY]), .text = "low",
     .help = "What an intruder in it can read: none, low or high. What the container may do can "
             "raise it."},
    {.name = "integrity_impact", .type = KEY_CHOICE, .choices = IMPACTS,
     .offset = IN_SERVICE(harm.impact[HARM_INTEGRITY]), .text = "low",
     .help = "What he can change."},
    {.name = "availability_impact", .type = KEY_CHOICE, .choices = IMPACTS,
     .offset = IN_SERVICE(harm.impact[HARM_AVAILABILITY]), .text = "low",
     .help = "What he can stop."},
    {.name = NULL},
};

static const struct key RESPOND_KEYS[] = {
    {.name = "policy", .type = KEY_CHOICE, .choices = POLICIES,
     .offset = IN_SERVICE(respond.policy), .text = "observe",
     .help = "observe: only say what would be done; ask: do it when a person approves; act: do it."},
    {.name = "minimum", .type = KEY_COUNT, .offset = IN_SERVICE(respond.minimum), .text = "1",
     .min = 0, .max = 1000,
     .help = "Replicas that must go on serving: no measure leaves fewer."},
    {.name = "budget", .type = KEY_COUNT, .offset = IN_SERVICE(respond.budget), .text = "6",
     .min = 1, .max = 1000,
     .help = "Measures in an hour that end or start a replica of the service: an intruder cannot make "
             "Skink restart it to death."},
    {.name = "expiry", .type = KEY_DURATION, .offset = IN_SERVICE(respond.expiry), .text = "1h",
     .min = 1, .max = 365 * 24 * 3600,
     .help = "What is in force is undone after this, unless a person did it before."},
    {.name = "balancer", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.balancer), .text = "off",
     .help = "HAProxy's runtime socket (stats socket PATH level admin)."},
    {.name = "backend", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.backend), .text = "off",
     .help = "The service's backend there."},
    {.name = "map", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.map), .text = "off",
     .help = "A map of nftables that leads addresses to its replicas: FAMILY TABLE NAME."},
    {.name = "map_network", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.map_network),
     .text = "off",
     .help = "The network namespace of the map, such as /run/netns/edge; off: the daemon's."},
    {.name = "site", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.site), .text = "off",
     .help = "An address at another site that serves as well, for redirect and remap."},
    {.name = "addresses", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.addresses), .text = "off",
     .help = "Free addresses of the replicas' network, such as 10.1.2.0/24, for shuffle."},
    {.name = "replace", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.replace), .text = "off",
     .help = "A command that starts a new replica and prints its address; docs/response.md."},
    {.name = "variants", .type = KEY_PAIRS, .offset = IN_SERVICE(respond.variants), .text = "off",
     .help = "Other versions that may take its place: a mapping from VERSION to a command like "
             "replace, or to image=REFERENCE; docs/response.md."},
    {.name = "revoke", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.revoke), .text = "off",
     .help = "A command that revokes the credentials of the service."},
    {.name = "checkpoint", .type = KEY_SWITCH, .offset = IN_SERVICE(respond.checkpoint),
     .text = "false",
     .help = "Keep a replica's whole memory as evidence; it stands still meanwhile (CRIU)."},
    {.name = "migrate", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.migrate), .text = "off",
     .help = "A network namespace at another site, kept ready for a replica: /run/netns/aside."},
    {.name = "except", .type = KEY_MAYBE, .offset = IN_SERVICE(respond.except), .text = "off",
     .help = "Measures that are never chosen, separated by commas."},
    {.name = NULL},
};

static const char *const REDUNDANCIES[] = {[REDUNDANCY_BALANCED] = "balanced",
                                           [REDUNDANCY_VOTING] = "voting",
                                           [REDUNDANCY_AVAILABILITY] = "availability", NULL};

static const struct key TOLERANCE_KEYS[] = {
    {.name = "horizon", .type = KEY_DURATION, .offset = IN_SERVICE(tolerance.horizon),
     .text = "24h",
     .min = 1, .max = 3650.0 * 24 * 3600,
     .help = "How far ahead the tolerance capacity looks."},
    {.name = "floor", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.floor), .text = "0.8",
     .min = 0, .max = 1,
     .help = "Under this tolerance capacity a replica is to be rejuvenated."},
    {.name = "redundancy", .type = KEY_CHOICE, .choices = REDUNDANCIES,
     .offset = IN_SERVICE(tolerance.redundancy), .text = "balanced",
     .help = "Which compromised replicas it survives. balanced: none, each answers for itself; "
             "voting: a minority, answers are compared; availability: all but one."},
    {.name = "exposure", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.exposure),
     .text = "0.1", .min = 0, .max = 1,
     .help = "Of the vulnerabilities that are exploited anywhere, the share that it meets: much "
             "behind a public address, little behind other services."},
    {.name = "common", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.common), .text = "0.5",
     .min = 0, .max = 1,
     .help = "Of its vulnerabilities and attacks, the share that meets all replicas at once: much "
             "when they are of one build, little when they are diverse."},
    {.name = "memory", .type = KEY_DURATION, .offset = IN_SERVICE(tolerance.memory), .text = "6h",
     .min = 1, .max = 3650.0 * 24 * 3600,
     .help = "An alert that has closed counts for 37 % after this, for 14 % after twice of it."},
    {.name = "eta", .type = KEY_DURATION, .offset = IN_SERVICE(tolerance.eta), .text = "auto",
     .min = 1, .max = 3650.0 * 24 * 3600,
     .help = "The age that 37 % of its replicas reach without failing; auto: by the trends of "
             "each one's memory, descriptors and latency."},
    {.name = "beta", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.beta), .text = "2",
     .min = 0.1, .max = 20,
     .help = "With eta: how sudden it fails then (the shape of a Weibull distribution)."},
    {.name = "latency_limit", .type = KEY_DURATION, .offset = IN_SERVICE(tolerance.latency),
     .text = "off", .min = 0.001, .max = 3600,
     .help = "A replica that takes so long to answer, by the mean of its balancer, has failed; off: "
             "its latency is no sign of age."},
    {.name = "intrusion_cost", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.intrusion),
     .text = "2", .min = 1, .max = 1e6,
     .help = "What an intruder who stays costs, in rejuvenations: a replica is to be rejuvenated "
             "when the belief that it is compromised reaches 1 / this."},
    {.name = "failure_cost", .type = KEY_NUMBER, .offset = IN_SERVICE(tolerance.failure),
     .text = "5", .min = 1, .max = 1e6,
     .help = "What a failure by age costs, in rejuvenations: the schedule follows from it."},
    {.name = NULL},
};

static const struct key_table TOLERANCE = {.keys = TOLERANCE_KEYS};
static const struct key_table HARM = {.keys = HARM_KEYS};
static const struct key_table RESPOND = {.keys = RESPOND_KEYS, .check = check_respond};
static const struct key_table DETECT = {.keys = DETECT_KEYS, .check = check_detect};
static const struct key_table LEARN = {.keys = LEARN_KEYS};

static const struct key SERVICE_KEYS[] = {
    {.name = "watch", .type = KEY_SWITCH, .offset = IN_SERVICE(watch),
     .help = "Watch it; false: leave it alone."},
    {.name = "detect", .type = KEY_GROUP, .table = &DETECT, .help = "As above."},
    {.name = "learn", .type = KEY_GROUP, .table = &LEARN, .help = "As above."},
    {.name = "harm", .type = KEY_GROUP, .table = &HARM, .help = "As above."},
    {.name = "respond", .type = KEY_GROUP, .table = &RESPOND, .help = "As above."},
    {.name = "tolerance", .type = KEY_GROUP, .table = &TOLERANCE, .help = "As above."},
    {.name = NULL},
};

static const struct key RULE_KEYS[] = {
    {.name = "match", .type = KEY_MATCH, .offset = IN_RULE(match), .required = true,
     .help = "name=GLOB, image=GLOB, id=GLOB, label:KEY=GLOB or cgroup=GLOB."},
    {.name = "service", .type = KEY_TEXT, .offset = IN_RULE(service), .required = true,
     .help = "The service that such containers are replicas of."},
    {.name = "version", .type = KEY_TEXT, .offset = IN_RULE(version),
     .help = "Their version; left out: as found."},
    {.name = NULL},
};

static const struct key EXTRA_KEYS[] = {
    {.name = "cgroup", .type = KEY_PATH, .offset = IN_EXTRA(cgroup),
     .help = "Its cgroup, as a path below the mount of the hierarchy (this, or unit)."},
    {.name = "unit", .type = KEY_TEXT, .offset = IN_EXTRA(unit),
     .help = "Its systemd unit (this, or cgroup)."},
    {.name = "service", .type = KEY_TEXT, .offset = IN_EXTRA(service),
     .help = "The service that it is a replica of; left out: named after the cgroup or the unit."},
    {.name = "version", .type = KEY_TEXT, .offset = IN_EXTRA(version),
     .help = "Its version."},
    {.name = NULL},
};

static const struct key SCAN_KEYS[] = {
    {.name = "file", .type = KEY_FILE, .offset = IN_SCAN(file), .required = true,
     .help = "JSON of Trivy, Grype, OSV-Scanner or CycloneDX, or an SBOM."},
    {.name = "osv", .type = KEY_FILE, .offset = IN_SCAN(osv),
     .help = "With an SBOM (CycloneDX, SPDX 2): a file of OSV records."},
    {.name = "service", .type = KEY_TEXT, .offset = IN_SCAN(service),
     .help = "The services that it is about, a glob; left out: all."},
    {.name = NULL},
};

static const struct key_table SCAN = {
    .keys = SCAN_KEYS, .size = sizeof(struct scan_config),
    .count_offset = IN_CONFIG(scan_count)};

static const struct key VULNERABILITY_KEYS[] = {
    {.name = "scans", .type = KEY_LIST, .offset = IN_CONFIG(scans), .table = &SCAN,
     .text = "  - file: /var/lib/skink/shop.trivy.json\n    service: shop-*\n",
     .help = "What scanners have found in which service; read again when a file changes."},
    {.name = "epss", .type = KEY_FILE, .offset = IN_CONFIG(epss), .text = "off",
     .help = "FIRST's EPSS scores as published, epss_scores-current.csv.gz."},
    {.name = "kev", .type = KEY_FILE, .offset = IN_CONFIG(kev), .text = "off",
     .help = "CISA's known_exploited_vulnerabilities.json."},
    {.name = "stale", .type = KEY_DURATION, .offset = IN_CONFIG(stale), .text = "7d",
     .min = 3600, .max = 3650.0 * 24 * 3600,
     .help = "What is older is said to be stale."},
    {.name = NULL},
};

static const struct key_table VULNERABILITIES = {.keys = VULNERABILITY_KEYS};

static const struct key_table SERVICE = {
    .keys = SERVICE_KEYS, .size = sizeof(struct service_config),
    .count_offset = IN_CONFIG(service_count)};
static const struct key_table RULE = {
    .keys = RULE_KEYS, .size = sizeof(struct workload_rule),
    .count_offset = IN_CONFIG(rule_count)};
static const struct key_table EXTRA = {
    .keys = EXTRA_KEYS, .size = sizeof(struct extra_workload),
    .count_offset = IN_CONFIG(extra_count), .check = check_extra};

static const struct key ENGINE_KEYS[] = {
    {.name = "docker", .type = KEY_ENGINE, .offset = IN_CONFIG(docker_socket), .text = "auto",
     .help = "Docker's Engine API: its socket; auto: the usual one; off: left alone."},
    {.name = "podman", .type = KEY_ENGINE, .offset = IN_CONFIG(podman_socket), .text = "auto",
     .help = "Podman's compatible API, the same."},
    {.name = "lxc", .type = KEY_ENGINE, .offset = IN_CONFIG(lxc_path), .text = "auto",
     .help = "LXC: the directory of its containers; auto: the usual one; off: left alone."},
    {.name = "oci", .type = KEY_PATHS, .offset = IN_CONFIG(oci_roots), .text = "auto",
     .help = "runc and crun: a list of their state directories; auto: the usual ones; off: left alone."},
    {.name = NULL},
};

static const struct key ALERT_KEYS[] = {
    {.name = "file", .type = KEY_FILE, .offset = IN_CONFIG(alert_file), .text = "alerts.jsonl",
     .help = "A file of JSON lines, relative to state_dir; reopened after it was moved away; off: none."},
    {.name = "stdout", .type = KEY_SWITCH, .offset = IN_CONFIG(alert_stdout), .text = "false",
     .help = "The same lines on standard output."},
    {.name = "journal", .type = KEY_SWITCH, .offset = IN_CONFIG(alert_journal), .text = "false",
     .help = "Entries in journald with fields such as SKINK_SERVICE."},
    {.name = "webhook", .type = KEY_URL, .offset = IN_CONFIG(webhook), .text = "off",
     .help = "An http or https URL to which each alert is sent by POST; off: none."},
    {.name = NULL},
};

static const struct key_table ENGINES_TABLE = {.keys = ENGINE_KEYS};
static const struct key_table ALERTS_TABLE = {.keys = ALERT_KEYS};

/* In the order in which they are read: what services take over comes before services. */
static const struct key CONFIG_KEYS[] = {
    {.name = "state_dir", .type = KEY_PATH, .offset = IN_CONFIG(state_dir),
     .text = "/var/lib/skink",
     .help = "The directory of the profiles and of what else survives a restart."},
    {.name = "socket", .type = KEY_PATH, .offset = IN_CONFIG(socket),
     .text = "/run/skink/skink.sock",
     .help = "The unix socket on which `skink status` and `skink alerts` ask."},
    {.name = "group", .type = KEY_TEXT, .offset = IN_CONFIG(group), .text = "root",
     .help = "The group whose members may use the socket."},
    {.name = "operators", .type = KEY_MAYBE, .offset = IN_CONFIG(operators), .text = "off",
     .help = "The group whose members, when they are in `group` too, may also undo measures, "
             "approve plans and accept alerts; off: root alone."},
    {.name = "listen", .type = KEY_ADDRESS, .offset = IN_CONFIG(listen), .text = "off",
     .help = "Where Prometheus metrics are served over HTTP: ADDRESS:PORT such as 127.0.0.1:9469 "
             "or [::1]:9469; off: nowhere."},
    {.name = "window", .type = KEY_COUNT, .offset = IN_CONFIG(window), .text = "6",
     .min = PATTERN_MIN, .max = PATTERN_MAX,
     .help = "STIDE: calls in a window. Another value means learning anew."},
    {.name = "bag", .type = KEY_COUNT, .offset = IN_CONFIG(bag), .text = "6",
     .min = PATTERN_MIN, .max = PATTERN_MAX,
     .help = "BoSC: calls in a bag. Another value means learning anew."},
    {.name = "max_patterns", .type = KEY_COUNT, .offset = IN_CONFIG(max_patterns),
     .text = "1000000", .min = 1000, .max = 1000000,
     .help = "Patterns that the profile of a service may hold; more are lost, and counted."},
    {.name = "quota", .type = KEY_COUNT, .offset = IN_CONFIG(quota), .text = "500",
     .min = 1, .max = 1000000,
     .help = "Novelties that one replica may report in a second; more are counted only."},
    {.name = "guardian", .type = KEY_SWITCH, .offset = IN_CONFIG(guardian), .text = "true",
     .help = "A second process that starts the daemon again when it was killed or stopped."},
    {.name = "sandbox", .type = KEY_SWITCH, .offset = IN_CONFIG(sandbox), .text = "true",
     .help = "The daemon gives up every right that it does not need once it has started."},
    {.name = "flows", .type = KEY_SWITCH, .offset = IN_CONFIG(flows), .text = "true",
     .help = "See which service connects to which: incidents and their entry points need it."},
    {.name = "files", .type = KEY_SWITCH, .offset = IN_CONFIG(files), .text = "true",
     .help = "See which files are read, written and changed by name, and which programs run."},
    {.name = "watch", .type = KEY_SWITCH, .offset = IN_CONFIG(defaults.watch), .text = "true",
     .help = "Watch services of which nothing is said under services."},
    {.name = "detect", .type = KEY_GROUP, .offset = IN_CONFIG(defaults), .table = &DETECT,
     .help = "When a replica has left its profile."},
    {.name = "learn", .type = KEY_GROUP, .offset = IN_CONFIG(defaults), .table = &LEARN,
     .help = "When a profile is learned."},
    {.name = "harm", .type = KEY_GROUP, .offset = IN_CONFIG(defaults), .table = &HARM,
     .help = "What an intruder in a service can cost (CVSS 3.1, environmental)."},
    {.name = "respond", .type = KEY_GROUP, .offset = IN_CONFIG(defaults), .table = &RESPOND,
     .help = "What is done about an intruder."},
    {.name = "tolerance", .type = KEY_GROUP, .offset = IN_CONFIG(defaults), .table = &TOLERANCE,
     .help = "How much a service can still take; docs/tolerance.md."},
    {.name = "vulnerabilities", .type = KEY_GROUP, .table = &VULNERABILITIES,
     .help = "Known vulnerabilities of the services, and how likely they are exploited."},
    {.name = "budget", .type = KEY_COUNT, .offset = IN_CONFIG(budget), .text = "30", .min = 1,
     .max = 10000,
     .help = "The same, of all services together."},
    {.name = "evidence_mib", .type = KEY_COUNT, .offset = IN_CONFIG(evidence_mib), .text = "512",
     .min = 1, .max = 1000000,
     .help = "MiB of evidence that are kept; the oldest goes first."},
    {.name = "log_keep", .type = KEY_COUNT, .offset = IN_CONFIG(log_keep), .text = "64", .min = 0,
     .max = 1000000,
     .help = "Full files (16 MiB) of the sealed log that are kept; the oldest goes first. 0: all."},
    {.name = "services", .type = KEY_SERVICES, .offset = IN_CONFIG(services), .table = &SERVICE,
     .text = "  database:\n    detect:\n      epoch_threshold: 80\n    learn:\n"
             "      interval: 300s\n  build-cache:\n    watch: false\n",
     .help = "What differs for single services, by name."},
    {.name = "rules", .type = KEY_LIST, .offset = IN_CONFIG(rules), .table = &RULE,
     .text = "  - match: label:app=shop-*\n    service: shop\n",
     .help = "Which containers belong to which service, where the labels of the engine do not say "
             "it; the first rule that fits decides."},
    {.name = "compose_projects", .type = KEY_SWITCH, .offset = IN_CONFIG(compose_projects),
     .text = "false",
     .help = "Name the services of Compose PROJECT/SERVICE, which keeps projects apart that have "
             "services of one name; false: SERVICE."},
    {.name = "extra", .type = KEY_LIST, .offset = IN_CONFIG(extras), .table = &EXTRA,
     .text = "  - unit: postgresql.service\n    service: database\n",
     .help = "Workloads that no container engine knows."},
    {.name = "engines", .type = KEY_GROUP, .table = &ENGINES_TABLE,
     .help = "Where container engines are found."},
    {.name = "alerts", .type = KEY_GROUP, .table = &ALERTS_TABLE,
     .help = "Where alerts go."},
    {.name = NULL},
};
/* clang-format on */

const struct key_table config_keys = {.keys = CONFIG_KEYS, .hint = "`skink help --config`"};

/* Levenshtein's distance, for names shorter than NAME_SIZE. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            size_t shorter = row[j] < diagonal ? row[j] : diagonal;
            row[j + 1] = change < shorter + 1 ? change : shorter + 1;
        }
    }
    return row[length];
}

const char *key_nearest(const struct key_table *table, const char *name)
{
    const char *nearest = NULL;
    size_t best = NEAR + 1;
    if (strlen(name) >= NAME_SIZE)
        return NULL;
    for (const struct key *key = table->keys; key->name; key++) {
        size_t edits = distance(name, key->name);
        /* A name of which everything was edited resembles nothing. */
        if (edits < best && edits < strlen(key->name) && edits < strlen(name)) {
            best = edits;
            nearest = key->name;
        }
    }
    return nearest;
}
