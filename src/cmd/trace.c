/* `skink trace info`: what a trace holds. */
#include <jansson.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cmd/reading.h"
#include "profile/pattern.h"

#define BATCH 4096

static const struct cmd_option OPTIONS[] = {
    READING_OPTIONS('l'),
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

/* A set of thread or process ids: a search tree whose keys are the ids themselves. */
struct ids {
    void *root;
    size_t count;
};

struct tally {
    uint64_t calls, lost;
    uint64_t marks[CALL_LOST + 1]; /* by enum call_kind */
    uint64_t first, last;          /* times, 0: none */
    uint64_t codes[CALL_CODES];    /* how often each call was made */
    struct ids threads, processes;
};

static int compare_ids(const void *a, const void *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static void note_id(struct ids *ids, uint32_t id)
{
    const void *key = (const void *)(uintptr_t)id; /* NOLINT(performance-no-int-to-ptr) */
    if (tfind(key, &ids->root, compare_ids))
        return;
    tsearch(key, &ids->root, compare_ids);
    ids->count++;
}

static void keep(void *key)
{
    (void)key;
}

static void tally_clear(struct tally *tally)
{
    tdestroy(tally->threads.root, keep);
    tdestroy(tally->processes.root, keep);
}

static void tally_call(struct tally *tally, const struct call *call)
{
    if (call->time && (!tally->first || call->time < tally->first))
        tally->first = call->time;
    tally->last = call->time > tally->last ? call->time : tally->last;
    tally->marks[call->kind]++;
    tally->lost += call->kind == CALL_LOST ? (uint64_t)call->value : 0;
    if (call->kind != CALL_ENTER)
        return;
    tally->calls++;
    tally->codes[call_number_code(call->number)]++;
    note_id(&tally->threads, call->tid);
    note_id(&tally->processes, call->pid);
}

/* The codes that occur, the most frequent first; returns how many. */
static size_t alphabet(const struct tally *tally, uint16_t codes[CALL_CODES])
{
    size_t count = 0;
    for (uint16_t code = 0; code < CALL_CODES; code++) {
        if (tally->codes[code] == 0)
            continue;
        size_t at = count++;
        for (; at > 0 && tally->codes[codes[at - 1]] < tally->codes[code]; at--)
            codes[at] = codes[at - 1];
        codes[at] = code;
    }
    return count;
}

/* 0 when the file's size says nothing: a pipe, or no call. */
static double bytes_a_call(const char *path, const struct tally *tally)
{
    struct stat file;
    if (tally->calls == 0 || stat(path, &file) < 0 || !S_ISREG(file.st_mode))
        return 0;
    return (double)file.st_size / (double)tally->calls;
}

/* A foreign trace does not say where it was recorded. */
static void print_origin(const struct trace_reader *reader)
{
    const struct trace_head *head = trace_head(reader);
    const struct trace_faults *faults = trace_faults(reader);
    printf("command   %s\nformat    %s\n", head->command, trace_format(reader));
    if (*head->host)
        printf("host      %s, kernel %s\n", head->host, head->kernel);
    if (faults->skipped)
        printf("skipped   %llu malformed lines\n", (unsigned long long)faults->skipped);
    if (faults->unnamed)
        printf("unnamed   %llu calls of unknown name\n", (unsigned long long)faults->unnamed);
    if (faults->skipped || faults->unnamed)
        printf("          the first: %s\n", faults->first);
}

static void print_people(const struct trace_reader *reader, const struct tally *tally, double bytes)
{
    char from[CLOCK_TEXT], to[CLOCK_TEXT], name[CALL_NAME];
    uint16_t codes[CALL_CODES];
    size_t count = alphabet(tally, codes);
    print_origin(reader);
    printf("calls     %llu%s by %zu threads of %zu processes\n", (unsigned long long)tally->calls,
           trace_head(reader)->results ? " with results" : "", tally->threads.count,
           tally->processes.count);
    printf("marks     %llu forks, %llu execs, %llu exits\n",
           (unsigned long long)tally->marks[CALL_FORK], (unsigned long long)tally->marks[CALL_EXEC],
           (unsigned long long)tally->marks[CALL_EXIT]);
    printf("lost      %llu calls in %llu places\n", (unsigned long long)tally->lost,
           (unsigned long long)tally->marks[CALL_LOST]);
    if (tally->first)
        printf("time      %s to %s (%.3f s)\n", clock_format(tally->first, from),
               clock_format(tally->last, to),
               (double)(tally->last - tally->first) / (double)NS_PER_S);
    if (bytes > 0)
        printf("size      %.2f bytes a call\n", bytes);
    printf("alphabet  %zu calls\n", count);
    for (size_t i = 0; i < count; i++)
        printf("%13llu  %s\n", (unsigned long long)tally->codes[codes[i]],
               call_name(codes[i], name));
}

static json_t *time_json(uint64_t time)
{
    char text[CLOCK_TEXT];
    return time ? json_string(clock_format(time, text)) : json_null();
}

static void print_json(const struct trace_reader *reader, const struct tally *tally, double bytes)
{
    const struct trace_head *head = trace_head(reader);
    const struct trace_faults *faults = trace_faults(reader);
    char name[CALL_NAME];
    uint16_t codes[CALL_CODES];
    size_t count = alphabet(tally, codes);
    json_t *counts = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(counts, call_name(codes[i], name),
                            json_integer((json_int_t)tally->codes[codes[i]]));
    json_t *json = json_pack(
        "{s:s s:s s:s s:s s:b s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:o s:o s:f s:o}", "command",
        head->command, "format", trace_format(reader), "host", head->host, "kernel", head->kernel,
        "results", head->results, "calls", (json_int_t)tally->calls, "threads",
        (json_int_t)tally->threads.count, "processes", (json_int_t)tally->processes.count, "forks",
        (json_int_t)tally->marks[CALL_FORK], "execs", (json_int_t)tally->marks[CALL_EXEC], "exits",
        (json_int_t)tally->marks[CALL_EXIT], "lost", (json_int_t)tally->lost, "losses",
        (json_int_t)tally->marks[CALL_LOST], "skipped", (json_int_t)faults->skipped, "unnamed",
        (json_int_t)faults->unnamed, "first", time_json(tally->first), "last",
        time_json(tally->last), "bytes_a_call", bytes, "alphabet", counts);
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

static int info(const struct cmd_line *line, struct error *err)
{
    struct call calls[BATCH];
    struct tally tally = {0};
    const char *path = line->operand[1];
    struct trace_options options = reading_options(line, &verb_trace);
    struct progress progress;
    reading_progress(&progress, "reading", line->operand + 1, &options);
    struct trace_reader *reader = trace_open_as(path, TRACE_TIMES, &options, err);
    if (!reader)
        return -1;
    int count;
    while ((count = trace_read(reader, calls, BATCH, err)) > 0)
        for (int i = 0; i < count; i++)
            tally_call(&tally, &calls[i]);
    progress_end(&progress);
    bool json = cmd_has(line, &verb_trace, "json");
    if (count == 0)
        (json ? print_json : print_people)(reader, &tally, bytes_a_call(path, &tally));
    tally_clear(&tally);
    trace_close(reader);
    return count < 0 ? -1 : EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    if (strcmp(line->operand[0], "info") != 0)
        return error_set(err, EXIT_USAGE, 0, "trace: cannot %s (it can: info FILE)",
                         line->operand[0]);
    return info(line, err);
}

const struct verb verb_trace = {
    .name = "trace",
    .summary = "say what a recorded trace holds",
    .operands = "info FILE",
    .description = "Reads a trace to its end, so that every damage shows, and prints what was\n"
                   "recorded, how many calls of which threads, the time it spans, what was lost,\n"
                   "and each call with how often it was made. \"-\" reads standard input. The\n"
                   "trace may be Skink's own or of any format in docs/trace-readers.md, plain or\n"
                   "compressed.",
    .example = "  skink trace info web.trace\n"
               "  skink trace info --lenient web.strace.gz",
    .options = OPTIONS,
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
