/*
 * How fast each detector judges, on one core:
 *
 *     build/bench/detectors [CALLS [SPECIFICATION...]]
 *
 * The calls are those of a busy server's thread: requests, each one of twenty sequences of 4 to 23
 * calls, with a call out of place now and then. A tenth as many are learned first, with other
 * requests and other calls out of place. One line each: specification, calls a second, bytes.
 */
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "detect/detector.h"

#define CALLS     20000000
#define RUNS      3
#define BATCH     4096
#define SEQUENCES 20
#define SHORTEST  4

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*seed >> 33) % below;
}

static uint16_t *make_calls(size_t count, uint64_t seed)
{
    /* epoll_wait accept4 read recvfrom openat newfstatat sendfile writev close futex … */
    static const uint16_t numbers[] = {232, 288, 0,  45, 257, 262, 40, 20, 3,  202,
                                       1,   44,  72, 17, 8,   9,   11, 16, 28, 228};
    const size_t choice = sizeof numbers / sizeof *numbers;
    uint16_t sequences[SEQUENCES][SEQUENCES + SHORTEST];
    uint64_t fixed = 1;
    for (size_t i = 0; i < SEQUENCES; i++)
        for (size_t j = 0; j < i + SHORTEST; j++)
            sequences[i][j] = numbers[draw(&fixed, choice)];
    uint16_t *codes = memory_must(malloc(count * sizeof *codes));
    size_t sequence = 0, next = 0;
    for (size_t i = 0; i < count; i++) {
        codes[i] = draw(&seed, 1000) ? sequences[sequence][next] : numbers[draw(&seed, choice)];
        if (++next == sequence + SHORTEST) {
            sequence = draw(&seed, SEQUENCES);
            next = 0;
        }
    }
    return codes;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The fastest of some runs: what the machine can do when it is left alone. */
static double best_time(const struct detector *detector, const uint16_t *codes, size_t count)
{
    float scores[BATCH];
    double best = 0;
    struct detector_stream *stream = detector_stream_new(detector);
    for (int run = 0; run < RUNS; run++) {
        double begin = cpu_seconds();
        detector_stream_reset(stream);
        for (size_t at = 0, batch; at < count; at += batch) {
            batch = count - at < BATCH ? count - at : BATCH;
            detector_judge(detector, stream, codes + at, batch, scores);
        }
        double took = cpu_seconds() - begin;
        best = run == 0 || took < best ? took : best;
    }
    detector_stream_free(stream);
    return best;
}

static int measure(const char *specification, const uint16_t *learned, const uint16_t *judged,
                   size_t count, struct error *err)
{
    struct detector *detector = detector_new(specification, err);
    if (!detector)
        return -1;
    struct detector_stream *stream = detector_stream_new(detector);
    detector_learn(detector, stream, learned, count / 10);
    detector_learn_end(detector, stream);
    detector_stream_free(stream);
    detector_settle(detector);
    double seconds = best_time(detector, judged, count);
    printf("%s\t%.0f\t%zu\n", specification, (double)count / seconds, detector_memory(detector));
    fflush(stdout);
    detector_free(detector);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {
        "stide",     "tstide", "bosc", "bosc:bag=10,epoch=5000,other=20", "lookahead",
        "frequency", "graph",  "best", "quorum(stide bosc graph)"};
    struct error err;
    uint64_t count = CALLS;
    if (argc > 1 && parse_u64("CALLS", argv[1], 10, UINT32_MAX, &count, &err) < 0)
        return error_report(&err);
    autofree uint16_t *learned = make_calls(count / 10, 1);
    autofree uint16_t *judged = make_calls(count, 2);
    const size_t specifications = argc > 2 ? (size_t)argc - 2 : sizeof usual / sizeof *usual;
    for (size_t i = 0; i < specifications; i++)
        if (measure(argc > 2 ? argv[i + 2] : usual[i], learned, judged, count, &err) < 0)
            return error_report(&err);
    return EXIT_DONE;
}
