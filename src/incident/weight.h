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
 * caller was taken, or began after the callee was. Times what the caller that is named says of
 * the step (weight_unled). Caller frees services x services numbers.
 */
double *weight_matrix(const struct rank_case *given, bool timely);

/*
 * On whose connection a service did what alarmed it (rank_flow.carried) says how the intruder came
 * to it. The likelihood of that evidence, m of the service's k callers being named:
 *
 *     he came from one of these                             0.9 / m, 1 / m when they are all
 *     he came from elsewhere                                0.1 / (k - m)
 *     no service led him there: it is the entry, or chance  1 / k
 *
 * The first two are in weight_matrix, the third is returned; 1 when nobody is named.
 *
 * A named caller that raised no alert was taken and missed; or it is as likely that it was not made
 * to do anything foreign, but to hand an order on that this service carried out (an injection into
 * a query). Then its silence is no miss, and the order went to one of the c services that it calls:
 * P(silent, step) = (1 - DETECTION) w / 2 + 1 / 2c instead of (1 - DETECTION) w. Who uses the
 * matrix pays 1 - DETECTION for each silent service, so what stands in it is that divided by it.
 */
double weight_unled(const struct rank_case *given, size_t service);

/*
 * P(the callers that are named | the service is the entry). As weight_unled, for a caller may be a
 * proxy that handed on what strikes behind it; but to a database nobody hands on what he has not
 * written himself, so that one who broke into it by itself is on such a connection by mistake: a
 * tenth of that.
 */
double weight_entered(const struct rank_case *given, size_t service);

/*
 * Makes of it the best product along any path over services for which through[] is not 0, times
 * through[] for each of them. before, when not NULL, gets the last service but one of each path.
 */
void weight_close(double *weight, size_t n, const double *through, size_t *before);

/*
 * The prior of being the entry: 0.2 when reachable from outside; what an ingress hands on may as
 * well strike a service behind it, so 0.7 of it with each call further in.
 */
void weight_prior(const struct rank_case *given, double *prior);

/* probability[i] = exp(likelihood[i]), normalised; -INFINITY is allowed. */
void weight_softmax(const double *likelihood, size_t count, double *probability);

#endif
