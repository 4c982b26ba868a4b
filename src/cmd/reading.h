/* What all verbs share that read traces: their options, their progress, what they leave out. */
#ifndef SKINK_CMD_READING_H
#define SKINK_CMD_READING_H

#include "cmd/cmd.h"
#include "trace/trace.h"

/* Rows of a verb's options. lenient_letter: the short form of --lenient, 0 for none. */
#define READING_OPTIONS(lenient_letter)                                                    \
    {"format", 'f', "FORMAT", "do not look what format it is in (docs/trace-readers.md)"}, \
        {"i386", 0, NULL, "numbers and names of calls are those of 32-bit x86"},           \
    {                                                                                      \
        "lenient", lenient_letter, NULL, "leave malformed lines out, and say how many"     \
    }

/* What the line says of them. */
struct trace_options reading_options(const struct cmd_line *line, const struct verb *verb);

/* Starts a progress over the bytes of all paths (NULL-ended), which the options then carry. */
void reading_progress(struct progress *progress, const char *label, char *const *paths,
                      struct trace_options *options);

/* Says on standard error what a lenient reader left out of a trace, if it did. */
void reading_report(const struct trace_faults *faults);

#endif
