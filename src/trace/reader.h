/*
 * What a format of traces is. Private to the trace room: others open a trace and see calls. To add
 * a format, write its file and put it into the list of trace_read.c.
 */
#ifndef SKINK_TRACE_READER_H
#define SKINK_TRACE_READER_H

#include "trace/input.h"
#include "trace/trace.h"

/* A file's first bytes, whole lines where there are any, and its path. */
struct sample {
    const char *data;
    size_t size;
    const char *path;
};

struct trace_format {
    const char *name;
    /* How sure it is that the sample is of this format: 0 (it is not) to 100. */
    int (*probe)(const struct sample *sample);
    /* Makes reader->state, and fills reader->head as far as it is known. */
    int (*open)(struct trace_reader *reader, struct error *err);
    /* As trace_read. */
    int (*read)(struct trace_reader *reader, struct call *calls, size_t max, struct error *err);
    /* Frees reader->state, which is NULL when open failed early. */
    void (*close)(struct trace_reader *reader);
};

struct trace_reader {
    const struct trace_format *format;
    char *path;
    struct input *input;
    unsigned columns;
    struct trace_options options;
    struct trace_head head;
    struct trace_faults faults;
    struct call peeked; /* when has_peeked: read and not handed out */
    bool has_peeked;
    void *state; /* the format's own */
};

extern const struct trace_format format_skink, format_plain, format_adfa_ld, format_unm,
    format_strace, format_sysdig, format_lid_ds_2019, format_lid_ds_2021, format_sysdig_bare;

#endif
