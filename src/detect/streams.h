/* The streams of one replica, found by thread or process. Private to the detect room. */
#ifndef SKINK_DETECT_STREAMS_H
#define SKINK_DETECT_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "detect/detector.h"
#include "detect/smoothing.h"

struct stream {
    uint32_t key;        /* thread or process */
    int32_t first, last; /* its calls in the scorer's batch, -1: none */
    struct stream *next; /* in the chain of the hash table */
    struct detector_stream *state;
    struct smoothing smoothing;
};

struct streams {
    struct stream **chains; /* 2^bits */
    unsigned bits;
    size_t count;
    uint32_t smooth; /* scores that are summed up */
};

/* Both abort without memory, as streams_get does. */
void streams_init(struct streams *streams, uint32_t smooth);
void streams_free(struct streams *streams);

/* The stream of a key, made when there is none. */
struct stream *streams_get(struct streams *streams, const struct detector *detector, uint32_t key);

/* Takes a stream out, for stream_free; NULL when there is none. */
struct stream *streams_take(struct streams *streams, uint32_t key);

/* Takes out any stream; NULL when none is left. */
struct stream *streams_take_any(struct streams *streams);

void stream_free(struct stream *stream);

#endif
