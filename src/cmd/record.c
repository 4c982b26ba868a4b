/* `skink record`: every call of a command or of running containers into a trace file. */
#include <fnmatch.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/recorder.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cmd/cmd.h"

#define MATCHES_MAX 256
#define SEARCH_MS   3000 /* how long the engines have to tell their containers */

static const struct cmd_option OPTIONS[] = {
    {"output", 'o', "FILE", "write the trace to FILE (needed)"},
    {"container", 0, "NAME", "record the running containers whose name, id or service is NAME"},
    {"cgroup", 0, "PATH", "record the processes in a cgroup, by its path below the hierarchy"},
    {"results", 'r', NULL, "record what the calls return, too"},
    {"duration", 'd', "TIME", "stop after TIME, such as 30s (default: when the command ends)"},
    {"ring", 0, "SIZE", "memory between kernel and file (default 64MiB)"},
    {NULL, 0, NULL, NULL},
};

static bool matches(const struct workload *workload, const char *name)
{
    return fnmatch(name, workload->name, 0) == 0 || fnmatch(name, workload->service, 0) == 0 ||
           (strlen(name) >= 6 && strncmp(name, workload->id, strlen(name)) == 0);
}

/* Asks the engines for the running containers of that name. How many, or -1. */
static int find_containers(const char *name, uint64_t *cgroups, struct error *err)
{
    struct workload_options options = {0};
    struct workload_event event;
    int count = 0;
    if (cgroup_hierarchy_find(&options.hierarchy, err) < 0)
        return -1;
    struct workload_watch *watch = workload_watch_start(&options, err);
    if (!watch)
        return -1;
    struct pollfd wait = {.fd = workload_fd(watch), .events = POLLIN};
    uint64_t end = clock_monotonic() + SEARCH_MS * NS_PER_MS;
    while (clock_monotonic() < end && poll(&wait, 1, count ? 200 : SEARCH_MS) > 0)
        while (workload_next(watch, &event))
            if (event.change == WORKLOAD_STARTED && event.workload.cgroup && count < MATCHES_MAX &&
                matches(&event.workload, name))
                cgroups[count++] = event.workload.cgroup;
    workload_watch_stop(watch);
    if (count == 0)
        return error_set(err, EXIT_USAGE, 0, "no running container has the name, id or service %s",
                         name);
    return count;
}

static int choose(const struct cmd_line *line, struct recorder_options *options, uint64_t *cgroups,
                  struct error *err)
{
    const char *container = cmd_value(line, &verb_record, "container");
    const char *cgroup = cmd_value(line, &verb_record, "cgroup");
    if (!options->output)
        return error_set(err, EXIT_USAGE, 0, "record: no output file (give one with -o FILE)");
    if ((container != NULL) + (cgroup != NULL) + (line->count > 0) != 1)
        return error_set(err, EXIT_USAGE, 0,
                         "record: what? (give one of --container, --cgroup and -- COMMAND)");
    options->what = container ? container : cgroup ? cgroup : line->operand[0];
    if (line->count > 0) {
        options->command = line->operand;
        return 0;
    }
    options->cgroups = cgroups;
    options->cgroup_count = 1;
    if (cgroup) {
        struct cgroup_hierarchy hierarchy;
        return cgroup_hierarchy_find(&hierarchy, err) < 0
                   ? -1
                   : cgroup_key(&hierarchy, cgroup, cgroups, err);
    }
    int found = find_containers(container, cgroups, err);
    options->cgroup_count = found > 0 ? (size_t)found : 0;
    return found < 0 ? -1 : 0;
}

static int run(const struct cmd_line *line, struct error *err)
{
    static uint64_t cgroups[MATCHES_MAX];
    struct recorder_outcome outcome;
    struct recorder_options options = {
        .output = cmd_value(line, &verb_record, "output"),
        .results = cmd_has(line, &verb_record, "results"),
    };
    const char *duration = cmd_value(line, &verb_record, "duration");
    const char *ring = cmd_value(line, &verb_record, "ring");
    uint64_t size = 0;
    if ((duration && parse_duration("duration", duration, &options.duration_ns, err) < 0) ||
        (ring && parse_size("ring", ring, &size, err) < 0))
        return -1;
    options.ring = (size_t)size;
    if (ring && (size < 4096 || size > 1U << 30 || (size & (size - 1)) != 0))
        return error_set(err, EXIT_USAGE, 0, "ring: %s is no power of two from 4KiB to 1GiB", ring);
    if (choose(line, &options, cgroups, err) < 0 || recorder_run(&options, &outcome, err) < 0)
        return -1;
    fprintf(stderr, "skink: %" PRIu64 " calls recorded in %s", outcome.calls, options.output);
    if (outcome.unanswered)
        fprintf(stderr, ", %" PRIu64 " had not returned", outcome.unanswered);
    if (outcome.lost)
        fprintf(stderr,
                "; %" PRIu64 " calls were lost (a larger --ring helps), the trace marks where",
                outcome.lost);
    fputc('\n', stderr);
    return EXIT_DONE;
}

const struct verb verb_record = {
    .name = "record",
    .summary = "record every call of a command or a container into a trace file",
    .operands = "[-- COMMAND [ARG...]]",
    .description =
        "Writes every system call (number, thread, time; with --results what it returned) into a\n"
        "trace file of about 2 bytes a call, with marks where threads begin, exec and end. A\n"
        "recording that lost calls says how many, and the trace holds a mark where they are missing.",
    .example = "  skink record -o ls.trace -- ls -l /\n"
               "  skink record -o web.trace --container web --duration 60s",
    .options = OPTIONS,
    .operands_max = -1,
    .run = run,
};
