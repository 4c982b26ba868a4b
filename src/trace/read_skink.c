/* Skink's own format: block by block, and of a block only the columns that were asked for. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "trace/block.h"
#include "trace/format.h"
#include "trace/reader.h"

#define MAGIC_SIZE (sizeof TRACE_MAGIC - 1)

struct skink {
    struct input *input;
    const char *path;
    uint64_t offset;   /* in the file, of what is read next */
    uint64_t checksum; /* of what was read last */
    uint8_t *data;     /* the block as it lies in the file */
    size_t room;       /* of data */
    struct block *block;
    struct block_totals met; /* in all blocks so far */

    enum { READING, ENDED, FAILED } state;
    struct error failure; /* why, once FAILED */
};

/* "FILE: offset N: what". */
static int damaged(const struct skink *skink, uint64_t offset, struct error *err, const char *what)
{
    return error_set(err, EXIT_USAGE, 0, "%s: offset %llu: %s", skink->path,
                     (unsigned long long)offset, what);
}

static int read_bytes(struct skink *skink, uint8_t *data, size_t size, struct error *err)
{
    long got = input_read(skink->input, data, size, err);
    if (got < 0)
        return -1;
    skink->offset += (uint64_t)got;
    if ((size_t)got == size)
        return 0;
    return damaged(skink, skink->offset, err,
                   "the trace ends before its end mark (truncated, or its recording was cut off)");
}

/* Does the checksum behind data fit? */
static int check_seal(struct skink *skink, const uint8_t *data, size_t size, const char *what,
                      struct error *err)
{
    uint64_t offset = skink->offset - size - CHECKSUM_SIZE;
    skink->checksum = trace_checksum(data, size, skink->checksum);
    if (get_u64(data + size) != skink->checksum)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: offset %llu: %s does not fit its checksum (the file is damaged)",
                         skink->path, (unsigned long long)offset, what);
    return 0;
}

static int read_head(struct skink *skink, struct trace_head *head, struct error *err)
{
    uint8_t bytes[HEAD_SIZE + CHECKSUM_SIZE];
    if (read_bytes(skink, bytes, sizeof bytes, err) < 0)
        return -1;
    if (memcmp(bytes, TRACE_MAGIC, MAGIC_SIZE) != 0)
        return damaged(skink, 0, err, "not a trace of Skink (see skink record)");
    if (get_u32(bytes + HEAD_VERSION) != TRACE_VERSION)
        return damaged(skink, HEAD_VERSION, err,
                       "an unknown version of the format (written by a newer Skink?)");
    if (check_seal(skink, bytes, HEAD_SIZE, "the head", err) < 0)
        return -1;
    head->results = get_u32(bytes + HEAD_FLAGS) & HEAD_RESULTS;
    head->started = get_u64(bytes + HEAD_STARTED);
    memcpy(head->host, bytes + HEAD_HOST, HEAD_TEXT);
    memcpy(head->kernel, bytes + HEAD_KERNEL, HEAD_TEXT);
    memset(head->command, 0, sizeof head->command);
    memcpy(head->command, bytes + HEAD_COMMAND, HEAD_LONG_TEXT - 1);
    return 0;
}

/* Makes room for so many bytes of data, keeping what is there. */
static int reserve(struct skink *skink, size_t size, struct error *err)
{
    if (size <= skink->room)
        return 0;
    uint8_t *larger = realloc(skink->data, size);
    if (!larger)
        return error_set(err, EXIT_MACHINE, errno, "%s", skink->path);
    skink->data = larger;
    skink->room = size;
    return 0;
}

static void skink_close(struct trace_reader *reader)
{
    struct skink *skink = reader->state;
    if (!skink)
        return;
    block_free(skink->block);
    free(skink->data);
    free(skink);
}

static int skink_probe(const struct sample *sample)
{
    return sample->size >= MAGIC_SIZE && memcmp(sample->data, TRACE_MAGIC, MAGIC_SIZE) == 0 ? 100
                                                                                            : 0;
}

static int skink_open(struct trace_reader *reader, struct error *err)
{
    struct skink *skink = calloc(1, sizeof *skink);
    reader->state = skink;
    if (!skink || !(skink->block = block_new(reader->columns)))
        return error_set(err, EXIT_MACHINE, ENOMEM, "%s", reader->path);
    skink->input = reader->input;
    skink->path = reader->path;
    if (reserve(skink, BLOCK_HEADER, err) < 0)
        return -1;
    return read_head(skink, &reader->head, err);
}

static int read_block(struct skink *skink, struct error *err)
{
    uint64_t offset = skink->offset - TAG_SIZE;
    if (read_bytes(skink, skink->data + TAG_SIZE, BLOCK_HEADER - TAG_SIZE, err) < 0)
        return -1;
    long packed = block_packed_size(skink->data);
    if (packed < 0)
        return damaged(skink, offset, err, "a block of impossible size (the file is damaged)");
    size_t size = BLOCK_HEADER + (size_t)packed;
    if (reserve(skink, size + CHECKSUM_SIZE, err) < 0 ||
        read_bytes(skink, skink->data + BLOCK_HEADER, (size_t)packed + CHECKSUM_SIZE, err) < 0 ||
        check_seal(skink, skink->data, size, "this block", err) < 0)
        return -1;
    const char *wrong = block_unpack(skink->block, skink->data);
    if (wrong)
        return damaged(skink, offset, err, wrong);
    struct block_totals totals = block_totals(skink->block);
    skink->met.records += totals.records;
    skink->met.calls += totals.calls;
    skink->met.lost += totals.lost;
    return 0;
}

static int read_end(struct skink *skink, struct error *err)
{
    uint8_t *end = skink->data;
    uint64_t offset = skink->offset - TAG_SIZE;
    if (read_bytes(skink, end + TAG_SIZE, END_SIZE + CHECKSUM_SIZE - TAG_SIZE, err) < 0 ||
        check_seal(skink, end, END_SIZE, "the end mark", err) < 0)
        return -1;
    const struct block_totals *met = &skink->met;
    if (get_u64(end + END_RECORDS) != met->records || get_u64(end + END_CALLS) != met->calls ||
        get_u64(end + END_LOST) != met->lost)
        return damaged(skink, offset, err, "the totals do not fit what the trace holds");
    uint8_t more;
    long got = input_read(skink->input, &more, 1, err);
    if (got < 0)
        return -1;
    if (got > 0)
        return damaged(skink, skink->offset, err, "there is more after the end mark");
    skink->state = ENDED;
    return 0;
}

/* Reads the next block or the end mark. */
static int read_part(struct skink *skink, struct error *err)
{
    if (read_bytes(skink, skink->data, TAG_SIZE, err) < 0)
        return -1;
    uint32_t tag = get_u32(skink->data);
    if (tag == BLOCK_TAG)
        return read_block(skink, err);
    if (tag == END_TAG)
        return read_end(skink, err);
    return damaged(skink, skink->offset - TAG_SIZE, err,
                   "neither a block nor the end mark (the file is damaged)");
}

/* A failure is reported after the calls that were read before it, and then for good. */
static int skink_read(struct trace_reader *reader, struct call *calls, size_t max,
                      struct error *err)
{
    struct skink *skink = reader->state;
    size_t filled = 0;
    if (max > INT_MAX)
        max = INT_MAX;
    while (filled < max && skink->state == READING) {
        size_t taken = block_take(skink->block, calls + filled, max - filled);
        filled += taken;
        if (taken == 0 && read_part(skink, &skink->failure) < 0)
            skink->state = FAILED;
    }
    if (filled == 0 && skink->state == FAILED) {
        *err = skink->failure;
        return -1;
    }
    return (int)filled;
}

const struct trace_format format_skink = {
    .name = "skink",
    .probe = skink_probe,
    .open = skink_open,
    .read = skink_read,
    .close = skink_close,
};
