/*
 * What a kind of detector brings: its operations, each on a whole run of calls, so that nothing is
 * called through a pointer for a single call. Private to the detect room.
 */
#ifndef SKINK_DETECT_DETECTOR_KIND_H
#define SKINK_DETECT_DETECTOR_KIND_H

#include "detect/detector.h"

#define DETECTOR_PARAMETERS 4 /* the most that a kind has */
#define DETECTOR_MEMBERS    8 /* the most that a quorum has */

/* What a specification asks for. */
struct detector_setup {
    double values[DETECTOR_PARAMETERS];         /* in the order of the kind's list, in range */
    struct detector *members[DETECTOR_MEMBERS]; /* given away to `create` when it succeeds */
    size_t member_count;                        /* 0 unless the kind has members */
};

/* `model` is what `create` returned, `stream` is stream_size bytes, all 0 at a stream's beginning.
 */
struct detector_kind {
    struct detector_kind_info info;
    bool has_members;
    size_t stream_size;
    void *(*create)(const struct detector_setup *setup, struct error *err);
    void (*destroy)(void *model);
    size_t (*memory)(const void *model);
    size_t (*patterns)(const void *model);
    void (*learn)(void *model, void *stream, const uint16_t *codes, size_t count);
    void (*settle)(void *model); /* NULL: nothing to do */
    void (*judge)(const void *model, void *stream, const uint16_t *codes, size_t count,
                  float *scores);

    /* For streams that own something: made from zeros, begun anew, released, ended in training.
     * NULL: zeros are all it takes. */
    void (*stream_open)(const void *model, void *stream);
    void (*stream_reset)(void *stream);
    void (*stream_close)(void *stream);
    void (*learn_end)(void *model, void *stream);
};

extern const struct detector_kind kind_stide, kind_tstide, kind_bosc, kind_lookahead,
    kind_frequency, kind_markov, kind_graph, kind_quorum;

#endif
