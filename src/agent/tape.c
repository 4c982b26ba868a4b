#include "agent/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/memory.h"
#include "trace/trace.h"

#define NO_CALL UINT32_MAX

/* The last call of a thread, as long as it is in the buffer. */
struct waiting {
    uint32_t tid;
    uint32_t index; /* into calls, NO_CALL: nothing waits */
};

struct tape {
    struct trace_writer *trace;
    struct tape_counts counts;
    uint64_t wall_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
    bool results;
    struct call *calls;
    uint32_t count, room;
    struct waiting *waiting; /* a slot for every second call; by thread */
    uint32_t slots;
    struct error err;
    bool failed; /* err says why */
};

static struct waiting *waiting_of(struct tape *tape, uint32_t tid)
{
    return &tape->waiting[tid * 2654435761U % tape->slots];
}

static void write_out(struct tape *tape, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (tape->results && tape->calls[i].kind == CALL_ENTER && !tape->calls[i].has_value)
            tape->counts.unanswered++;
    if (!tape->failed && trace_write(tape->trace, tape->calls, count, &tape->err) < 0)
        tape->failed = true;
    tape->count -= count;
    memmove(tape->calls, tape->calls + count, tape->count * sizeof *tape->calls);
    for (uint32_t i = 0; i < tape->slots; i++) {
        uint32_t *index = &tape->waiting[i].index;
        if (*index != NO_CALL)
            *index = *index >= count ? *index - count : NO_CALL;
    }
}

static struct call *next_call(struct tape *tape)
{
    if (tape->count == tape->room)
        write_out(tape, tape->results ? tape->room / 2 : tape->room);
    return &tape->calls[tape->count++];
}

static void answer(struct tape *tape, const struct recorded_call *event)
{
    struct waiting *waiting = waiting_of(tape, event->tid);
    if (waiting->tid != event->tid || waiting->index == NO_CALL)
        return;
    tape->calls[waiting->index].value = event->value;
    tape->calls[waiting->index].has_value = true;
    waiting->index = NO_CALL;
}

void tape_put(struct tape *tape, const struct recorded_call *event)
{
    if (event->kind == RECORDED_RESULT) {
        answer(tape, event);
        return;
    }
    struct call *call = next_call(tape);
    *call = (struct call){
        .time = event->time + tape->wall_offset,
        .value = event->value,
        .tid = event->tid,
        .pid = event->pid,
        .number = event->number,
        .kind = (uint8_t)event->kind,
        .has_value = false,
    };
    if (event->kind == CALL_ENTER) {
        tape->counts.calls++;
        *waiting_of(tape, event->tid) =
            (struct waiting){event->tid, (uint32_t)(call - tape->calls)};
    } else if (event->kind == CALL_FORK) {
        tape->counts.threads++;
    } else if (event->kind == CALL_LOST) {
        tape->counts.lost += (uint64_t)event->value;
    }
}

void tape_lose(struct tape *tape, uint64_t lost)
{
    *next_call(tape) =
        (struct call){.kind = CALL_LOST, .value = (int64_t)lost, .time = clock_realtime()};
    tape->counts.lost += lost;
}

const struct tape_counts *tape_counts(const struct tape *tape)
{
    return &tape->counts;
}

const struct error *tape_failure(const struct tape *tape)
{
    return tape->failed ? &tape->err : NULL;
}

static struct trace_writer *create(const struct tape_options *options, struct error *err)
{
    struct trace_head head = {.started = clock_realtime(), .results = options->results};
    struct utsname system;
    uname(&system);
    snprintf(head.host, sizeof head.host, "%s", system.nodename);
    snprintf(head.kernel, sizeof head.kernel, "%s", system.release);
    snprintf(head.command, sizeof head.command, "%s", options->what);
    return trace_create(options->path, &head, err);
}

struct tape *tape_open(const struct tape_options *options, struct error *err)
{
    struct trace_writer *trace = create(options, err);
    if (!trace)
        return NULL;
    struct tape *tape = memory_must(calloc(1, sizeof *tape));
    *tape = (struct tape){
        .trace = trace,
        .wall_offset = clock_realtime() - clock_monotonic(),
        .results = options->results,
        .calls = memory_must(reallocarray(NULL, options->room, sizeof(struct call))),
        .room = options->room,
        .waiting = memory_must(reallocarray(NULL, options->room / 2, sizeof(struct waiting))),
        .slots = options->room / 2,
    };
    memset(tape->waiting, 0xff, tape->slots * sizeof *tape->waiting);
    return tape;
}

int tape_close(struct tape *tape, struct tape_counts *counts, struct error *err)
{
    write_out(tape, tape->count);
    if (counts)
        *counts = tape->counts;
    int done = trace_finish(tape->trace, err);
    if (tape->failed) {
        *err = tape->err;
        done = -1;
    }
    free(tape->waiting);
    free(tape->calls);
    free(tape);
    return done;
}
