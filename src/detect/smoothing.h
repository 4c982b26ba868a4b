/* The sum of the last w scores of a stream, O(1) a score. Private to the detect room. */
#ifndef SKINK_DETECT_SMOOTHING_H
#define SKINK_DETECT_SMOOTHING_H

#include <stdint.h>

#include "base/memory.h"

struct smoothing {
    uint32_t width; /* w; 1: scores stay as they are */
    uint32_t count; /* scores in the ring */
    uint32_t oldest;
    float *ring; /* w scores; NULL for w = 1 */
    double sum;
};

static inline void smoothing_init(struct smoothing *smoothing, uint32_t width)
{
    *smoothing = (struct smoothing){.width = width};
    if (width > 1)
        smoothing->ring = (float *)memory_must(malloc(width * sizeof *smoothing->ring));
}

static inline void smoothing_reset(struct smoothing *smoothing)
{
    smoothing->count = smoothing->oldest = 0;
    smoothing->sum = 0;
}

static inline void smoothing_free(struct smoothing *smoothing)
{
    free(smoothing->ring);
}

/* The sum after one more score, which is at least 0. */
static inline float smoothing_push(struct smoothing *smoothing, float score)
{
    if (smoothing->width == 1)
        return score;
    if (smoothing->count < smoothing->width) {
        smoothing->ring[smoothing->count++] = score;
    } else {
        smoothing->sum -= smoothing->ring[smoothing->oldest];
        smoothing->ring[smoothing->oldest] = score;
        smoothing->oldest = smoothing->oldest + 1 == smoothing->width ? 0 : smoothing->oldest + 1;
    }
    smoothing->sum += score;
    return smoothing->sum > 0 ? (float)smoothing->sum : 0; /* rounding may leave it below 0 */
}

#endif
