/* The daemon's state, shared by the files that make it up: agent.c, replicas.c, alerts.c, status.c,
 * command.c. */
#ifndef SKINK_AGENT_STATE_H
#define SKINK_AGENT_STATE_H

#include <systemd/sd-event.h>

#include "agent/alert.h"
#include "agent/canary.h"
#include "agent/cause.h"
#include "agent/config.h"
#include "agent/control.h"
#include "agent/fact.h"
#include "agent/flows.h"
#include "agent/hand.h"
#include "agent/health.h"
#include "agent/life.h"
#include "agent/metrics.h"
#include "agent/process.h"
#include "agent/sandbox_paths.h"
#include "agent/saver.h"
#include "agent/sealed.h"
#include "agent/self.h"
#include "agent/service.h"
#include "agent/sink.h"
#include "agent/tally.h"
#include "agent/tolerance.h"
#include "probe/probe.h"
#include "workload/workload.h"

#define RECENT      128  /* novelties kept of a replica that has no alert yet */
#define HELD        2048 /* reports, and accesses, kept of a replica that is not yet recognised */
#define FACTS       16   /* facts kept of a replica that has no alert yet */
#define ALERTS_KEPT 256  /* alerts that `skink alerts` can show from memory */

/* An alert as it is kept. */
struct kept_alert {
    json_t *told;            /* its latest state */
    struct foreign *foreign; /* of one that has closed; NULL: too long ago, or there is none */
};

/* One watched cgroup. */
struct watched {
    uint32_t index; /* the probe's */
    uint32_t generation;
    uint64_t cgroup;
    char path[PROBE_CGROUP_PATH];
    uint64_t appeared;        /* CLOCK_MONOTONIC */
    uint32_t newcomer_table;  /* a table of its own until it is recognised, else PROBE_NONE */
    struct workload workload; /* valid when service is set */
    struct service *service;  /* NULL: not recognised yet */
    bool learns_start;        /* a start that the profile has not seen: learned, not judged */
    uint64_t start_since;     /* the stretch of it that runs now began, CLOCK_MONOTONIC */
    uint64_t start_grown;     /* patterns learned in this stretch */
    struct tally counted;
    struct report *held; /* HELD of them, until it is recognised */
    size_t held_count;
    bool starting;           /* learned from, but its start is not compared with its siblings */
    struct sibling *sibling; /* what siblings.c keeps of it, NULL until it is compared */
    struct access_event *held_accesses; /* the same for accesses */
    size_t held_access_count;
    uint64_t access_calls, access_losses; /* counted for the training of accesses */
    struct report recent[RECENT];         /* a ring */
    uint64_t recent_count;
    struct fact facts[FACTS]; /* a ring */
    uint64_t facts_count;
    bool facts_held_back;      /* they came after the order to stop */
    struct alert *alert;       /* open, or NULL */
    struct alert_cause cause;  /* of the open alert, and of those that it took over from */
    struct report *last_words; /* a threshold reached after the order to stop, or NULL */
    uint64_t told;             /* when it was last told, CLOCK_MONOTONIC */
    uint32_t powers;           /* harm_powers */
    bool powers_read;
    uint32_t network;         /* replicas_network; 0: not read yet */
    bool ended;               /* its processes have, and its cgroup is kept */
    struct balanced balanced; /* what its balancer says of it */
    struct life life;
    uint64_t foreign_since;          /* ns since 1970: when he came to whom calls are refused */
    double belief;                   /* of its open alert, as it was told last */
    bool planned;                    /* something is done, or could be, about its open alert */
    uint64_t plan;                   /* that plan's number */
    bool told_nothing;               /* it was said that nothing can be done about it */
    enum rejuvenation_cause renewal; /* for which a plan to renew it was made */
    uint64_t renewal_plan;           /* that plan's number */
    uint64_t renewal_again;          /* not before (CLOCK_MONOTONIC): such a plan has failed */
    uint32_t renewal_tries;          /* that failed */
};

struct engine_state {
    bool up, seen;
    char why[WORKLOAD_TEXT];
};

struct agent {
    struct config *config;
    struct error *err; /* of agent_run, set when the loop is to end with an error */
    sd_event *event;
    struct cgroup_hierarchy hierarchy;
    struct probe *probe;
    char *cannot_refuse; /* why no calls can be refused; NULL: they can */
    struct workload_watch *workloads;
    struct sd_event_source *workload_source;
    struct saver *saver;
    struct sink *sink;
    struct sealed *sealed;
    struct self *self;
    struct canary *canary;
    struct hand *hand;
    struct sandbox sandbox;
    struct sandbox_path *reached; /* by the sandbox; NULL: it is switched off */
    struct guard guard;           /* fd -1: nothing watches this process */
    struct control *control;
    struct metrics *metrics;
    struct process_table *processes;
    struct service *services;
    struct watched *watched[PROBE_REPLICAS];
    uint32_t retired[PROBE_TABLES]; /* tables of recognised newcomers, freed at the next tick */
    size_t retired_count;
    struct engine_state engine[ENGINES];
    struct kept_alert alerts[ALERTS_KEPT]; /* a ring by first appearance */
    uint64_t alerts_count;
    struct flows *flows; /* NULL: switched off */
    struct story_book *stories;
    struct tolerance *tolerance;
    struct health *health;
    struct response *response;
    uint64_t started, ticked, swept; /* CLOCK_MONOTONIC */
    bool joined; /* a process was moved into a configured cgroup: it may have several threads */
    uint64_t lost_cgroups_told;
    pid_t command; /* the one that Skink started, 0: none */
    char command_cgroup[64];
    struct workload command_workload;
};

struct service_room agent_room(struct agent *agent);

/* ---- replicas.c ---- */

/* The service, opened when it is not; NULL: it cannot be. One without replicas is closed again
 * after a while. */
struct service *replicas_service(struct agent *agent, const char *name, const char *version);

/* A cgroup appeared, a container was reported: recognise it. */
void replicas_cgroup(struct agent *agent, const struct cgroup_event *event);
void replicas_workload(struct agent *agent, const struct workload *workload);

/* Watches a cgroup that exists already. 0 or -1 (err). */
int replicas_watch(struct agent *agent, const struct workload *workload, enum replica_entry entry,
                   struct error *err);

/* Its processes were restored where they were in their work, not started. */
void replicas_restored(struct agent *agent, struct watched *watched);

/* A report of the probe: hold it, learn it, or judge it. */
void replicas_report(struct agent *agent, const struct report *report);

/* The probe treats the replicas of the service as its mode and its table say now. */
void replicas_apply(struct agent *agent, const struct service *service);

/* Every tick: training, starts that are over, losses, what has gone. dt: ns since the last. */
void replicas_tick(struct agent *agent, uint64_t now, uint64_t dt);

/* The configuration changed. */
void replicas_configure(struct agent *agent);

/* Ends everything: saves the profiles, closes the alerts. */
void replicas_close(struct agent *agent);

/* ---- presence.c ---- */

/* The network namespace (inode) that its first process began in; 0: not known. */
uint32_t replicas_network(const struct agent *agent, struct watched *watched);

/* Does another replica live in its network namespace? */
bool replicas_share_network(const struct agent *agent, struct watched *watched);

/* Has the replica's cgroup been removed? context: the agent, for the probe's hook. */
bool replicas_has_gone(void *context, uint32_t replica);

/* Have its processes ended, though its cgroup is kept? */
bool replicas_has_ended(const struct agent *agent, const struct watched *watched);

/* ---- namesakes.c ---- */

/* A replica of the same service that belongs to another Compose project; NULL: there is none. */
const struct watched *namesakes_find(const struct agent *agent, const struct watched *watched);

/* Says so, once a service: two services may be learned into one profile. */
void namesakes_warn(const struct agent *agent, const struct watched *watched);

/* ---- siblings.c ---- */

/* A report with REPORT_APART. */
void siblings_report(struct agent *agent, struct watched *watched, const struct report *report);

/* Every tick of a service that is learned: who is compared, what is due to be looked at. Returns
 * the patterns that wait for that. */
uint64_t siblings_tick(struct agent *agent, struct service *service, uint64_t now);

/* This replica goes. */
void siblings_leave(struct agent *agent, struct watched *watched);

/* The service is learned, or goes: nothing is compared any more. */
void siblings_end(struct agent *agent, struct service *service);

/* What `skink status` says of a service that is learned; null when it is not. New reference. */
json_t *siblings_status(const struct service *service);

/* ---- accesses.c ---- */

/* An access of a replica that its table lacked: hold it, learn it, or judge it. */
void accesses_report(struct agent *agent, const struct access_event *event);

/* A replica has got its service. */
void accesses_recognised(struct agent *agent, struct watched *watched);

void accesses_tick(struct agent *agent, uint64_t dt);

/* ---- alerts.c ---- */

/* A burst of a replica that its siblings do not show: found->patterns reports. */
void alerts_siblings(struct agent *agent, struct watched *watched,
                     const struct alert_siblings *found, const struct report *burst);

/* A novelty or a crossing of a replica that is being judged. */
void alerts_report(struct agent *agent, struct watched *watched, const struct report *report);

/* The same, of a pattern that was compared with a newcomer's own table: the probe cannot have
 * scored it. */
void alerts_early_report(struct agent *agent, struct watched *watched, const struct report *report);

/* A replica that is being judged did what its service never had. */
void alerts_fact(struct agent *agent, struct watched *watched, const struct fact *fact);

/* So much was lost of what it does while its service is judged. */
void alerts_loss(struct agent *agent, struct watched *watched, uint64_t lost);

/* An alert in its present state, to all who are to hear of it; the sealed log is one. */
void alerts_publish(struct agent *agent, json_t *json);

/* Emits what has grown, closes what has been quiet. */
void alerts_tick(struct agent *agent, uint64_t now);

/* Closes a replica's alert, when one is open. */
void alerts_close(struct agent *agent, struct watched *watched);

/* NULL: none that is kept has this id. */
struct kept_alert *alerts_find(struct agent *agent, const char *id);

/* Frees the alerts kept. */
void alerts_forget(struct agent *agent);

/* ---- accept.c ---- */

/* {"verb": "accept", "alert": ID}: what the alert found foreign was normal. The answer to
 * `skink alerts accept`. New reference. */
json_t *accept_answer(struct agent *agent, const json_t *request);

/* ---- forget.c ---- */

/* {"verb": "forget", "state_dir": DIR, "file": NAME}: the service whose profile's file this is,
 * when there is one, forgets it. The answer to `skink profile rm`. New reference. */
json_t *forget_answer(struct agent *agent, const json_t *request);

/* ---- incidents.c ---- */

/* Takes over the incidents of the state directory. */
int incidents_open(struct agent *agent, struct error *err);

/* An alert has been told, as this JSON. */
void incidents_follow(struct agent *agent, const struct watched *watched, const struct alert *alert,
                      const json_t *told);

/* A person has taken the alert for normal. */
void incidents_follow_accepted(struct agent *agent, const char *alert);

/* Closes what is over; retells what new flows have changed. */
void incidents_tick(struct agent *agent, bool flows_looked);

/* The incidents, the oldest first, as {"ok": true, "incidents": […]}. New reference. */
json_t *incidents_answer(const struct agent *agent);

/* The graph of services that they are told by. */
struct graph *incidents_graph(const struct agent *agent);

void incidents_shut(struct agent *agent);

/* ---- harm.c ---- */

/* What the replica's container may do: enum power's bits. */
uint32_t harm_powers(struct agent *agent, struct watched *watched);

/* The harm that an intruder in the service can do, as harm_json tells it. New reference. */
json_t *harm_of(struct agent *agent, const char *service);

/* Of the service that is asked about, or of each, as {"ok": true, "harms": […]}. New reference. */
json_t *harm_answer(struct agent *agent, const json_t *request);

/* ---- response.c ---- */

/* Takes over what another daemon left in force. */
int response_open(struct agent *agent, struct error *err);

/* An alert has been raised, or has grown, as this JSON: it may be a reason to act. */
void response_alert(struct agent *agent, struct watched *watched, const json_t *told);

/* What has expired is undone. */
void response_tick(struct agent *agent, uint64_t now);

/* Waits for the measures that are being carried out. What is in force stays so. */
void response_close(struct agent *agent);

/* Answers to `skink plan`, measures, undo and approve. New references. */
json_t *response_plans(struct agent *agent, const json_t *request);
json_t *response_measures(struct agent *agent);
json_t *response_undo(struct agent *agent, const json_t *request);
json_t *response_approve(struct agent *agent, const json_t *request);

/* The alert was taken for normal: plans of it that wait are dropped, their numbers into `plans`.
 * Returns its measures that are in force, a new array. */
json_t *response_accept(struct agent *agent, const char *alert, json_t *plans);
void response_metrics(const struct agent *agent, FILE *out);

/* How likely the alert is no false one (incident_score). */
double alert_belief(const json_t *told);

/* ---- status.c ---- */

/* context: the agent, as control and metrics hand it over. */
json_t *status_answer(void *context, const struct control_peer *peer, const json_t *request);
void status_metrics(void *context, FILE *out);

/* ---- votes.c ---- */

/* A front (src/vote/) tells that a replica was outvoted. New reference. */
json_t *votes_answer(struct agent *agent, const json_t *request);

/* ---- command.c ---- */

/* Starts the command in a cgroup of its own, watched from its exec on. */
int command_start(struct agent *agent, char *const *command, struct error *err);

/* Ends it when it still runs and removes its cgroup. */
void command_stop(struct agent *agent);

#endif
