/* How easily an intruder gets from one service to the next: what the rankers have in common. */
#ifndef SKINK_INCIDENT_WEIGHT_H
#define SKINK_INCIDENT_WEIGHT_H

#include "incident/rank.h"

#define DETECTION 0.75 /* that a service which was taken raises an alarm */

/* A square matrix by rows: at(m, n, from, to). */
#define at(matrix, n, row, column) ((matrix)[(row) * (n) + (column)])

/* That an alarm of this score is a false one. */
double weight_noise(double score);

/* exp(-d / 40 s) for what runs backwards by d = later - earlier, 1 for what does not. */
double weight_backwards(uint64_t earlier, uint64_t later);

/*
 * The best flow between any two services, by its kind: never seen before 0.7, a known call 0.25,
 * against a call 0.08, none 0.01. timely: times the decay where the flow had ended before its
 * caller was taken, or began after the callee was. Caller frees services x services numbers.
 */
double *weight_matrix(const struct rank_case *given, bool timely);

/*
 * Makes of it the best product along any path over services for which through[] is not 0, times
 * through[] for each of them. before, when not NULL, gets the last service but one of each path.
 */
void weight_close(double *weight, size_t n, const double *through, size_t *before);

/*
 * The prior of being the entry: 0.2 when reachable from outside; what an ingress hands on may as
 * well strike a service behind it, so half of it with each call further in.
 */
void weight_prior(const struct rank_case *given, double *prior);

/* probability[i] = exp(likelihood[i]), normalised; -INFINITY is allowed. */
void weight_softmax(const double *likelihood, size_t count, double *probability);

#endif
