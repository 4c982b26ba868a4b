/*
 * One recording, sixteen growth curves:
 *
 *     build/bench/edcc2019/curves FILE [INTERVAL]
 *
 * Windows (STIDE) and bags (BoSC) of 3 to 6 calls, of each thread, as Skink learns them, and of the
 * whole container, as if its threads were one. The trace ("-": standard input) is read once, as a
 * stream; intervals are 100s unless told. Prints JSON.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "detect/replay.h"
#include "trace/trace.h"

#define SHORTEST 3
#define LONGEST  6
#define LENGTHS  (LONGEST - SHORTEST + 1)
#define BATCH    4096

enum scope { SCOPE_THREAD, SCOPE_CONTAINER, SCOPES };

/* One learning: its windows and its bags grow for themselves. */
struct learning {
    struct profile *profile;
    struct replay *replay;
    struct growth growth[PATTERN_KINDS];
};

struct curves {
    struct learning learnings[SCOPES][LENGTHS];
    uint64_t interval, started, elapsed, calls, lost;
};

static void start(struct curves *curves, uint64_t interval)
{
    struct growth_rule rule = GROWTH_RULE_DEFAULT;
    *curves = (struct curves){.interval = rule.interval_ns = interval};
    for (enum scope scope = 0; scope < SCOPES; scope++)
        for (uint32_t i = 0; i < LENGTHS; i++) {
            struct learning *learning = &curves->learnings[scope][i];
            learning->profile = profile_new("mariadb", "-", SHORTEST + i, SHORTEST + i);
            learning->replay = replay_new(learning->profile, true, &DETECT_RULE_DEFAULT,
                                          &(struct replay_hooks){0});
            for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
                growth_start(&learning->growth[kind], &rule);
        }
}

static void finish(struct curves *curves)
{
    for (enum scope scope = 0; scope < SCOPES; scope++)
        for (uint32_t i = 0; i < LENGTHS; i++) {
            struct learning *learning = &curves->learnings[scope][i];
            for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
                growth_free(&learning->growth[kind]);
            replay_free(learning->replay);
            profile_free(learning->profile);
        }
}

/* An interval has ended, or the trace. */
static void update(struct curves *curves)
{
    uint64_t lost = replay_result(curves->learnings[0][0].replay)->lost;
    for (enum scope scope = 0; scope < SCOPES; scope++)
        for (uint32_t i = 0; i < LENGTHS; i++) {
            struct learning *learning = &curves->learnings[scope][i];
            for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
                growth_update(&learning->growth[kind], curves->elapsed, curves->calls,
                              profile_count(learning->profile, kind), lost > curves->lost);
        }
    curves->lost = lost;
}

/* The same calls as of one thread, whose life has no marks but losses. */
static size_t join_threads(const struct call *calls, size_t count, struct call joined[BATCH])
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (calls[i].kind == CALL_ENTER || calls[i].kind == CALL_LOST) {
            joined[kept] = calls[i];
            joined[kept].pid = joined[kept].tid = calls[i].kind == CALL_ENTER;
            kept++;
        }
    return kept;
}

static void learn(struct curves *curves, const struct call *calls, size_t count)
{
    struct call joined[BATCH];
    size_t kept = join_threads(calls, count, joined);
    for (uint32_t i = 0; i < LENGTHS; i++) {
        replay_calls(curves->learnings[SCOPE_THREAD][i].replay, calls, count);
        replay_calls(curves->learnings[SCOPE_CONTAINER][i].replay, joined, kept);
    }
    curves->calls = replay_result(curves->learnings[0][0].replay)->calls;
}

/* Learns calls, and updates the curves wherever an interval ends among them. */
static void take(struct curves *curves, const struct call *calls, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t elapsed = clock_passed(calls[i].time, curves->started);
        if (elapsed / curves->interval > curves->elapsed / curves->interval) {
            learn(curves, calls + done, i - done);
            done = i;
            curves->elapsed = elapsed;
            update(curves);
        }
        curves->elapsed = elapsed > curves->elapsed ? elapsed : curves->elapsed;
    }
    learn(curves, calls + done, count - done);
}

static int read_all(struct curves *curves, const char *path, struct error *err)
{
    struct call calls[BATCH];
    int count;
    struct trace_reader *reader = trace_open(path, TRACE_TIMES, err);
    if (!reader)
        return -1;
    while ((count = trace_read(reader, calls, BATCH, err)) > 0) {
        if (curves->started == 0)
            curves->started = calls[0].time;
        take(curves, calls, (size_t)count);
    }
    trace_close(reader);
    update(curves);
    return count;
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static json_t *curve_json(const struct learning *learning, enum scope scope, enum pattern_kind kind)
{
    const struct growth *growth = &learning->growth[kind];
    json_t *points = json_array(), *steady = json_null();
    for (size_t i = 0; i < growth->count; i++)
        json_array_append_new(points, json_pack("[f, I, I]", seconds(growth->points[i].elapsed_ns),
                                                (json_int_t)growth->points[i].calls,
                                                (json_int_t)growth->points[i].patterns));
    if (growth->learned) {
        const struct growth_point *end = &growth->points[growth->learned_at];
        steady = json_pack("{s:f, s:I}", "seconds", seconds(end->elapsed_ns), "patterns",
                           (json_int_t)end->patterns);
    }
    return json_pack(
        "{s:s, s:I, s:s, s:I, s:o, s:o}", "algorithm", kind == PATTERN_WINDOW ? "STIDE" : "BoSC",
        "length", (json_int_t)profile_facts(learning->profile)->window, "of",
        scope == SCOPE_THREAD ? "thread" : "container", "patterns",
        (json_int_t)profile_count(learning->profile, kind), "steady", steady, "points", points);
}

static void print(const struct curves *curves)
{
    json_t *list = json_array();
    for (enum scope scope = 0; scope < SCOPES; scope++)
        for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
            for (uint32_t i = 0; i < LENGTHS; i++)
                json_array_append_new(list, curve_json(&curves->learnings[scope][i], scope, kind));
    json_t *json = json_pack("{s:I, s:I, s:f, s:f, s:o}", "calls", (json_int_t)curves->calls,
                             "lost", (json_int_t)curves->lost, "seconds", seconds(curves->elapsed),
                             "interval", seconds(curves->interval), "curves", list);
    json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(json);
}

int main(int argc, char **argv)
{
    struct curves curves;
    struct error err;
    uint64_t interval = GROWTH_RULE_DEFAULT.interval_ns;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: curves FILE [INTERVAL]\n");
        return EXIT_USAGE;
    }
    if (argc == 3 && parse_duration("INTERVAL", argv[2], &interval, &err) < 0)
        return error_report(&err);
    start(&curves, interval);
    int failed = read_all(&curves, argv[1], &err);
    if (!failed)
        print(&curves);
    finish(&curves);
    return failed ? error_report(&err) : EXIT_DONE;
}
