#include "detect/detector.h"

#include <stdalign.h>
#include <string.h>

#include "base/memory.h"
#include "detect/specification.h"

struct detector {
    const struct detector_kind *kind;
    void *model;
    char *name;
};

struct detector_stream {
    const struct detector *detector;
    alignas(max_align_t) unsigned char state[];
};

struct detector *detector_new(const char *specification, struct error *err)
{
    struct specification spec;
    if (specification_parse(&spec, specification, err) < 0)
        return NULL;
    void *model = spec.kind->create(&spec.setup, err);
    struct detector *detector = NULL;
    if (model) {
        detector = memory_must(calloc(1, sizeof *detector));
        *detector = (struct detector){spec.kind, model, specification_text(&spec)};
        spec.setup.member_count = 0;
    } else {
        error_context(err, "detector \"%s\"", specification);
    }
    specification_clear(&spec);
    return detector;
}

void detector_free(struct detector *detector)
{
    if (!detector)
        return;
    detector->kind->destroy(detector->model);
    free(detector->name);
    free(detector);
}

const char *detector_name(const struct detector *detector)
{
    return detector->name;
}

size_t detector_memory(const struct detector *detector)
{
    return sizeof *detector + detector->kind->memory(detector->model);
}

size_t detector_patterns(const struct detector *detector)
{
    return detector->kind->patterns(detector->model);
}

struct detector_stream *detector_stream_new(const struct detector *detector)
{
    const struct detector_kind *kind = detector->kind;
    struct detector_stream *stream = memory_must(calloc(1, sizeof *stream + kind->stream_size));
    stream->detector = detector;
    if (kind->stream_open)
        kind->stream_open(detector->model, stream->state);
    return stream;
}

void detector_stream_reset(struct detector_stream *stream)
{
    const struct detector_kind *kind = stream->detector->kind;
    if (kind->stream_reset)
        kind->stream_reset(stream->state);
    else
        memset(stream->state, 0, kind->stream_size);
}

void detector_stream_free(struct detector_stream *stream)
{
    if (!stream)
        return;
    if (stream->detector->kind->stream_close)
        stream->detector->kind->stream_close(stream->state);
    free(stream);
}

void detector_learn(struct detector *detector, struct detector_stream *stream,
                    const uint16_t *codes, size_t count)
{
    detector->kind->learn(detector->model, stream->state, codes, count);
}

void detector_learn_end(struct detector *detector, struct detector_stream *stream)
{
    if (detector->kind->learn_end)
        detector->kind->learn_end(detector->model, stream->state);
    detector_stream_reset(stream);
}

void detector_settle(struct detector *detector)
{
    if (detector->kind->settle)
        detector->kind->settle(detector->model);
}

void detector_judge(const struct detector *detector, struct detector_stream *stream,
                    const uint16_t *codes, size_t count, float *scores)
{
    detector->kind->judge(detector->model, stream->state, codes, count, scores);
}
