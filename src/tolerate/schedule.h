/*
 * Rejuvenation: when a replica is replaced by a clean one before anything has happened, and which
 * one. Pure functions; agent/rejuvenation.c carries a decision out.
 */
#ifndef SKINK_TOLERATE_SCHEDULE_H
#define SKINK_TOLERATE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "tolerate/capacity.h"

#define SCHEDULE_REASON 256

/*
 * The age, in seconds, at which replacing costs least in the long run: the minimum over T of
 * (planned R(T) + failure F(T)) / integral of R from 0 to T (age replacement: Barlow & Proschan
 * 1965, 4.2). *rate, when not NULL, gets that cost a second. INFINITY: never, since it does not get
 * worse with age (shape <= 1) or a failure costs no more than a planned replacement; the cost is
 * then failure / mean lifetime.
 */
double schedule_interval(const struct lifetime *life, double planned, double failure, double *rate);

/*
 * The belief from which on replacing at once is cheaper than waiting, when an intruder who stays
 * costs `intrusion` times what a replacement costs: 1 / intrusion, at most 1. That a threshold is
 * the optimal form: TOLERANCE, Hammar & Stadler 2024.
 */
double schedule_belief(double intrusion);

/* One replica that might be rejuvenated. */
struct candidate {
    struct risk risk;    /* as it is */
    struct risk renewed; /* as a clean one in its place would be */
    double age;          /* s since its clean start */
    double interval;     /* schedule_interval of its lifetime */
    bool healthy;        /* it serves */
    bool renewing;       /* a clean one is on its way already */
    bool judged;         /* its profile is complete: what is believed of it is a reason */
};

struct rejuvenation_rule {
    enum redundancy redundancy;
    double common;          /* as in risk_compromised */
    double floor;           /* of the tolerance capacity */
    double belief;          /* schedule_belief */
    size_t minimum_healthy; /* replicas that must serve all the time */
    bool start_first;       /* a clean one may serve before the old one goes */
    const char *held;       /* why none may be renewed now; NULL: nothing keeps it */
};

enum rejuvenation_cause {
    REJUVENATION_NONE,
    REJUVENATION_AGE,    /* it has passed its interval */
    REJUVENATION_FLOOR,  /* the capacity is under its floor */
    REJUVENATION_BELIEF, /* it is suspect */
};

enum verdict {
    VERDICT_NONE, /* nothing is to be done */
    VERDICT_WAIT, /* something is, but not now; the reason says why */
    VERDICT_NOW,
};

struct rejuvenation {
    enum verdict verdict;
    enum rejuvenation_cause cause;
    size_t replica;   /* which one next; for VERDICT_NONE without meaning */
    bool start_first; /* the clean one before the old one goes */
    double capacity;  /* now */
    double after;     /* with the replica renewed */
    char reason[SCHEDULE_REASON];
};

/*
 * Which replica next: one at a time; first the most suspect one whose belief has reached the
 * threshold; then, when the capacity is under its floor, the one whose renewal raises it most, when
 * that is at least half of its share of what is missing (a clean replica has the same
 * vulnerabilities, and one renewed a while ago has little to gain); then the one that has passed
 * its interval by most. Only the last is a reason for a replica that is not judged. Never fewer
 * than minimum_healthy serve: without start_first a healthy replica goes only when enough others
 * are left.
 */
struct rejuvenation schedule_next(const struct candidate *candidates, size_t n,
                                  const struct rejuvenation_rule *rule);

#endif
