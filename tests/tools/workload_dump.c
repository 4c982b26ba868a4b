/*
 * Prints what the workload room reports as JSON lines, for the end-to-end tests. Each line on
 * standard input is a cgroup's path: answers who is in it, as the agent asks for a new cgroup.
 * Ends at the end of standard input.
 *
 *     workload_dump [--docker SOCKET] [--podman SOCKET] [--root DIR]… [--lxc DIR] [--timeout TIME]
 *                   [--rule MATCH SERVICE]… [--unit UNIT]… [--cgroup PATH]…
 */
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "workload/workload.h"

#define LIST_MAX 16

struct lists {
    const char *roots[LIST_MAX + 1];
    struct workload_rule rules[LIST_MAX];
    struct workload_extra extras[LIST_MAX];
    size_t root_count;
};

static json_t *describe(const struct workload *workload)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s}", "engine",
                     workload_engine_name(workload->engine), "id", workload->id, "name",
                     workload->name, "image", workload->image, "service", workload->service,
                     "version", workload->version, "pid", (int)workload->pid, "cgroup",
                     (json_int_t)workload->cgroup, "path", workload->cgroup_path);
}

static void print(json_t *line)
{
    json_object_set_new(line, "at_ns", json_integer((json_int_t)clock_monotonic()));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void print_event(const struct workload_event *event)
{
    static const char *const CHANGES[] = {"started", "stopped", "up", "down"};
    json_t *line = describe(&event->workload);
    json_object_set_new(line, "event", json_string(CHANGES[event->change]));
    json_object_set_new(line, "why", json_string(event->why));
    print(line);
}

static void answer(struct workload_watch *watch, const struct cgroup_hierarchy *hierarchy,
                   const char *path)
{
    static const char *const ANSWERS[] = {"known", "asked", "nobody"};
    struct workload workload = {0};
    struct error err;
    uint64_t key = 1;
    uint64_t before = clock_monotonic();
    cgroup_key(hierarchy, path, &key, &err);
    enum workload_answer result = workload_identify(watch, path, key, &workload);
    uint64_t took = clock_monotonic() - before;
    json_t *line = describe(&workload);
    json_object_set_new(line, "answer", json_string(ANSWERS[result]));
    json_object_set_new(line, "took_ns", json_integer((json_int_t)took));
    print(line);
}

static int read_options(int argc, char **argv, struct workload_options *options,
                        struct lists *lists, struct error *err)
{
    static const struct option NAMES[] = {
        {"docker", 1, NULL, 'd'}, {"podman", 1, NULL, 'p'},  {"root", 1, NULL, 'r'},
        {"lxc", 1, NULL, 'l'},    {"timeout", 1, NULL, 't'}, {"rule", 1, NULL, 'R'},
        {"unit", 1, NULL, 'u'},   {"cgroup", 1, NULL, 'c'},  {0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (options->rule_count == LIST_MAX || options->extra_count == LIST_MAX ||
            lists->root_count == LIST_MAX || name == '?')
            return error_set(err, EXIT_USAGE, 0, "wrong options");
        if (name == 'd')
            options->docker_socket = optarg;
        else if (name == 'p')
            options->podman_socket = optarg;
        else if (name == 'l')
            options->lxc_path = optarg;
        else if (name == 'r')
            lists->roots[lists->root_count++] = optarg;
        else if (name == 'u')
            lists->extras[options->extra_count++].unit = optarg;
        else if (name == 'c')
            lists->extras[options->extra_count++].cgroup = optarg;
        else if (name == 'R')
            lists->rules[options->rule_count++] =
                (struct workload_rule){.match = optarg, .service = argv[optind++]};
        else if (parse_duration("--timeout", optarg, &options->timeout_ns, err) < 0)
            return -1;
    }
    options->rules = lists->rules;
    options->extras = lists->extras;
    options->oci_roots = lists->root_count ? lists->roots : NULL;
    return 0;
}

static void run(struct workload_watch *watch, const struct cgroup_hierarchy *hierarchy)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = workload_fd(watch), .events = POLLIN}};
    char line[1024];
    while (poll(fds, 2, -1) > 0) {
        struct workload_event event;
        while (workload_next(watch, &event))
            print_event(&event);
        if (!fds[0].revents)
            continue;
        if (!fgets(line, sizeof line, stdin))
            return;
        line[strcspn(line, "\n")] = '\0';
        answer(watch, hierarchy, line);
    }
}

int main(int argc, char **argv)
{
    struct workload_options options = {.docker_socket = "", .podman_socket = ""};
    struct lists lists = {0};
    struct error err;
    setvbuf(stdin, NULL, _IONBF, 0);
    if (read_options(argc, argv, &options, &lists, &err) < 0 ||
        cgroup_hierarchy_find(&options.hierarchy, &err) < 0)
        return error_report(&err);
    struct workload_watch *watch = workload_watch_start(&options, &err);
    if (!watch)
        return error_report(&err);
    run(watch, &options.hierarchy);
    uint64_t before = clock_monotonic();
    workload_watch_stop(watch);
    print(json_pack("{s:s, s:I}", "event", "end", "took_ns",
                    (json_int_t)(clock_monotonic() - before)));
    return 0;
}
