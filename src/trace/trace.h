/*
 * Traces: recorded calls, read and written as streams in constant memory. Skink's own format is
 * blocks of columns (threads, calls, times, results), each compressed with zstd and guarded by a
 * checksum, about 2 bytes a call. The other formats that are read are in docs/trace-readers.md.
 */
#ifndef SKINK_TRACE_TRACE_H
#define SKINK_TRACE_TRACE_H

#include <stddef.h>

#include "base/error.h"
#include "base/progress.h"
#include "trace/call.h"

struct trace_reader;
struct trace_writer;

enum trace_columns {
    TRACE_CALLS = 0,        /* kind, tid, number: enough for a detector, and fastest */
    TRACE_TIMES = 1 << 0,   /* fill `time` */
    TRACE_RESULTS = 1 << 1, /* fill `value` of calls and `has_value` */
    TRACE_ALL = TRACE_TIMES | TRACE_RESULTS,
};

/* What a writer notes in the head of a trace, and a reader gives back. Strings are never NULL. */
struct trace_head {
    char host[65];
    char kernel[65];
    char command[256]; /* what was recorded: a command line, a container, a service */
    uint64_t started;  /* ns since 1970 */
    bool results;      /* results were recorded */
};

/* How to read a file that does not say it itself. All zero: find out, and trust nothing, quietly.
 */
struct trace_options {
    const char *format;        /* one of trace_format_names, NULL: by looking at the file */
    bool lenient;              /* malformed lines are counted, not an error */
    bool i386;                 /* numbers and names of calls are those of 32-bit x86 */
    struct progress *progress; /* is told how many bytes of the file were read; NULL: nobody is */
};

/* What a lenient reader met. */
struct trace_faults {
    uint64_t skipped; /* lines or words that say nothing of a call, left out */
    uint64_t unnamed; /* calls of an unknown name, read as CALL_NUMBER_OTHER */
    char first[256];  /* the first of both: "FILE: line N: what" */
};

/*
 * path "-" reads standard input. columns: enum trace_columns. The format is found by looking;
 * anything malformed is an error. NULL on error.
 */
struct trace_reader *trace_open(const char *path, unsigned columns, struct error *err);
struct trace_reader *trace_open_as(const char *path, unsigned columns,
                                   const struct trace_options *options, struct error *err);

/* Fills up to max calls; returns how many (0 at the end), -1 on a damaged or foreign file. */
int trace_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err);

/* Looks at the next call, which stays the next; 1, 0 at the end, -1 as trace_read. */
int trace_peek(struct trace_reader *reader, struct call *call, struct error *err);

/* Valid until trace_close. */
const struct trace_head *trace_head(const struct trace_reader *reader);

/* The file, the name of its format, and what was left out so far; valid until trace_close. */
const char *trace_path(const struct trace_reader *reader);
const char *trace_format(const struct trace_reader *reader);
const struct trace_faults *trace_faults(const struct trace_reader *reader);

/* The formats that trace_options may name: "skink, plain, …". */
#define TRACE_FORMAT_NAMES 128
const char *trace_format_names(char text[TRACE_FORMAT_NAMES]);

void trace_close(struct trace_reader *reader);

/* Creates or truncates path; "-" writes standard output. NULL on error. */
struct trace_writer *trace_create(const char *path, const struct trace_head *head,
                                  struct error *err);

/* Appends calls in the order given; 0 or -1 (for example: disk full). */
int trace_write(struct trace_writer *writer, const struct call *calls, size_t count,
                struct error *err);

/* Writes what is pending and the end mark, closes. A file without end mark reads as truncated. */
int trace_finish(struct trace_writer *writer, struct error *err);

#endif
