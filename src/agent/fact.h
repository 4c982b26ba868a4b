/*
 * A fact: something that a replica did and its service never had while it was learned. A file
 * touched, a program run, another service called; or an answer in which it was outvoted by the
 * other replicas (src/vote/).
 */
#ifndef SKINK_AGENT_FACT_H
#define SKINK_AGENT_FACT_H

#include <jansson.h>

#include "incident/graph.h"
#include "probe/probe.h"

#define FACT_TEXT 512
#define FACT_PEER 256
#define FACT_HOW  160

enum fact_kind { FACT_FILE, FACT_EXEC, FACT_FLOW, FACT_VOTE, FACT_KINDS };

struct fact {
    enum fact_kind kind;
    bool old;      /* an earlier version of the service did it */
    bool refused;  /* the kernel did not do it */
    uint64_t time; /* CLOCK_MONOTONIC */
    uint32_t pid, tid;
    char command[PROBE_COMMAND];
    enum access_kind access; /* files and programs: what was done */
    uint32_t code;           /* by which call */
    uint64_t fingerprint;
    char path[ACCESS_PATH];
    size_t flow;          /* flows: of the service graph */
    char peer[FACT_PEER]; /* flows: who was called, and how: "tcp port 80" */
    char how[FACT_HOW];   /* votes: what was asked, and in what the answer differed */
};

/* Was it seen by the probe among the replica's calls? */
static inline bool fact_is_access(const struct fact *fact)
{
    return fact->kind == FACT_FILE || fact->kind == FACT_EXEC;
}

void fact_of_access(struct fact *fact, const struct access_event *event);

/* flow: what it is part of in the service graph. */
void fact_of_flow(struct fact *fact, const struct flow_value *value, const struct graph *graph,
                  size_t flow);

/* A front says that the replica was outvoted: pid is the container's first process. */
void fact_of_vote(struct fact *fact, pid_t pid, const char *request, const char *why);

/* "file", "exec", "flow", "vote": as the detectors of alerts. */
const char *fact_detector(enum fact_kind kind);

/* "read /run/secrets/key", "called payment (tcp port 80)". The path is the intruder's to choose. */
const char *fact_text(const struct fact *fact, char text[FACT_TEXT]);

/* As docs/alerts.md describes it; count: how often it was met. New reference. */
json_t *fact_json(const struct fact *fact, uint64_t count);

#endif
