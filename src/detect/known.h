/* Learning and judging by a set of known patterns, which STIDE, t-STIDE and BoSC have in common.
 * Private to the detect room. */
#ifndef SKINK_DETECT_KNOWN_H
#define SKINK_DETECT_KNOWN_H

#include "detect/fingerprints.h"
#include "detect/patterns.h"

/* Puts the patterns of the next calls into the set. */
void known_learn(const struct pattern_maker *maker, struct fingerprints *known,
                 struct pattern_stream *stream, const uint16_t *codes, size_t count);

/* Scores the next calls: 1 for a pattern that is not in the set, 0 for one that is. */
void known_judge(const struct pattern_maker *maker, const struct fingerprints *known,
                 struct pattern_stream *stream, const uint16_t *codes, size_t count, float *scores);

#endif
