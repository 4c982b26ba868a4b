/* Reading a trace: block by block, and of a block only the columns that were asked for. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "trace/block.h"
#include "trace/format.h"
#include "trace/trace.h"

struct trace_reader {
    FILE *file;
    char *path;
    struct trace_head head;
    uint64_t offset;   /* in the file, of what is read next */
    uint64_t checksum; /* of what was read last */
    uint8_t *data;     /* the block as it lies in the file */
    size_t room;       /* of data */
    struct block *block;
    struct block_totals met; /* in all blocks so far */

    enum { READING, ENDED, FAILED } state;
    struct error failure; /* why, once FAILED */
};

void trace_close(struct trace_reader *reader)
{
    if (!reader)
        return;
    if (reader->file)
        fclose(reader->file);
    block_free(reader->block);
    free(reader->data);
    free(reader->path);
    free(reader);
}

static void reader_cleanup(struct trace_reader **reader)
{
    trace_close(*reader);
}

/* "FILE: offset N: what". */
static int damaged(const struct trace_reader *reader, uint64_t offset, struct error *err,
                   const char *what)
{
    return error_set(err, EXIT_USAGE, 0, "%s: offset %llu: %s", reader->path,
                     (unsigned long long)offset, what);
}

static int read_bytes(struct trace_reader *reader, uint8_t *data, size_t size, struct error *err)
{
    size_t got = fread(data, 1, size, reader->file);
    reader->offset += got;
    if (got == size)
        return 0;
    if (ferror(reader->file))
        return error_set(err, EXIT_USAGE, errno, "cannot read %s", reader->path);
    return damaged(reader, reader->offset, err,
                   "the trace ends before its end mark (truncated, or its recording was cut off)");
}

/* Does the checksum behind data fit? */
static int check_seal(struct trace_reader *reader, const uint8_t *data, size_t size,
                      const char *what, struct error *err)
{
    uint64_t offset = reader->offset - size - CHECKSUM_SIZE;
    reader->checksum = trace_checksum(data, size, reader->checksum);
    if (get_u64(data + size) != reader->checksum)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: offset %llu: %s does not fit its checksum (the file is damaged)",
                         reader->path, (unsigned long long)offset, what);
    return 0;
}

static int read_head(struct trace_reader *reader, struct error *err)
{
    uint8_t bytes[HEAD_SIZE + CHECKSUM_SIZE];
    size_t magic = sizeof TRACE_MAGIC - 1;
    if (read_bytes(reader, bytes, magic, err) < 0 && ferror(reader->file))
        return -1;
    if (reader->offset < magic || memcmp(bytes, TRACE_MAGIC, magic) != 0)
        return damaged(reader, 0, err, "not a trace of Skink (see skink record)");
    if (read_bytes(reader, bytes + magic, sizeof bytes - magic, err) < 0)
        return -1;
    if (get_u32(bytes + HEAD_VERSION) != TRACE_VERSION)
        return damaged(reader, HEAD_VERSION, err,
                       "an unknown version of the format (written by a newer Skink?)");
    if (check_seal(reader, bytes, HEAD_SIZE, "the head", err) < 0)
        return -1;
    struct trace_head *head = &reader->head;
    head->results = get_u32(bytes + HEAD_FLAGS) & HEAD_RESULTS;
    head->started = get_u64(bytes + HEAD_STARTED);
    memcpy(head->host, bytes + HEAD_HOST, HEAD_TEXT);
    memcpy(head->kernel, bytes + HEAD_KERNEL, HEAD_TEXT);
    memcpy(head->command, bytes + HEAD_COMMAND, HEAD_LONG_TEXT - 1);
    return 0;
}

/* Makes room for so many bytes of data, keeping what is there. */
static int reserve(struct trace_reader *reader, size_t size, struct error *err)
{
    if (size <= reader->room)
        return 0;
    uint8_t *larger = realloc(reader->data, size);
    if (!larger)
        return error_set(err, EXIT_MACHINE, errno, "%s", reader->path);
    reader->data = larger;
    reader->room = size;
    return 0;
}

struct trace_reader *trace_open(const char *path, unsigned columns, struct error *err)
{
    __attribute__((cleanup(reader_cleanup))) struct trace_reader *reader =
        calloc(1, sizeof *reader);
    if (!reader || !(reader->path = strdup(path)) || !(reader->block = block_new(columns)) ||
        reserve(reader, BLOCK_HEADER, err) < 0) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    reader->file = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "rb") : fopen(path, "rb");
    if (!reader->file) {
        error_set(err, EXIT_USAGE, errno, "cannot open %s", path);
        return NULL;
    }
    if (read_head(reader, err) < 0)
        return NULL;
    return take_pointer(reader);
}

const struct trace_head *trace_head(const struct trace_reader *reader)
{
    return &reader->head;
}

static int read_block(struct trace_reader *reader, struct error *err)
{
    uint64_t offset = reader->offset - TAG_SIZE;
    if (read_bytes(reader, reader->data + TAG_SIZE, BLOCK_HEADER - TAG_SIZE, err) < 0)
        return -1;
    long packed = block_packed_size(reader->data);
    if (packed < 0)
        return damaged(reader, offset, err, "a block of impossible size (the file is damaged)");
    size_t size = BLOCK_HEADER + (size_t)packed;
    if (reserve(reader, size + CHECKSUM_SIZE, err) < 0 ||
        read_bytes(reader, reader->data + BLOCK_HEADER, (size_t)packed + CHECKSUM_SIZE, err) < 0 ||
        check_seal(reader, reader->data, size, "this block", err) < 0)
        return -1;
    const char *wrong = block_unpack(reader->block, reader->data);
    if (wrong)
        return damaged(reader, offset, err, wrong);
    struct block_totals totals = block_totals(reader->block);
    reader->met.records += totals.records;
    reader->met.calls += totals.calls;
    reader->met.lost += totals.lost;
    return 0;
}

static int read_end(struct trace_reader *reader, struct error *err)
{
    uint8_t *end = reader->data;
    uint64_t offset = reader->offset - TAG_SIZE;
    if (read_bytes(reader, end + TAG_SIZE, END_SIZE + CHECKSUM_SIZE - TAG_SIZE, err) < 0 ||
        check_seal(reader, end, END_SIZE, "the end mark", err) < 0)
        return -1;
    const struct block_totals *met = &reader->met;
    if (get_u64(end + END_RECORDS) != met->records || get_u64(end + END_CALLS) != met->calls ||
        get_u64(end + END_LOST) != met->lost)
        return damaged(reader, offset, err, "the totals do not fit what the trace holds");
    if (fgetc(reader->file) != EOF)
        return damaged(reader, reader->offset, err, "there is more after the end mark");
    reader->state = ENDED;
    return 0;
}

/* Reads the next block or the end mark. */
static int read_part(struct trace_reader *reader, struct error *err)
{
    if (read_bytes(reader, reader->data, TAG_SIZE, err) < 0)
        return -1;
    uint32_t tag = get_u32(reader->data);
    if (tag == BLOCK_TAG)
        return read_block(reader, err);
    if (tag == END_TAG)
        return read_end(reader, err);
    return damaged(reader, reader->offset - TAG_SIZE, err,
                   "neither a block nor the end mark (the file is damaged)");
}

/* A failure is reported after the calls that were read before it, and then for good. */
int trace_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err)
{
    size_t filled = 0;
    if (max > INT_MAX)
        max = INT_MAX;
    while (filled < max && reader->state == READING) {
        size_t taken = block_take(reader->block, calls + filled, max - filled);
        filled += taken;
        if (taken == 0 && read_part(reader, &reader->failure) < 0)
            reader->state = FAILED;
    }
    if (filled == 0 && reader->state == FAILED) {
        *err = reader->failure;
        return -1;
    }
    return (int)filled;
}
