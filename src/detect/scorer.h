/*
 * From recorded calls to scores: hands each call to its stream (begun anew at fork and exec, ended
 * at exit), and smooths what the detector says by a sum over the stream's last w scores.
 */
#ifndef SKINK_DETECT_SCORER_H
#define SKINK_DETECT_SCORER_H

#include "detect/detector.h"
#include "trace/call.h"

/* Whose calls make a stream. */
enum scope { SCOPE_THREAD, SCOPE_PROCESS, SCOPE_CONTAINER };

struct scorer;

/* One replica's calls. Borrows the detector, which must outlive it. smooth: w of the sum, 1 to
 * SCORER_SMOOTH_MAX; 1 leaves the scores as they are. Never NULL. */
#define SCORER_SMOOTH_MAX 10000
struct scorer *scorer_new(struct detector *detector, enum scope scope, uint32_t smooth);
void scorer_free(struct scorer *scorer);

/* Forgets all streams: the next calls are another replica's. */
void scorer_restart(struct scorer *scorer);

/* Learns from calls. When a stream ends, or with scorer_restart, the detector is told so. */
void scorer_learn(struct scorer *scorer, const struct call *calls, size_t count);

/* scores[i] of calls[i], smoothed; SCORE_NONE for marks (fork, exec, exit, lost) and for calls that
 * end no pattern. The detector was settled. */
void scorer_judge(struct scorer *scorer, const struct call *calls, size_t count, float *scores);

/* "thread", "process", "container"; the other way -1 for anything else. */
const char *scope_name(enum scope scope);
int scope_by_name(const char *name);

#endif
