/* Traces, for programs that embed Skink. */
#include "trace/trace.h"

#include "base/memory.h"
#include "library/library.h"

struct skink_trace {
    struct trace_reader *reader;
};

struct skink_trace *skink_trace_open(const char *path, const char *format, unsigned flags,
                                     struct skink_error *err)
{
    struct error why;
    struct trace_options options = {
        .format = format, .lenient = flags & SKINK_LENIENT, .i386 = flags & SKINK_I386};
    struct trace_reader *reader = trace_open_as(path, TRACE_ALL, &options, &why);
    if (!reader) {
        library_tell(err, &why);
        return NULL;
    }
    struct skink_trace *trace = memory_must(malloc(sizeof *trace));
    trace->reader = reader;
    return trace;
}

int skink_trace_read(struct skink_trace *trace, struct skink_call *calls, size_t max,
                     struct skink_error *err)
{
    struct call batch[LIBRARY_BATCH];
    struct error why;
    int count = trace_read(trace->reader, batch, max < LIBRARY_BATCH ? max : LIBRARY_BATCH, &why);
    if (count < 0)
        library_tell(err, &why);
    else
        library_give_calls(calls, batch, (size_t)count);
    return count;
}

const char *skink_trace_format(const struct skink_trace *trace)
{
    return trace_format(trace->reader);
}

uint64_t skink_trace_skipped(const struct skink_trace *trace)
{
    return trace_faults(trace->reader)->skipped;
}

void skink_trace_close(struct skink_trace *trace)
{
    if (!trace)
        return;
    trace_close(trace->reader);
    free(trace);
}
