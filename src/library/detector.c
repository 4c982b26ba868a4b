/* Detectors, for programs that embed Skink. */
#include "detect/detector.h"

#include "base/memory.h"
#include "detect/scorer.h"
#include "library/library.h"

_Static_assert((int)SKINK_THREAD == SCOPE_THREAD && (int)SKINK_PROCESS == SCOPE_PROCESS &&
                   (int)SKINK_CONTAINER == SCOPE_CONTAINER,
               "enum skink_scope is enum scope");

struct skink_detector {
    struct detector *detector;
    bool settled;
};

struct skink_scorer {
    struct scorer *scorer;
    const struct skink_detector *detector;
    bool learned; /* this one did: its streams have an end that the detector is told of */
};

const char *skink_detector_kind(size_t index)
{
    size_t count;
    const struct detector_kind_info *const *kinds = detector_kinds(&count);
    return index < count ? kinds[index]->name : NULL;
}

struct skink_detector *skink_detector_new(const char *specification, struct skink_error *err)
{
    struct error why;
    struct detector *detector = detector_new(specification, &why);
    if (!detector) {
        library_tell(err, &why);
        return NULL;
    }
    struct skink_detector *made = memory_must(calloc(1, sizeof *made));
    made->detector = detector;
    return made;
}

void skink_detector_free(struct skink_detector *detector)
{
    if (!detector)
        return;
    detector_free(detector->detector);
    free(detector);
}

const char *skink_detector_name(const struct skink_detector *detector)
{
    return detector_name(detector->detector);
}

size_t skink_detector_memory(const struct skink_detector *detector)
{
    return detector_memory(detector->detector);
}

void skink_detector_settle(struct skink_detector *detector)
{
    if (!detector->settled)
        detector_settle(detector->detector);
    detector->settled = true;
}

struct skink_scorer *skink_scorer_new(struct skink_detector *detector, enum skink_scope scope,
                                      unsigned smooth, struct skink_error *err)
{
    struct error why;
    if (scope > SKINK_CONTAINER || smooth < 1 || smooth > SCORER_SMOOTH_MAX) {
        error_set(&why, EXIT_USAGE, 0,
                  "scope %u, a sum of %u scores: there are scopes 0 to 2 and sums of 1 to %d",
                  (unsigned)scope, smooth, SCORER_SMOOTH_MAX);
        library_tell(err, &why);
        return NULL;
    }
    struct skink_scorer *scorer = memory_must(calloc(1, sizeof *scorer));
    scorer->detector = detector;
    scorer->scorer = scorer_new(detector->detector, (enum scope)scope, smooth);
    return scorer;
}

/* A detector that learns has not yet what judging needs, and the other way round. */
static void must_be_settled(const struct skink_scorer *scorer, bool settled)
{
    if (scorer->detector->settled == settled)
        return;
    fprintf(stderr, "libskink: %s\n",
            settled ? "judging before skink_detector_settle"
                    : "learning after skink_detector_settle");
    abort();
}

void skink_scorer_replica(struct skink_scorer *scorer)
{
    if (scorer->learned)
        must_be_settled(scorer, false);
    scorer_restart(scorer->scorer);
}

void skink_scorer_free(struct skink_scorer *scorer)
{
    if (!scorer)
        return;
    if (scorer->learned && !scorer->detector->settled)
        scorer_restart(scorer->scorer);
    scorer_free(scorer->scorer);
    free(scorer);
}

void skink_scorer_learn(struct skink_scorer *scorer, const struct skink_call *calls, size_t count)
{
    struct call batch[LIBRARY_BATCH];
    must_be_settled(scorer, false);
    scorer->learned = true;
    for (size_t size; count > 0; calls += size, count -= size) {
        size = count < LIBRARY_BATCH ? count : LIBRARY_BATCH;
        library_take_calls(batch, calls, size);
        scorer_learn(scorer->scorer, batch, size);
    }
}

void skink_scorer_judge(struct skink_scorer *scorer, const struct skink_call *calls, size_t count,
                        float *scores)
{
    struct call batch[LIBRARY_BATCH];
    must_be_settled(scorer, true);
    for (size_t size; count > 0; calls += size, scores += size, count -= size) {
        size = count < LIBRARY_BATCH ? count : LIBRARY_BATCH;
        library_take_calls(batch, calls, size);
        scorer_judge(scorer->scorer, batch, size, scores);
    }
}
