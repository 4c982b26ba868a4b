/* The foreign formats. The first byte picks one, or leaves it to be found out, and its top bits the
 * options; the rest is the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const FORMATS[16] = {NULL,          "plain",       "adfa-ld",
                                        "unm",         "strace",      "sysdig",
                                        "lid-ds-2019", "lid-ds-2021", "sysdig-bare"};

#define LENIENT 0x40
#define I386    0x80

/* Reads the trace to its end or first error; returns the number of records. */
static size_t read_through(const char *path, const struct trace_options *options, size_t step,
                           bool *sound)
{
    struct error err;
    struct call calls[100];
    size_t records = 0;
    int count = -1;
    struct trace_reader *reader = trace_open_as(path, TRACE_ALL, options, &err);
    while (reader && (count = trace_read(reader, calls, step, &err)) > 0)
        for (int i = 0; i < count; i++, records++)
            if (calls[i].kind > CALL_LOST)
                abort();
    if (reader && !options->lenient && trace_faults(reader)->skipped)
        abort();
    trace_close(reader);
    *sound = count == 0;
    return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    autoclose int fd = memfd_create("fuzz", 0);
    if (size == 0 || fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct trace_options options = {.format = FORMATS[data[0] & 0xf],
                                    .i386 = (data[0] & I386) != 0,
                                    .lenient = (data[0] & LENIENT) != 0};
    bool sound, again;
    size_t records = read_through(path, &options, 100, &sound);
    if (read_through(path, &options, 7, &again) != records || sound != again)
        abort();
    return 0;
}
