#include "agent/recorder.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tape.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "probe/probe.h"
#include "workload/spawn.h"

#define BUFFER  (1U << 17) /* calls that wait for their results; half is written when it is full */
#define POLL_MS 5

struct recorder {
    const struct recorder_options *options;
    struct recorder_outcome *outcome;
    struct cgroup_hierarchy hierarchy;
    struct probe *probe;
    struct tape *tape;
    uint32_t *replicas; /* the probe's, one a cgroup */
    size_t replica_count;
    uint64_t own_cgroup;
    char cgroup[64]; /* of the command, "" when there is none */
    pid_t command;
};

static void on_call(void *context, const struct recorded_call *event)
{
    const struct recorder *recorder = context;
    tape_put(recorder->tape, event);
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

static int open_all(struct recorder *recorder, struct error *err)
{
    const struct cgroup_hierarchy *hierarchy = &recorder->hierarchy;
    const struct tape_options tape = {.path = recorder->options->output,
                                      .what = recorder->options->what,
                                      .results = recorder->options->results,
                                      .room = BUFFER};
    if (cgroup_hierarchy_find(&recorder->hierarchy, err) < 0 ||
        !(recorder->tape = tape_open(&tape, err)))
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
    while (on && !tape_failure(recorder->tape)) {
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
    return probe_consume(recorder->probe, err);
}

/* What was lost after the last mark: threads that made no more calls. */
static void mark_rest(struct recorder *recorder)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < recorder->replica_count; i++)
        lost += probe_replica(recorder->probe, recorder->replicas[i])->counters.lost.calls;
    if (lost > tape_counts(recorder->tape)->lost)
        tape_lose(recorder->tape, lost - tape_counts(recorder->tape)->lost);
    recorder->outcome->lost = lost;
}

static int finish(struct recorder *recorder, struct error *err)
{
    mark_rest(recorder);
    struct tape_counts counts;
    int done = tape_close(take_pointer(recorder->tape), &counts, err);
    recorder->outcome->calls = counts.calls;
    recorder->outcome->threads += counts.threads;
    recorder->outcome->unanswered = counts.unanswered;
    return done;
}

static void release(struct recorder *recorder)
{
    struct error ignored;
    if (recorder->command)
        kill(recorder->command, SIGKILL);
    if (recorder->tape)
        tape_close(recorder->tape, NULL, &ignored);
    probe_close(recorder->probe);
    if (recorder->cgroup[0])
        cgroup_remove(&recorder->hierarchy, recorder->cgroup, &ignored);
    free(recorder->replicas);
}

int recorder_run(const struct recorder_options *options, struct recorder_outcome *outcome,
                 struct error *err)
{
    struct recorder recorder = {
        .options = options,
        .outcome = outcome,
    };
    sigset_t ending;
    sigset_t before;
    *outcome = (struct recorder_outcome){0};
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
