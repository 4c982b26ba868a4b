/* Reading traces: which format a file is in, and handing over to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trace/reader.h"

static const struct trace_format *const FORMATS[] = {
    &format_skink,  &format_plain,       &format_adfa_ld,     &format_unm,         &format_strace,
    &format_sysdig, &format_lid_ds_2019, &format_lid_ds_2021, &format_sysdig_bare, NULL,
};

void trace_close(struct trace_reader *reader)
{
    if (!reader)
        return;
    if (reader->format)
        reader->format->close(reader);
    input_close(reader->input);
    free(reader->path);
    free(reader);
}

static void reader_cleanup(struct trace_reader **reader)
{
    trace_close(*reader);
}

const char *trace_format_names(char text[TRACE_FORMAT_NAMES])
{
    size_t length = 0;
    for (size_t i = 0; FORMATS[i] && length < TRACE_FORMAT_NAMES; i++)
        length += (size_t)snprintf(text + length, TRACE_FORMAT_NAMES - length, "%s%s",
                                   i ? ", " : "", FORMATS[i]->name);
    return text;
}

static const struct trace_format *by_name(const char *name, struct error *err)
{
    char names[TRACE_FORMAT_NAMES];
    for (size_t i = 0; FORMATS[i]; i++)
        if (strcmp(FORMATS[i]->name, name) == 0)
            return FORMATS[i];
    error_set(err, EXIT_USAGE, 0, "%s: no such format of traces (there are %s)", name,
              trace_format_names(names));
    return NULL;
}

/* What is cut off at the end of the sample would only mislead. */
static void drop_cut_line(struct sample *sample)
{
    const char *last =
        sample->size == INPUT_LOOK ? memrchr(sample->data, '\n', sample->size) : NULL;
    if (last)
        sample->size = (size_t)(last - sample->data) + 1;
}

static const struct trace_format *by_looking(struct trace_reader *reader, struct error *err)
{
    char names[TRACE_FORMAT_NAMES];
    struct sample sample = {.path = reader->path};
    if (input_look(reader->input, &sample.data, &sample.size, err) < 0)
        return NULL;
    drop_cut_line(&sample);
    const struct trace_format *best = NULL;
    for (size_t i = 0, surest = 0; FORMATS[i]; i++) {
        size_t sure = (size_t)FORMATS[i]->probe(&sample);
        if (sure > surest) {
            surest = sure;
            best = FORMATS[i];
        }
    }
    if (!best)
        error_set(err, EXIT_USAGE, 0,
                  "%s: offset 0: no trace of a known format (if it is one, give --format: %s)",
                  reader->path, trace_format_names(names));
    return best;
}

/* What a foreign trace is called until someone says better: its file. */
static void name_head(struct trace_reader *reader)
{
    const char *slash = strrchr(reader->path, '/');
    snprintf(reader->head.command, sizeof reader->head.command, "%s",
             slash ? slash + 1 : reader->path);
}

struct trace_reader *trace_open_as(const char *path, unsigned columns,
                                   const struct trace_options *options, struct error *err)
{
    __attribute__((cleanup(reader_cleanup))) struct trace_reader *reader =
        calloc(1, sizeof *reader);
    if (!reader || !(reader->path = strdup(path))) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    reader->columns = columns;
    reader->options = *options;
    name_head(reader);
    const struct trace_format *named = options->format ? by_name(options->format, err) : NULL;
    if ((options->format && !named) || !(reader->input = input_open(path, err)))
        return NULL;
    input_watch(reader->input, options->progress);
    reader->format = named ? named : by_looking(reader, err);
    if (!reader->format || reader->format->open(reader, err) < 0)
        return NULL;
    return take_pointer(reader);
}

struct trace_reader *trace_open(const char *path, unsigned columns, struct error *err)
{
    return trace_open_as(path, columns, &(struct trace_options){0}, err);
}

int trace_peek(struct trace_reader *reader, struct call *call, struct error *err)
{
    if (!reader->has_peeked) {
        int count = trace_read(reader, &reader->peeked, 1, err);
        if (count <= 0)
            return count;
        reader->has_peeked = true;
    }
    *call = reader->peeked;
    return 1;
}

int trace_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err)
{
    if (reader->has_peeked && max > 0) {
        reader->has_peeked = false;
        calls[0] = reader->peeked;
        return 1;
    }
    return reader->format->read(reader, calls, max, err);
}

const struct trace_head *trace_head(const struct trace_reader *reader)
{
    return &reader->head;
}

const char *trace_path(const struct trace_reader *reader)
{
    return reader->path;
}

const char *trace_format(const struct trace_reader *reader)
{
    return reader->format->name;
}

const struct trace_faults *trace_faults(const struct trace_reader *reader)
{
    return &reader->faults;
}
