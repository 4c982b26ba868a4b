/* What alerts say about the replicas of one service, also after they have closed. Times are
 * CLOCK_MONOTONIC nanoseconds. */
#ifndef SKINK_AGENT_EVIDENCE_H
#define SKINK_AGENT_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_KEPT 64 /* alerts; the one told least lately makes place */

struct evidence {
    struct piece {
        char alert[64];   /* its id, "": none */
        uint64_t replica; /* its cgroup, which no other ever has */
        double score;     /* incident_score */
        uint64_t told;    /* when it was last told; closed then unless it is open */
        bool open;
    } pieces[EVIDENCE_KEPT];
};

/* An alert was told: at first, as it grows, as it closes. */
void evidence_note(struct evidence *evidence, const char *alert, uint64_t replica, double score,
                   bool open, uint64_t now);

/* The alert said nothing of an intruder. */
void evidence_withdraw(struct evidence *evidence, const char *alert);

/* The belief that a replica is compromised: 1 - the product of (1 - score) of its alerts, that of a
 * closed one times e^(-age/memory). memory: ns. */
double evidence_belief(const struct evidence *evidence, uint64_t replica, uint64_t memory,
                       uint64_t now);

/* The sum of all scores, each times e^(-age/memory): for hazard_attacks. */
double evidence_sum(const struct evidence *evidence, uint64_t memory, uint64_t now);

/* ---- evidence_json.c: from one daemon to the next ---- */

/* A list of its pieces. New reference. */
json_t *evidence_json(const struct evidence *evidence);

/*
 * Takes them over. Nobody follows an alert any more that was open: it closes now. same_boot:
 * replicas may still run, and times are of the same clock; else they are gone, and the wall clock
 * says how long ago it was. What is no piece is left out.
 */
void evidence_recall(struct evidence *evidence, const json_t *pieces, bool same_boot,
                     uint64_t memory, uint64_t now);

#endif
