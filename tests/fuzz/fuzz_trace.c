/* The trace file. Its checksums would keep the fuzzer outside, so it makes them right in a second
 * try: then the blocks and their columns are what gets read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trace/block.h"
#include "trace/format.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The size of the part of a trace that begins here, without its checksum; 0: not one. */
static size_t part_size(const uint8_t *at, size_t left)
{
    if (left >= BLOCK_HEADER && get_u32(at) == BLOCK_TAG) {
        long packed = block_packed_size(at);
        return packed < 0 ? 0 : BLOCK_HEADER + (size_t)packed;
    }
    return left >= END_SIZE && get_u32(at) == END_TAG ? END_SIZE : 0;
}

static void seal(uint8_t *data, size_t size)
{
    uint64_t checksum = 0;
    for (size_t at = 0, part = HEAD_SIZE; part && size - at >= part + CHECKSUM_SIZE;) {
        checksum = trace_checksum(data + at, part, checksum);
        put_u64(data + at + part, checksum);
        at += part + CHECKSUM_SIZE;
        part = part_size(data + at, size - at);
    }
}

/* Reads the trace to its end or first error; returns the number of records, errors in *sound. */
static size_t read_through(const char *path, unsigned columns, bool *sound)
{
    struct error err;
    struct call calls[100];
    size_t records = 0;
    int count = -1;
    struct trace_reader *reader = trace_open(path, columns, &err);
    while (reader && (count = trace_read(reader, calls, 100, &err)) > 0)
        for (int i = 0; i < count; i++, records++)
            if (calls[i].kind > CALL_LOST)
                abort();
    trace_close(reader);
    *sound = count == 0;
    return records;
}

static void try(const uint8_t *data, size_t size)
{
    char path[32];
    autoclose int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool few_sound, all_sound;
    size_t few = read_through(path, TRACE_CALLS, &few_sound);
    size_t all = read_through(path, TRACE_ALL, &all_sound);
    /* More columns can only find more that is wrong. */
    if (all > few || (all_sound && (!few_sound || all != few)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try(data, size);
    autofree uint8_t *sealed = malloc(size + 1);
    memcpy(sealed, data, size);
    seal(sealed, size);
    try(sealed, size);
    return 0;
}
