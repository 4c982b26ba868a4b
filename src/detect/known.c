#include "detect/known.h"

#include "detect/detector.h"

void known_learn(const struct pattern_maker *maker, struct fingerprints *known,
                 struct pattern_stream *stream, const uint16_t *codes, size_t count)
{
    uint64_t prints[PATTERN_BATCH];
    for (size_t at = 0, batch; at < count; at += batch) {
        batch = pattern_batch(count - at);
        patterns_make(maker, stream, codes + at, batch, prints);
        for (size_t i = 0; i < batch; i++)
            if (prints[i] && !fingerprints_has(known, prints[i]))
                fingerprints_add(known, prints[i]);
    }
}

/* Compiled for what the processor can. (clang gives such a function a name of its own when it is
 * not static.) */
__attribute__((target_clones("avx2", "default"))) static void
judge(const struct pattern_maker *maker, const struct fingerprints *known,
      struct pattern_stream *stream, const uint16_t *codes, size_t count, float *scores)
{
    const struct fingerprints set = *known;
    uint64_t prints[PATTERN_BATCH];
    for (size_t at = 0, batch; at < count; at += batch) {
        batch = pattern_batch(count - at);
        patterns_make(maker, stream, codes + at, batch, prints);
        for (size_t i = 0; i < batch; i++)
            scores[at + i] = prints[i] ? (float)!fingerprints_has(&set, prints[i]) : SCORE_NONE;
    }
}

void known_judge(const struct pattern_maker *maker, const struct fingerprints *known,
                 struct pattern_stream *stream, const uint16_t *codes, size_t count, float *scores)
{
    judge(maker, known, stream, codes, count, scores);
}
