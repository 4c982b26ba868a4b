/* `skink convert`: a trace of any format as a trace of Skink. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/reading.h"

#define BATCH 4096

static const struct cmd_option OPTIONS[] = {
    {"output", 'o', "FILE", "write the trace to FILE (needed)"},
    READING_OPTIONS('l'),
    {NULL, 0, NULL, NULL},
};

/* Copies what is left of the trace; 0 or -1. */
static int copy(struct trace_reader *reader, struct trace_writer *writer, uint64_t *number,
                struct error *err)
{
    struct call calls[BATCH];
    int count;
    while ((count = trace_read(reader, calls, BATCH, err)) > 0) {
        for (int i = 0; i < count; i++)
            *number += calls[i].kind == CALL_ENTER;
        if (trace_write(writer, calls, (size_t)count, err) < 0)
            return -1;
    }
    return count;
}

static int convert(struct trace_reader *reader, const char *output, struct progress *progress,
                   struct error *err)
{
    uint64_t number = 0;
    struct error ignored;
    struct trace_writer *writer = trace_create(output, trace_head(reader), err);
    if (!writer)
        return -1;
    int failed = copy(reader, writer, &number, err);
    progress_end(progress);
    /* Closed in any case; what failed first is what the person is told. */
    if (trace_finish(writer, failed ? &ignored : err) < 0)
        failed = -1;
    if (failed)
        return failed;
    fprintf(stderr, "skink: %llu calls from %s\n", (unsigned long long)number,
            trace_format(reader));
    reading_report(trace_faults(reader));
    return EXIT_DONE;
}

/* Creating the output would empty the input. */
static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Half a trace is none. */
static void remove_file(const char *path)
{
    struct stat file;
    if (lstat(path, &file) == 0 && S_ISREG(file.st_mode))
        unlink(path);
}

static int run(const struct cmd_line *line, struct error *err)
{
    const char *output = cmd_value(line, &verb_convert, "output");
    struct trace_options options = reading_options(line, &verb_convert);
    struct progress progress;
    if (!output)
        return error_set(err, EXIT_USAGE, 0, "convert: where to? (give -o FILE)");
    if (same_file(output, line->operand[0]))
        return error_set(err, EXIT_USAGE, 0, "convert: %s is the input (give another name)",
                         output);
    reading_progress(&progress, "converting", line->operand, &options);
    struct trace_reader *reader = trace_open_as(line->operand[0], TRACE_ALL, &options, err);
    if (!reader)
        return -1;
    int code = convert(reader, output, &progress, err);
    trace_close(reader);
    if (code < 0)
        remove_file(output);
    return code;
}

const struct verb verb_convert = {
    .name = "convert",
    .summary = "write a trace of another tool in Skink's format",
    .operands = "TRACE",
    .description =
        "Reads a trace of any format that Skink knows (strace, sysdig, LID-DS, ADFA-LD, UNM, plain\n"
        "names or numbers; gz, xz, zstd or zip) and writes Skink's own, which is smaller and read\n"
        "faster. A malformed line ends it with file and line, unless --lenient is given. All verbs\n"
        "read these formats themselves: converting is for what is read often.",
    .example = "  skink convert -o web.trace web.strace.xz\n"
               "  skink convert --format plain --i386 -o one.trace numbers.txt",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
