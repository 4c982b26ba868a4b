/*
 * Tolerance capacity: the probability that a service still serves correctly over the coming horizon
 * although its replicas age, have vulnerabilities, are attacked, or are an intruder's already.
 *
 * Pure functions. Times are seconds. A hazard is the expected number of compromises over the
 * horizon, 0 to HAZARD_MAX; beliefs, shares and capacities are probabilities, 0 to 1; what is out
 * of range counts as the nearest value in range.
 */
#ifndef SKINK_TOLERATE_CAPACITY_H
#define SKINK_TOLERATE_CAPACITY_H

#include <stddef.h>

#define HAZARD_MAX 700.0 /* e^-700 is still a number */

/* How long a replica lives from its clean start on: a Weibull distribution (Weibull 1951). */
struct lifetime {
    double scale; /* s, eta; INFINITY: it does not age */
    double shape; /* beta; less than 1, which is getting better with age, counts as 1 here */
};

/* Expected failures from age on over the horizon: ((a+h)/eta)^beta - (a/eta)^beta, the increase of
 * the distribution's cumulative hazard. */
double hazard_age(const struct lifetime *life, double age, double horizon);

/*
 * exposure * horizon / 30 days * weight. exposure, 0 to 1: the share of what is exploited anywhere
 * that this service meets; weight: the sum of vulnerability_weight. EPSS (FIRST) gives
 * probabilities for 30 days, taken as a constant rate.
 */
double hazard_vulnerabilities(double exposure, double weight, double horizon);

/*
 * horizon * (alpha0 + evidence) / (beta0 + memory), capped: the mean of the Gamma posterior of a
 * Poisson rate (Gelman et al. 2013, 2.6) after so much evidence, a sum of evidence_left.
 */
double hazard_attacks(double evidence, double memory, double horizon);

/* What is left of a score when `passed` has gone by: score * e^(-passed/memory). */
double evidence_left(double score, double passed, double memory);

/* The belief that a replica is an intruder's: one more reason, of what is left of its score. */
double belief_add(double belief, double left);

/* What may befall one replica. */
struct risk {
    double age, vulnerabilities, attacks; /* hazards over the horizon */
    double belief;                        /* that it is compromised already */
};

/* Which compromised replicas a service survives. */
enum redundancy {
    REDUNDANCY_BALANCED,     /* each answers for itself, plain load balancing: none */
    REDUNDANCY_VOTING,       /* answers are compared: the minority, (n-1)/2 */
    REDUNDANCY_AVAILABILITY, /* one that is left is enough: n-1 */
};

/* How many of n. */
size_t redundancy_survives(enum redundancy redundancy, size_t n);

/* q = 1 - (1-b) e^-hazard. common: the share of vulnerabilities and attacks that is not its own but
 * common to all replicas. */
double risk_compromised(const struct risk *risk, double common);

/* The same for all replicas at once, by what they have in common (beta factor, Fleming 1975): the
 * worst of them counts. */
double risk_common(const struct risk *risks, size_t n, double common);

/* P[at most f of n are compromised], q[i] each: the Poisson-binomial distribution by dynamic
 * programming (Barlow & Heidtmann 1984, k-out-of-n systems). */
double at_most_compromised(const double *q, size_t n, size_t f);

/* (1 - risk_common) * at_most_compromised. 0 without replicas: nobody serves. */
double capacity_surviving(const struct risk *risks, size_t n, size_t f, double common);
double capacity(const struct risk *risks, size_t n, enum redundancy redundancy, double common);

enum cause { CAUSE_AGE, CAUSE_VULNERABILITIES, CAUSE_ATTACKS, CAUSE_BELIEF, CAUSES };

/* How much of the capacity a cause takes: what it would be more without it. These overlap: they
 * need not add up to what is missing. */
double capacity_taken(const struct risk *risks, size_t n, enum redundancy redundancy, double common,
                      enum cause cause);

/* All services together: the means weighted by criticality, and the least, since a mean hides the
 * one that has collapsed. */
struct system_capacity {
    double mean, geometric, least;
};

/* n > 0; weights that are all 0 count as equal. */
struct system_capacity capacity_system(const double *capacities, const double *weights, size_t n);

#endif
