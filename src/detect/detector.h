/*
 * Detectors behind one interface: what learns from normal calls and then gives every further call a
 * score, online and in O(1) a call. A detector is told of streams of codes (of a thread, a process
 * or a whole container: detect/scorer.h); one detector judges many streams.
 *
 *     new ─▶ learn, learn, … ─▶ settle ─▶ judge, judge, …
 *
 * A specification names the kind and its parameters, the others keep their defaults:
 *
 *     stide   stide:window=6   bosc:bag=10,epoch=500   markov:order=12,weight=16   best
 *     quorum:rule=majority(stide:window=6 bosc:bag=6 graph)
 */
#ifndef SKINK_DETECT_DETECTOR_H
#define SKINK_DETECT_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Codes are below CALL_CODES (profile/pattern.h). */

/* A score of a call that ends no pattern yet (the stream is too short): it counts nowhere. */
#define SCORE_NONE (-1.0F)

struct detector;        /* what was learned */
struct detector_stream; /* where one stream stands; owned by its user */

/* NULL on error: an unknown kind or parameter, a value out of its range. */
struct detector *detector_new(const char *specification, struct error *err);
void detector_free(struct detector *detector);

/* The specification with every parameter spelled out, in the order of the kind's list; "best" as
 * what it stands for. Valid until detector_free. */
const char *detector_name(const struct detector *detector);

/* Memory held by what was learned, in bytes. */
size_t detector_memory(const struct detector *detector);

/* Distinct patterns learned so far, for growth curves (of a quorum: its members' together). Before
 * detector_settle. */
size_t detector_patterns(const struct detector *detector);

/* A stream at its beginning; of this detector only, and to be freed before it. Never NULL. */
struct detector_stream *detector_stream_new(const struct detector *detector);
void detector_stream_reset(struct detector_stream *stream);
void detector_stream_free(struct detector_stream *stream);

/* Learns the next calls of a stream. Not after detector_settle. */
void detector_learn(struct detector *detector, struct detector_stream *stream,
                    const uint16_t *codes, size_t count);

/* The stream that was learned ends here: an independent trace, one replica's, one thread's. It is
 * at its beginning again. */
void detector_learn_end(struct detector *detector, struct detector_stream *stream);

/* Everything was learned. From here on the detector never changes and may be used by many threads
 * of execution at once, each with streams of its own. */
void detector_settle(struct detector *detector);

/* Judges the next calls of a stream: scores[i] is SCORE_NONE or at least 0, the higher the
 * stranger. What a score is says the kind: 1 for a mismatch of STIDE and BoSC, nats for a model of
 * probability. Calls may be handed over in pieces of any size. */
void detector_judge(const struct detector *detector, struct detector_stream *stream,
                    const uint16_t *codes, size_t count, float *scores);

/* ---- the kinds there are ---- */

struct detector_parameter {
    const char *name;
    const char *about;
    double initial, least, most;
    bool whole;                 /* an integer */
    const char *const *choices; /* NULL-ended names; the value is an index into them. Or NULL. */
};

struct detector_kind_info {
    const char *name;
    const char *about;  /* one line */
    const char *source; /* author, year, section */
    const struct detector_parameter *parameters;
    size_t parameter_count;
};

/* All kinds, `count` of them. */
const struct detector_kind_info *const *detector_kinds(size_t *count);

#endif
