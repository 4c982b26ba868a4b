#include "detect/scorer.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "detect/streams.h"
#include "profile/pattern.h"

#define BATCH 1024 /* calls at a time */

struct scorer {
    struct detector *detector;
    enum scope scope;
    bool learning;
    struct streams streams;
    /* The batch's calls of one stream, in their order. */
    uint16_t codes[BATCH];
    float scores[BATCH];
};

static const char *const SCOPES[] = {"thread", "process", "container"};

const char *scope_name(enum scope scope)
{
    return SCOPES[scope];
}

int scope_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof SCOPES / sizeof *SCOPES; i++)
        if (strcmp(SCOPES[i], name) == 0)
            return (int)i;
    return -1;
}

struct scorer *scorer_new(struct detector *detector, enum scope scope, uint32_t smooth)
{
    assert(smooth >= 1 && smooth <= SCORER_SMOOTH_MAX);
    struct scorer *scorer = memory_must(calloc(1, sizeof *scorer));
    scorer->detector = detector;
    scorer->scope = scope;
    streams_init(&scorer->streams, smooth);
    return scorer;
}

void scorer_free(struct scorer *scorer)
{
    if (!scorer)
        return;
    streams_free(&scorer->streams);
    free(scorer);
}

/* NULL: there was no such stream. */
static void end_stream(struct scorer *scorer, struct stream *stream)
{
    if (stream && scorer->learning)
        detector_learn_end(scorer->detector, stream->state);
    stream_free(stream);
}

void scorer_restart(struct scorer *scorer)
{
    for (struct stream *stream; (stream = streams_take_any(&scorer->streams));)
        end_stream(scorer, stream);
}

static uint32_t key_of(const struct scorer *scorer, const struct call *call)
{
    switch (scorer->scope) {
    case SCOPE_THREAD:
        return call->tid;
    case SCOPE_PROCESS:
        return call->pid;
    case SCOPE_CONTAINER:
        break;
    }
    return 0;
}

/* A process is as old as its first thread and ends with it; a container's stream goes on through
 * all that its threads do, until calls are missing. */
static bool ends_stream(const struct scorer *scorer, const struct call *mark)
{
    if (mark->kind == CALL_LOST || scorer->scope == SCOPE_THREAD)
        return true;
    if (scorer->scope == SCOPE_CONTAINER)
        return false;
    return mark->kind == CALL_EXEC || mark->tid == mark->pid;
}

static void take_mark(struct scorer *scorer, const struct call *mark)
{
    if (mark->kind == CALL_LOST && mark->tid == 0)
        scorer_restart(scorer);
    else if (ends_stream(scorer, mark))
        end_stream(scorer, streams_take(&scorer->streams, key_of(scorer, mark)));
}

/* Where each call of a batch leads to: the next one of its stream. */
struct batch {
    const struct call *calls;
    float *scores; /* NULL: learning */
    int32_t next[BATCH];
};

static uint16_t code_of(const struct call *call)
{
    return (uint16_t)call_code(call->number & ~CALL_NUMBER_COMPAT,
                               call->number & CALL_NUMBER_COMPAT);
}

static void take_stream(struct scorer *scorer, struct stream *stream, const struct batch *batch)
{
    size_t count = 0;
    for (int32_t i = stream->first; i >= 0; i = batch->next[i])
        scorer->codes[count++] = code_of(&batch->calls[i]);
    if (batch->scores) {
        detector_judge(scorer->detector, stream->state, scorer->codes, count, scorer->scores);
        count = 0;
        for (int32_t i = stream->first; i >= 0; i = batch->next[i]) {
            float score = scorer->scores[count++];
            batch->scores[i] = score < 0 ? score : smoothing_push(&stream->smoothing, score);
        }
    } else {
        detector_learn(scorer->detector, stream->state, scorer->codes, count);
    }
    stream->first = stream->last = -1;
}

/* Sorts calls by their streams and hands them over, a run for each. */
static void take_batch(struct scorer *scorer, const struct call *calls, size_t count, float *scores)
{
    struct batch batch = {.calls = calls, .scores = scores};
    struct stream *met[BATCH];
    size_t streams = 0;
    for (size_t i = 0; i < count; i++) {
        struct stream *stream =
            streams_get(&scorer->streams, scorer->detector, key_of(scorer, &calls[i]));
        if (stream->last < 0) {
            met[streams++] = stream;
            stream->first = (int32_t)i;
        } else {
            batch.next[stream->last] = (int32_t)i;
        }
        stream->last = (int32_t)i;
        batch.next[i] = -1;
    }
    for (size_t i = 0; i < streams; i++)
        take_stream(scorer, met[i], &batch);
}

/* Takes calls up to a mark or the end of a batch, or one mark; returns how many. */
static size_t take_some(struct scorer *scorer, const struct call *calls, size_t count,
                        float *scores)
{
    size_t taken = 0;
    while (taken < count && taken < BATCH && calls[taken].kind == CALL_ENTER)
        taken++;
    if (taken == 0) {
        take_mark(scorer, calls);
        if (scores)
            *scores = SCORE_NONE;
        return 1;
    }
    take_batch(scorer, calls, taken, scores);
    return taken;
}

void scorer_learn(struct scorer *scorer, const struct call *calls, size_t count)
{
    scorer->learning = true;
    for (size_t i = 0; i < count;)
        i += take_some(scorer, calls + i, count - i, NULL);
}

void scorer_judge(struct scorer *scorer, const struct call *calls, size_t count, float *scores)
{
    scorer->learning = false;
    for (size_t i = 0; i < count;)
        i += take_some(scorer, calls + i, count - i, scores + i);
}
