/*
 * Prints a trace's records in order, for the end-to-end tests: thread, what it is, its value, "-"
 * for a call whose result was not recorded.
 *
 *     trace_dump FILE
 */
#include <inttypes.h>
#include <stdio.h>

#include "trace/trace.h"

#define BATCH 4096

static void print(const struct call *call)
{
    static const char *const MARKS[] = {NULL, "(exec)", "(fork)", "(exit)", "(lost)"};
    char name[CALL_NAME];
    const char *what = call->kind == CALL_ENTER ? call_name(call_number_code(call->number), name)
                                                : MARKS[call->kind];
    printf("%" PRIu32 " %s ", call->tid, what);
    if (call->kind == CALL_ENTER && !call->has_value)
        puts("-");
    else
        printf("%" PRId64 "\n", call->value);
}

int main(int argc, char **argv)
{
    static struct call calls[BATCH];
    struct error err;
    struct trace_reader *trace = trace_open(argc > 1 ? argv[1] : "-", TRACE_RESULTS, &err);
    if (!trace)
        return error_report(&err);
    int count;
    while ((count = trace_read(trace, calls, BATCH, &err)) > 0)
        for (int i = 0; i < count; i++)
            print(&calls[i]);
    trace_close(trace);
    return count < 0 ? error_report(&err) : 0;
}
