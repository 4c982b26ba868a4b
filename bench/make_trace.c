/*
 * Writes a large trace as a busy server makes it, to time `skink detect` on:
 *
 *     build/bench/make_trace FILE CALLS [SEED]
 *
 * Eight worker threads run on two CPUs; each serves requests, and a request is one of twenty
 * sequences of 4 to 23 calls with a little time between calls and now and then a lot. The calls of
 * both CPUs come in the order of their times, as a recording has them. The sequences are the same
 * whatever the seed is, their order is not: a profile learned from one trace fits the next.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "trace/trace.h"

#define CPUS      2
#define THREADS   8
#define SEQUENCES 20
#define LONGEST   23
#define BATCH     4096

struct sequence {
    unsigned length;
    uint16_t numbers[LONGEST];
};

struct server {
    struct sequence sequences[SEQUENCES];
    struct {
        const struct sequence *request;
        unsigned next;
    } threads[THREADS];
    struct {
        unsigned running; /* thread */
        uint64_t time;
    } cpus[CPUS];
    uint64_t seed;
};

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*seed >> 33) % below;
}

static void make_sequences(struct server *server)
{
    /* epoll_wait accept4 read recvfrom openat newfstatat sendfile writev close futex … */
    static const uint16_t numbers[] = {232, 288, 0,  45, 257, 262, 40, 20, 3,  202,
                                       1,   44,  72, 17, 8,   9,   11, 16, 28, 228};
    uint64_t seed = 1;
    for (int i = 0; i < SEQUENCES; i++) {
        server->sequences[i].length = (unsigned)(4 + i);
        for (unsigned j = 0; j < server->sequences[i].length; j++)
            server->sequences[i].numbers[j] =
                numbers[draw(&seed, sizeof numbers / sizeof *numbers)];
    }
}

/* A CPU takes up another thread after a request, now and then also amid one. */
static struct call next_call(struct server *server)
{
    unsigned cpu = server->cpus[0].time <= server->cpus[1].time ? 0 : 1;
    unsigned index = server->cpus[cpu].running;
    if (!server->threads[index].request) {
        server->threads[index].request = &server->sequences[draw(&server->seed, SEQUENCES)];
        server->threads[index].next = 0;
    }
    const struct sequence *request = server->threads[index].request;
    struct call call = {.time = server->cpus[cpu].time,
                        .tid = 1000 + index,
                        .pid = 1000,
                        .number = request->numbers[server->threads[index].next++]};
    bool done = server->threads[index].next == request->length;
    if (done)
        server->threads[index].request = NULL;
    if (done || draw(&server->seed, 50) == 0)
        server->cpus[cpu].running = (unsigned)draw(&server->seed, THREADS / CPUS) * CPUS + cpu;
    uint64_t range = draw(&server->seed, 8) ? 2000 : 30000; /* ns in the call and after it */
    server->cpus[cpu].time += 200 + draw(&server->seed, range);
    return call;
}

static int write_calls(const char *path, uint64_t count, uint64_t seed, struct error *err)
{
    struct trace_head head = {
        .host = "bench", .kernel = "-", .command = "make_trace", .started = 1574370749000000000ULL};
    struct server server = {.seed = seed, .cpus = {{0, head.started}, {1, head.started}}};
    make_sequences(&server);
    struct trace_writer *writer = trace_create(path, &head, err);
    if (!writer)
        return -1;
    /* Every thread begins with its fork, as in a recording from the first call on. */
    struct call calls[BATCH];
    for (unsigned i = 0; i < THREADS; i++)
        calls[i] = (struct call){
            .kind = CALL_FORK, .time = head.started, .tid = 1000 + i, .pid = 1000, .value = 1};
    int failed = trace_write(writer, calls, THREADS, err);
    for (uint64_t done = 0, batch; done < count && !failed; done += batch) {
        batch = count - done < BATCH ? count - done : BATCH;
        for (uint64_t i = 0; i < batch; i++)
            calls[i] = next_call(&server);
        failed = trace_write(writer, calls, batch, err);
    }
    struct error closing;
    return trace_finish(writer, failed ? &closing : err) < 0 || failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct error err;
    uint64_t count, seed = 1;
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: make_trace FILE CALLS [SEED]\n");
        return EXIT_USAGE;
    }
    if (parse_u64("CALLS", argv[2], 1, UINT64_MAX, &count, &err) < 0 ||
        (argc == 4 && parse_u64("SEED", argv[3], 1, UINT64_MAX, &seed, &err) < 0) ||
        write_calls(argv[1], count, seed, &err) < 0)
        return error_report(&err);
    return EXIT_DONE;
}
