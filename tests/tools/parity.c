/*
 * Runs a command in a cgroup of its own, where the probe learns (or judges) and records it at once,
 * then replays the recording in user space. Prints both stories as one JSON object: the end-to-end
 * tests compare them.
 *
 *     parity [--window N] [--bag M] [--trace FILE] [--learn PROFILE | --detect PROFILE]
 *            -- COMMAND [ARG...]
 *
 * --learn writes the profile that the kernel's reports make; --detect judges by such a profile. The
 * trace is written for other readers.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "detect/replay.h"
#include "probe/probe.h"
#include "trace/call_json.h"
#include "trace/trace.h"
#include "workload/spawn.h"

#define POLL_US    1000
#define NO_QUOTA   1000000
#define CALLS_ROOM (1U << 22)
#define RING       (256U << 20)

struct run {
    uint32_t length[PATTERN_KINDS];
    const char *trace, *learn, *detect;
    char *const *command;
    struct detect_rule rule;
    struct profile
        *profile; /* learning: what the reports tell; detecting: what was learned before */
    struct cgroup_hierarchy hierarchy;
    char cgroup[64];
    struct probe *probe;
    uint32_t replica;
    struct call *calls;
    size_t count;
    json_t *kernel, *replayed; /* [what, kind, calls or score] in the order reported */
};

/* ---- the two stories ---- */

static void tell_pattern(json_t *story, const char *what, enum pattern_kind kind,
                         const uint16_t *codes, uint32_t length)
{
    json_array_append_new(story,
                          json_pack("[s,s,o]", what, kind == PATTERN_WINDOW ? "window" : "bag",
                                    call_names_json(codes, length)));
}

static void tell_crossing(json_t *story, enum pattern_kind kind, uint32_t score)
{
    json_array_append_new(
        story, json_pack("[s,s,i]", "crossed", kind == PATTERN_WINDOW ? "window" : "bag", score));
}

static void on_report(void *context, const struct report *report)
{
    struct run *run = context;
    uint16_t codes[PATTERN_MAX];
    probe_report_codes(run->probe, report, codes);
    if (report->flags & REPORT_NEW)
        tell_pattern(run->kernel, report->flags & REPORT_UNPLACED ? "unplaced" : "new",
                     report->pattern, codes, run->length[report->pattern]);
    if (report->flags & REPORT_CROSSED)
        tell_crossing(run->kernel, report->pattern, report->score);
    if (!run->detect)
        profile_add(run->profile, report->pattern, codes);
}

static void on_novelty(void *context, const struct novelty *novelty)
{
    struct run *run = context;
    uint32_t length = run->length[novelty->kind];
    tell_pattern(run->replayed, "new", novelty->kind,
                 novelty->history + novelty->history_length - length, length);
}

static void on_crossing(void *context, const struct crossing *crossing)
{
    struct run *run = context;
    tell_crossing(run->replayed, crossing->kind, crossing->score);
}

/* ---- the run ---- */

static void on_call(void *context, const struct recorded_call *event)
{
    struct run *run = context;
    if (run->count < CALLS_ROOM)
        run->calls[run->count] = (struct call){.time = event->time,
                                               .value = event->value,
                                               .tid = event->tid,
                                               .pid = event->pid,
                                               .number = (uint16_t)event->number,
                                               .kind = (uint8_t)event->kind};
    run->count++;
}

static int watch(struct run *run, struct error *err)
{
    uint64_t cgroup;
    uint32_t table;
    if (cgroup_make(&run->hierarchy, run->cgroup, &cgroup, err) < 0 ||
        probe_table_new(run->probe, &table, err) < 0 ||
        (run->detect && probe_table_fill(run->probe, table, run->profile, err) < 0))
        return -1;
    probe_table_rule(run->probe, table, &run->rule);
    if (probe_replica_add(run->probe, cgroup, ENTRY_EXEC, table,
                          run->detect ? MODE_DETECT : MODE_LEARN, &run->replica, err) < 0)
        return -1;
    probe_replica_record(run->probe, run->replica, true);
    return 0;
}

static int follow(struct run *run, struct error *err)
{
    pid_t child;
    int status = 0;
    if (workload_spawn(&run->hierarchy, run->cgroup, run->command, &child, err) < 0)
        return -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (probe_consume(run->probe, err) < 0)
            return -1;
        usleep(POLL_US);
    }
    if (status != 0)
        return error_set(err, EXIT_USAGE, 0, "%s: ended with status %d", run->command[0], status);
    return probe_consume(run->probe, err) < 0 ? -1 : 0;
}

static int observe(struct run *run, struct error *err)
{
    const struct cgroup_hierarchy *hierarchy = &run->hierarchy;
    const struct probe_options options = {
        .window = run->length[PATTERN_WINDOW],
        .bag = run->length[PATTERN_BAG],
        .controller = hierarchy->v2 ? NULL : hierarchy->controller,
        .hierarchy = hierarchy->id,
        .quota = NO_QUOTA,
        .record = true,
        .record_ring = RING,
    };
    const struct probe_hooks hooks = {.report = on_report, .call = on_call, .context = run};
    run->probe = probe_open(&options, &hooks, err);
    return run->probe && watch(run, err) == 0 ? follow(run, err) : -1;
}

/* ---- the replay ---- */

static struct replay_result replay(struct run *run)
{
    const struct profile_facts *facts = profile_facts(run->profile);
    struct profile *profile =
        run->detect ? run->profile : profile_new("replay", "-", facts->window, facts->bag);
    const struct replay_hooks hooks = {
        .novelty = on_novelty, .crossing = run->detect ? on_crossing : NULL, .context = run};
    struct replay *replay = replay_new(profile, !run->detect, &run->rule, &hooks);
    replay_calls(replay, run->calls, run->count);
    struct replay_result result = *replay_result(replay);
    replay_free(replay);
    if (!run->detect)
        profile_free(profile);
    return result;
}

static int write_files(const struct run *run, struct error *err)
{
    if (run->trace) {
        const struct trace_head head = {.command = "parity"};
        struct trace_writer *trace = trace_create(run->trace, &head, err);
        if (!trace || trace_write(trace, run->calls, run->count, err) < 0 ||
            trace_finish(trace, err) < 0)
            return -1;
    }
    if (run->learn) {
        size_t size;
        autofree void *data = profile_serialize(run->profile, &size);
        return profile_write(run->learn, data, size, err);
    }
    return 0;
}

static void print(const struct run *run, const struct replay_result *result)
{
    const struct replica_counters *seen = &probe_replica(run->probe, run->replica)->counters;
    const struct replica_losses *lost = &seen->lost;
    json_t *story = json_pack(
        "{s:I,s:I,s:I,s:I,s:[I,I],s:[I,I],s:O,s:O}", "calls", (json_int_t)seen->calls, "recorded",
        (json_int_t)result->calls, "lost",
        (json_int_t)(lost->calls + lost->reports + lost->quota + lost->storage), "unplaced",
        (json_int_t)lost->table, "kernel_mismatches", (json_int_t)seen->mismatches[PATTERN_WINDOW],
        (json_int_t)seen->mismatches[PATTERN_BAG], "mismatches",
        (json_int_t)result->mismatches[PATTERN_WINDOW], (json_int_t)result->mismatches[PATTERN_BAG],
        "kernel", run->kernel, "replayed", run->replayed);
    json_dumpf(story, stdout, JSON_COMPACT);
    json_decref(story);
}

static int parse(struct run *run, int argc, char **argv, struct error *err)
{
    static const struct option NAMES[] = {{"window", 1, NULL, 'w'}, {"bag", 1, NULL, 'b'},
                                          {"trace", 1, NULL, 't'},  {"learn", 1, NULL, 'l'},
                                          {"detect", 1, NULL, 'd'}, {0}};
    uint64_t length[PATTERN_KINDS] = {6, 6};
    int name;
    while ((name = getopt_long(argc, argv, "+", NAMES, NULL)) != -1) {
        if (name == 't')
            run->trace = optarg;
        else if (name == 'l')
            run->learn = optarg;
        else if (name == 'd')
            run->detect = optarg;
        else if (name == '?' || parse_u64("length", optarg, PATTERN_MIN, PATTERN_MAX,
                                          &length[name == 'b'], err) < 0)
            return error_set(err, EXIT_USAGE, 0, "parity: wrong options");
    }
    run->length[PATTERN_WINDOW] = (uint32_t)length[PATTERN_WINDOW];
    run->length[PATTERN_BAG] = (uint32_t)length[PATTERN_BAG];
    run->command = argv + optind;
    run->profile = run->detect ? profile_load(run->detect, err)
                               : profile_new("parity", "-", run->length[PATTERN_WINDOW],
                                             run->length[PATTERN_BAG]);
    return run->profile ? 0 : -1;
}

static void release(struct run *run)
{
    struct error ignored;
    probe_close(run->probe);
    cgroup_remove(&run->hierarchy, run->cgroup, &ignored);
    profile_free(run->profile);
    json_decref(run->kernel);
    json_decref(run->replayed);
    free(run->calls);
}

int main(int argc, char **argv)
{
    struct error err;
    struct run run = {.rule = DETECT_RULE_DEFAULT,
                      .calls = memory_must(reallocarray(NULL, CALLS_ROOM, sizeof(struct call))),
                      .kernel = json_array(),
                      .replayed = json_array()};
    snprintf(run.cgroup, sizeof run.cgroup, "skink-parity-%d", (int)getpid());
    bool done = parse(&run, argc, argv, &err) == 0 &&
                cgroup_hierarchy_find(&run.hierarchy, &err) == 0 && observe(&run, &err) == 0;
    if (done && run.count > CALLS_ROOM)
        done = error_set(&err, EXIT_USAGE, 0, "parity: more than %u calls", CALLS_ROOM) == 0;
    if (done) {
        struct replay_result result = replay(&run);
        print(&run, &result);
        done = write_files(&run, &err) == 0;
    }
    release(&run);
    return done ? 0 : error_report(&err);
}
