/* A specification on the first line, then calls: the first half of them is learned, all are judged.
 * What a name says must give the same detector again, and no score may be anything but a score. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "detect/detector.h"
#include "profile/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct detector *detector)
{
    struct error err;
    struct detector *again = detector_new(detector_name(detector), &err);
    if (!again || strcmp(detector_name(again), detector_name(detector)) != 0)
        abort();
    detector_free(again);
}

static void check_scores(struct detector *detector, const uint16_t *codes, size_t count)
{
    autofree float *scores = memory_must(calloc(count + 1, sizeof *scores));
    struct detector_stream *stream = detector_stream_new(detector);
    detector_learn(detector, stream, codes, count / 4);
    detector_learn_end(detector, stream);
    detector_learn(detector, stream, codes + count / 4, count / 4);
    detector_learn_end(detector, stream);
    detector_settle(detector);
    detector_judge(detector, stream, codes, count / 3, scores);
    detector_judge(detector, stream, codes + count / 3, count - count / 3, scores + count / 3);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(scores[i]) || (scores[i] < 0 && scores[i] != SCORE_NONE))
            abort();
    detector_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    const uint8_t *line_end = memchr(data, '\n', size);
    size_t length = line_end ? (size_t)(line_end - data) : size;
    autofree char *specification = memory_must(strndup((const char *)data, length));
    struct detector *detector = detector_new(specification, &err);
    if (!detector)
        return 0;
    size_t count = line_end ? (size - length - 1) / 2 : 0;
    autofree uint16_t *codes = memory_must(calloc(count + 1, sizeof *codes));
    if (count)
        memcpy(codes, line_end + 1, count * sizeof *codes);
    for (size_t i = 0; i < count; i++)
        codes[i] %= CALL_CODES;
    check_name(detector);
    check_scores(detector, codes, count);
    detector_free(detector);
    return 0;
}
