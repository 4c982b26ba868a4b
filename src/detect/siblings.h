/*
 * Siblings: replicas of one service that serve the same load do much the same. While their profile
 * is still learned, what one of them does and none of the others does is suspicious (after El
 * Khairi et al., "ReplicaWatcher", NDSS 2024, who compare the replicas' events in short slices of
 * time). Here the events are the patterns that no replica has shown before.
 *
 * A burst is what a replica is the first to show within a stretch of time and its siblings still
 * have not shown at the end of it. Harmless bursts are rare paths of the service: any replica may
 * be the one to meet such a path first, so bursts come at one rate (per call) in all of them, and
 * their sizes are of one distribution. docs/replicas.md derives what follows from this.
 */
#ifndef SKINK_DETECT_SIBLINGS_H
#define SKINK_DETECT_SIBLINGS_H

#include <stdint.h>

#define SIBLINGS_STRETCH 5 /* seconds of a burst */

/* What replicas have shown while they were compared: calls, bursts, patterns in these bursts. */
struct siblings_record {
    uint64_t calls, bursts, patterns;
};

/*
 * Probability that a replica which serves what the others serve shows a burst of at least so many
 * patterns within so many calls; others: what its siblings have shown. foreign: patterns that one
 * call out of place makes, the window's length and the bag's together. In (0, 1]; 1 when the
 * siblings have made no call.
 */
double siblings_chance(const struct siblings_record *others, uint32_t foreign, uint64_t calls,
                       uint64_t patterns);

/* The fewest patterns in a burst whose probability is below `level`, and never less than two calls
 * out of place make. */
uint64_t siblings_threshold(const struct siblings_record *others, uint32_t foreign, uint64_t calls,
                            double level);

/* The level for each burst at which a service of so many replicas, all of them compared, raises one
 * false alarm a day on average. */
double siblings_level(uint32_t replicas);

#endif
