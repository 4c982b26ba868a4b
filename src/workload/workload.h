/*
 * Workloads: which containers run here, what service and version each one is a replica of, and by
 * which cgroup the kernel knows it.
 */
#ifndef SKINK_WORKLOAD_WORKLOAD_H
#define SKINK_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define WORKLOAD_TEXT 256

enum workload_engine {
    ENGINE_OCI,     /* runc by its state directories; by a cgroup's name: runc or crun */
    ENGINE_CRUN,    /* crun by its state directories */
    ENGINE_DOCKER,  /* Engine API: Docker */
    ENGINE_PODMAN,  /* Engine API: Podman's compatible socket */
    ENGINE_LXC,     /* LXC by its monitor and payload cgroups */
    ENGINE_CGROUP,  /* a cgroup path given in the configuration */
    ENGINE_SYSTEMD, /* a systemd unit given in the configuration */
    ENGINE_COMMAND, /* a command that Skink started itself */
    ENGINES
};

/* "runc", "crun", "docker", "podman", "lxc", "cgroup", "systemd", "command". */
const char *workload_engine_name(enum workload_engine engine);

/* One container as its engine describes it. Plain data; every text is NUL-terminated. */
struct workload {
    enum workload_engine engine;
    char id[WORKLOAD_TEXT];      /* the engine's id: 64 hex digits, a runc or LXC name, a unit */
    char name[WORKLOAD_TEXT];    /* what a person calls it: "web_1" */
    char image[WORKLOAD_TEXT];   /* image reference, "" when there is none */
    char service[WORKLOAD_TEXT]; /* the rule's answer: see workload_classify */
    char version[WORKLOAD_TEXT]; /* version label, else the image id, else "-" */
    char project[WORKLOAD_TEXT]; /* its Compose project, where the service's name leaves it out */
    pid_t pid;                   /* first process as the host sees it, 0 while not running */
    uint64_t cgroup;             /* cgroup_key of the container's cgroup, 0 when not yet known */
    char cgroup_path[1024];      /* below the key hierarchy's root, "" when not yet known */
};

/* ---- cgroups (cgroup.c) ---- */

/*
 * Which hierarchy's cgroup ids identify containers on this host: the default (v2) one on a pure v2
 * host; on v1 and hybrid hosts a v1 controller that every engine joins (pids, memory, devices,
 * freezer, cpu: the first one mounted), since the v2 side may hold nothing but the root there.
 */
struct cgroup_hierarchy {
    bool v2;             /* the default hierarchy is the key */
    char controller[32]; /* else: "pids" as in /proc/self/cgroup and enum cgroup_subsys_id */
    char mount[512];     /* where it is mounted: "/sys/fs/cgroup/pids" */
    int id;              /* hierarchy id as in /proc/self/cgroup's first field (0 for v2) */
};

int cgroup_hierarchy_find(struct cgroup_hierarchy *hierarchy, struct error *err);

/* The hierarchy in which a controller's files are: v1 where it is mounted there, else v2. */
int cgroup_hierarchy_with(const char *controller, struct cgroup_hierarchy *hierarchy,
                          struct error *err);

/* The kernel's id (kn->id, the directory's inode) of a cgroup by its path below the mount. */
int cgroup_key(const struct cgroup_hierarchy *hierarchy, const char *path, uint64_t *key,
               struct error *err);

/* The path below the mount of the cgroup that a process is in (from /proc/PID/cgroup). */
int cgroup_of_process(const struct cgroup_hierarchy *hierarchy, pid_t pid, char *path, size_t size,
                      struct error *err);

/* The addresses (IPv6, or IPv4 as ::ffff:a.b.c.d) of the network namespace that a process is in,
 * at most max, and that namespace's inode. How many; 0 when the process has gone. */
size_t workload_addresses(pid_t pid, uint8_t (*addresses)[16], size_t max, uint32_t *netns);

/* The network namespace (inode) that the process is in; 0 when it has gone. */
uint32_t workload_network(pid_t pid);

/* "10.0.0.1" or "fd00::1" into text, which has room for INET6_ADDRSTRLEN. */
void workload_address_text(const uint8_t address[16], char *text);

/* When a process was started, nanoseconds of CLOCK_BOOTTIME; 0: nobody knows, or it has ended. */
uint64_t workload_started(pid_t pid);

/* Has a signal or a debugger stopped it? Has it not ended (nor is a zombie)? */
bool workload_stopped(pid_t pid);
bool workload_lives(pid_t pid);

/* Creates / removes a cgroup of Skink's own below the mount ("skink/NAME"); removing waits up to
 * 1 s until it is empty. Moves a process into it. */
int cgroup_make(const struct cgroup_hierarchy *hierarchy, const char *path, uint64_t *key,
                struct error *err);
int cgroup_enter(const struct cgroup_hierarchy *hierarchy, const char *path, pid_t pid,
                 struct error *err);
int cgroup_remove(const struct cgroup_hierarchy *hierarchy, const char *path, struct error *err);

/* ---- engines ---- */

enum workload_change {
    WORKLOAD_STARTED,
    WORKLOAD_STOPPED,
    WORKLOAD_ENGINE_UP,
    WORKLOAD_ENGINE_DOWN
};

/* What an engine reports. For ENGINE_UP/DOWN only workload.engine and `why` count. */
struct workload_event {
    enum workload_change change;
    struct workload workload;
    char why[WORKLOAD_TEXT]; /* ENGINE_DOWN: the reason; DOWN is reported once, not every retry */
};

/* A grouping rule of the configuration: containers whose `match` fits are replicas of `service`. */
struct workload_rule {
    const char *match; /* "name=GLOB", "image=GLOB", "id=GLOB", "label:KEY=GLOB", "cgroup=GLOB" */
    const char *service;
    const char *version; /* NULL: as found */
};

/* A workload that no engine knows. Exactly one of cgroup and unit is set. */
struct workload_extra {
    const char *cgroup;  /* path below the key hierarchy's root */
    const char *unit;    /* "nginx.service" */
    const char *service; /* NULL: named after the cgroup's last part or the unit */
    const char *version; /* NULL: "-" */
};

struct workload_options {
    struct cgroup_hierarchy hierarchy;
    const char *docker_socket;    /* NULL: /var/run/docker.sock; "" switches the engine off */
    const char *podman_socket;    /* NULL: /run/podman/podman.sock; "" switches it off */
    const char *const *oci_roots; /* NULL-ended state roots; NULL: /run/runc, /run/crun,
                                     /run/user/0/crun … */
    const char *lxc_path;         /* NULL: /var/lib/lxc; "" switches it off */
    const struct workload_rule *rules;
    size_t rule_count;
    bool compose_projects; /* a Compose service is named PROJECT/SERVICE */
    const struct workload_extra *extras;
    size_t extra_count;
    uint64_t timeout_ns; /* for each request to an engine; 0: 5 s */
};

/* The state directory of runc (its --root) in which the container is, Docker's own among them;
 * roots: as oci_roots above. False: runc does not run it. */
bool workload_runc_root(const char *const *roots, const char *id, char *root, size_t size);

struct workload_watch;

/*
 * Starts watching all engines and the extra workloads, each Engine API socket in a thread of its
 * own (with time-outs and retries), so that one that hangs, lies or disappears holds up nobody.
 * Containers that run already are reported as STARTED first. A container may be reported as STARTED
 * twice in the same cgroup: the second time with the pid that was not known at first. Copies
 * options. NULL on error.
 */
struct workload_watch *workload_watch_start(const struct workload_options *options,
                                            struct error *err);

/* A file descriptor that polls readable when workload_next has something. Owned by the watch. */
int workload_fd(const struct workload_watch *watch);

/* The next event; false when there is none now. Never blocks. */
bool workload_next(struct workload_watch *watch, struct workload_event *event);

/*
 * Who is the container in this new cgroup? Called by the agent the moment the kernel reports a new
 * cgroup, path below the key hierarchy's root. Answers at once from what is known (state files,
 * remembered engine answers), asks the engine otherwise; then the answer comes as STARTED later.
 * runc lets a container choose any cgroup and says which only once it is made: while one is being
 * made, any new cgroup may be its.
 */
enum workload_answer {
    WORKLOAD_KNOWN,  /* *workload is filled */
    WORKLOAD_ASKED,  /* looks like a container: STARTED will follow, or nothing if it was none */
    WORKLOAD_NOBODY, /* no container (a session scope, a cgroup inside a container, …) */
};
enum workload_answer workload_identify(struct workload_watch *watch, const char *cgroup_path,
                                       uint64_t cgroup, struct workload *workload);

void workload_watch_stop(struct workload_watch *watch);

#endif
