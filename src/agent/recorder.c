#include "agent/recorder.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "probe/probe.h"
#include "trace/trace.h"
#include "workload/spawn.h"

#define BUFFER  (1U << 17) /* calls that wait for their results; half is written when it is full */
#define SLOTS   (1U << 16) /* threads whose last call is remembered; a power of two */
#define POLL_MS 5
#define NO_CALL UINT32_MAX

/* The last call of a thread, as long as it is in the buffer. */
struct waiting {
    uint32_t tid;
    uint32_t index; /* into calls, NO_CALL: nothing waits */
};

struct recorder {
    const struct recorder_options *options;
    struct recorder_outcome *outcome;
    struct cgroup_hierarchy hierarchy;
    struct probe *probe;
    struct trace_writer *trace;
    uint32_t *replicas; /* the probe's, one a cgroup */
    size_t replica_count;
    uint64_t own_cgroup;
    char cgroup[64]; /* of the command, "" when there is none */
    pid_t command;
    uint64_t wall_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
    struct call *calls;
    uint32_t count;
    struct waiting *waiting;
    uint64_t marked_lost; /* lost calls that the stream has a mark for */
    struct error *err;
    bool failed; /* writing failed: err says why */
};

static struct waiting *waiting_of(struct recorder *recorder, uint32_t tid)
{
    return &recorder->waiting[tid * 2654435761U % SLOTS];
}

static void write_out(struct recorder *recorder, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (recorder->options->results && recorder->calls[i].kind == CALL_ENTER &&
            !recorder->calls[i].has_value)
            recorder->outcome->unanswered++;
    if (!recorder->failed &&
        trace_write(recorder->trace, recorder->calls, count, recorder->err) < 0)
        recorder->failed = true;
    recorder->count -= count;
    memmove(recorder->calls, recorder->calls + count, recorder->count * sizeof *recorder->calls);
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t *index = &recorder->waiting[i].index;
        if (*index != NO_CALL)
            *index = *index >= count ? *index - count : NO_CALL;
    }
}

static void answer(struct recorder *recorder, const struct recorded_call *event)
{
    struct waiting *waiting = waiting_of(recorder, event->tid);
    if (waiting->tid != event->tid || waiting->index == NO_CALL)
        return;
    recorder->calls[waiting->index].value = event->value;
    recorder->calls[waiting->index].has_value = true;
    waiting->index = NO_CALL;
}

static void on_call(void *context, const struct recorded_call *event)
{
    struct recorder *recorder = context;
    if (event->kind == RECORDED_RESULT) {
        answer(recorder, event);
        return;
    }
    if (recorder->count == BUFFER)
        write_out(recorder, recorder->options->results ? BUFFER / 2 : BUFFER);
    uint32_t index = recorder->count++;
    recorder->calls[index] = (struct call){
        .time = event->time + recorder->wall_offset,
        .value = event->value,
        .tid = event->tid,
        .pid = event->pid,
        .number = (uint16_t)event->number,
        .kind = (uint8_t)event->kind,
        .has_value = false,
    };
    if (event->kind == CALL_ENTER) {
        recorder->outcome->calls++;
        *waiting_of(recorder, event->tid) = (struct waiting){event->tid, index};
    } else if (event->kind == CALL_FORK) {
        recorder->outcome->threads++;
    } else if (event->kind == CALL_LOST) {
        recorder->marked_lost += (uint64_t)event->value;
    }
}

static int watch(struct recorder *recorder, uint64_t cgroup, enum replica_entry entry,
                 struct error *err)
{
    uint32_t *replica = &recorder->replicas[recorder->replica_count];
    if (probe_replica_add(recorder->probe, cgroup, entry, 0, MODE_OFF, replica, err) < 0)
        return -1;
    recorder->replica_count++;
    probe_replica_record(recorder->probe, *replica, true);
    return 0;
}

static int watch_all(struct recorder *recorder, struct error *err)
{
    const struct recorder_options *options = recorder->options;
    recorder->replicas = memory_must(calloc(options->cgroup_count + 1, sizeof(uint32_t)));
    if (!options->command) {
        for (size_t i = 0; i < options->cgroup_count; i++)
            if (watch(recorder, options->cgroups[i], ENTRY_JOIN, err) < 0)
                return -1;
        return probe_adopt(recorder->probe, err);
    }
    snprintf(recorder->cgroup, sizeof recorder->cgroup, "skink-record-%d", (int)getpid());
    if (cgroup_make(&recorder->hierarchy, recorder->cgroup, &recorder->own_cgroup, err) < 0 ||
        watch(recorder, recorder->own_cgroup, ENTRY_EXEC, err) < 0)
        return -1;
    recorder->outcome->threads = 1;
    return workload_spawn(&recorder->hierarchy, recorder->cgroup, options->command,
                          &recorder->command, err);
}

static int open_trace(struct recorder *recorder, struct error *err)
{
    struct trace_head head = {.started = clock_realtime(), .results = recorder->options->results};
    struct utsname system;
    uname(&system);
    snprintf(head.host, sizeof head.host, "%s", system.nodename);
    snprintf(head.kernel, sizeof head.kernel, "%s", system.release);
    snprintf(head.command, sizeof head.command, "%s", recorder->options->what);
    recorder->trace = trace_create(recorder->options->output, &head, err);
    return recorder->trace ? 0 : -1;
}

static int open_all(struct recorder *recorder, struct error *err)
{
    const struct cgroup_hierarchy *hierarchy = &recorder->hierarchy;
    if (cgroup_hierarchy_find(&recorder->hierarchy, err) < 0 || open_trace(recorder, err) < 0)
        return -1;
    const struct probe_options options = {
        .controller = hierarchy->v2 ? NULL : hierarchy->controller,
        .hierarchy = hierarchy->id,
        .record = true,
        .results = recorder->options->results,
        .record_ring = recorder->options->ring,
    };
    const struct probe_hooks hooks = {.call = on_call, .context = recorder};
    recorder->probe = probe_open(&options, &hooks, err);
    return recorder->probe ? 0 : -1;
}

/* Reads the ring until the command has ended, a signal has come or the time is over. */
static int follow(struct recorder *recorder, int signals, struct error *err)
{
    const uint64_t duration = recorder->options->duration_ns;
    const uint64_t started = clock_monotonic();
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    bool on = true;
    while (on && !recorder->failed) {
        if (probe_consume(recorder->probe, err) < 0)
            return -1;
        /* Every call waking this process would cost more than the recording itself. */
        on = poll(&wait, 1, POLL_MS) == 0;
        if (duration && clock_monotonic() - started >= duration)
            on = false;
        if (recorder->command &&
            waitpid(recorder->command, &recorder->outcome->status, WNOHANG) > 0) {
            recorder->command = 0;
            on = false;
        }
    }
    if (recorder->command) {
        kill(recorder->command, SIGTERM);
        waitpid(recorder->command, &recorder->outcome->status, 0);
        recorder->command = 0;
    }
    return probe_consume(recorder->probe, err) < 0 || recorder->failed ? -1 : 0;
}

/* What was lost after the last mark: threads that made no more calls. */
static void mark_rest(struct recorder *recorder)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < recorder->replica_count; i++)
        lost += probe_replica(recorder->probe, recorder->replicas[i])->counters.lost.calls;
    recorder->outcome->lost = lost;
    if (lost > recorder->marked_lost)
        recorder->calls[recorder->count++] = (struct call){
            .kind = CALL_LOST,
            .value = (int64_t)(lost - recorder->marked_lost),
            .time = clock_realtime(),
        };
}

static int finish(struct recorder *recorder, struct error *err)
{
    if (recorder->count == BUFFER)
        write_out(recorder, BUFFER);
    mark_rest(recorder);
    write_out(recorder, recorder->count);
    if (recorder->failed)
        return -1;
    return trace_finish(take_pointer(recorder->trace), err);
}

static void release(struct recorder *recorder)
{
    struct error ignored;
    if (recorder->command)
        kill(recorder->command, SIGKILL);
    if (recorder->trace)
        trace_finish(recorder->trace, &ignored);
    probe_close(recorder->probe);
    if (recorder->cgroup[0])
        cgroup_remove(&recorder->hierarchy, recorder->cgroup, &ignored);
    free(recorder->replicas);
    free(recorder->waiting);
    free(recorder->calls);
}

int recorder_run(const struct recorder_options *options, struct recorder_outcome *outcome,
                 struct error *err)
{
    struct recorder recorder = {
        .options = options,
        .outcome = outcome,
        .calls = memory_must(reallocarray(NULL, BUFFER, sizeof(struct call))),
        .waiting = memory_must(reallocarray(NULL, SLOTS, sizeof(struct waiting))),
        .wall_offset = clock_realtime() - clock_monotonic(),
        .err = err,
    };
    sigset_t ending;
    sigset_t before;
    *outcome = (struct recorder_outcome){0};
    memset(recorder.waiting, 0xff, SLOTS * sizeof(struct waiting));
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, &before);
    autoclose int signals = signalfd(-1, &ending, SFD_CLOEXEC);
    int done = open_all(&recorder, err) < 0 || watch_all(&recorder, err) < 0 ||
                       follow(&recorder, signals, err) < 0 || finish(&recorder, err) < 0
                   ? -1
                   : 0;
    release(&recorder);
    /* The signal that ended the recording did its work: it must not end the program, too. */
    const struct timespec at_once = {0};
    while (sigtimedwait(&ending, NULL, &at_once) > 0)
        ;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}
