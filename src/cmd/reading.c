#include "cmd/reading.h"

#include <stdio.h>
#include <sys/stat.h>

struct trace_options reading_options(const struct cmd_line *line, const struct verb *verb)
{
    return (struct trace_options){.format = cmd_value(line, verb, "format"),
                                  .lenient = cmd_has(line, verb, "lenient"),
                                  .i386 = cmd_has(line, verb, "i386")};
}

/* 0 when one of them does not say: a pipe, or nothing that can be read. */
static uint64_t total_size(char *const *paths)
{
    uint64_t total = 0;
    for (; *paths; paths++) {
        struct stat file;
        if (stat(*paths, &file) < 0 || !S_ISREG(file.st_mode))
            return 0;
        total += (uint64_t)file.st_size;
    }
    return total;
}

void reading_progress(struct progress *progress, const char *label, char *const *paths,
                      struct trace_options *options)
{
    progress_start(progress, label, PROGRESS_BYTES, total_size(paths));
    options->progress = progress;
}

void reading_report(const struct trace_faults *faults)
{
    if (faults->skipped || faults->unnamed)
        fprintf(stderr,
                "skink: %llu malformed lines left out, %llu calls of unknown name; the first: %s\n",
                (unsigned long long)faults->skipped, (unsigned long long)faults->unnamed,
                faults->first);
}
