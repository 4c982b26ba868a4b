/* The tolerance capacity of every service as the daemon knows it: its replicas with their ages,
 * alerts and vulnerabilities, and which one is to be rejuvenated next. */
#ifndef SKINK_AGENT_TOLERANCE_H
#define SKINK_AGENT_TOLERANCE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "incident/incident.h"
#include "tolerate/rule.h"
#include "tolerate/schedule.h"
#include "tolerate/vulnerability.h"

struct agent;
struct watched;
struct tolerance;

struct tolerance *tolerance_new(void);
void tolerance_free(struct tolerance *tolerance);

/* Takes over what alerts have said to the daemon before this one. */
void tolerance_recall(struct agent *agent);

/* Writes down what they say, unless that is done: with every tick, and at the end. */
void tolerance_keep(struct agent *agent);

/* An alert of a replica was told. */
void tolerance_note(struct agent *agent, const struct watched *watched,
                    const struct incident_alert *alert);

/* It was taken for normal: it says nothing any more. */
void tolerance_accept(struct agent *agent, const char *service, const char *alert);

/* The belief that the replica is compromised. */
double tolerance_belief(const struct agent *agent, const struct watched *watched);

/* A replica of the service has been renewed. */
void tolerance_renewed(struct agent *agent, const char *service);

/* With every tick: looks at some replicas; once a second: says when a service falls under its
 * floor, and has renewed what is due. */
void tolerance_tick(struct agent *agent, uint64_t now);

/* The configuration has changed. */
void tolerance_configure(struct agent *agent);

/* ---- what it comes to ---- */

struct tolerance_replica {
    const struct watched *watched;
    double age;              /* s */
    struct lifetime life;    /* as given or by its trends */
    double interval;         /* s, schedule_interval */
    struct risk worst, best; /* by the high and the low weight of the vulnerabilities */
};

/* One service, all versions together; borrowed until the next tick but for replicas. */
struct tolerance_view {
    const char *service;
    struct tolerance_rule rule; /* with the horizon looked at */
    double criticality;
    size_t count;
    struct tolerance_replica *replicas;
    const struct vulnerabilities *known;
    struct interval weight;   /* of the vulnerabilities */
    double evidence;          /* of attacks */
    struct interval capacity; /* low: by the worst risks */
    double taken[CAUSES];     /* of what the low one could be */
    struct rejuvenation next; /* by the best risks: only when it is certain */
    uint64_t renewed;         /* replicas, since the daemon began */
};

/* horizon: ns, 0: the configured one. Its replicas are freed by the caller. */
struct tolerance_view tolerance_view(const struct agent *agent, const char *service,
                                     uint64_t horizon);

/* The next service by its name, NULL after the last: each once. before: NULL at first. */
const char *tolerance_service(const struct agent *agent, const char *before);

/* ---- tolerance_json.c ---- */

/* {"verb": "tolerance", "service": NAME, "horizon_s": SECONDS}, both optional. New reference. */
json_t *tolerance_answer(const struct agent *agent, const json_t *request);

/* {"low", "high"} of one service, for its status. New reference. */
json_t *tolerance_brief(const struct agent *agent, const char *service);

void tolerance_metrics(const struct agent *agent, FILE *out);

/* The files that vulnerabilities are known from. New reference. */
json_t *tolerance_files(const struct agent *agent);

#endif
