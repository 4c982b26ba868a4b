/* Writing a trace: calls are gathered until a block is full, then written column by column. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "trace/column.h"
#include "trace/format.h"
#include "trace/trace.h"

/* Higher levels gain three percent and cost the recorder twice the time. */
#define COMPRESSION_LEVEL 1

#define SLOT_BITS 17 /* twice the threads that a block can have */

/* A thread that a block has met. */
struct slot {
    uint32_t tid, pid;
    uint32_t index; /* the how-manieth of its block */
    uint32_t block; /* which block that was, counted from 1: no clearing between blocks */
};

struct trace_writer {
    FILE *file;
    char *path;
    ZSTD_CCtx *zstd;
    uint64_t checksum;
    bool failed;

    struct call *pending; /* BLOCK_RECORDS */
    size_t count;
    uint64_t *integers; /* BLOCK_RECORDS: a column before it becomes planes */
    uint8_t *raw;       /* the longest raw column */
    uint8_t *block;     /* the block as it is written */
    struct slot *slots;
    uint32_t blocks;

    uint64_t records, calls, lost;
};

static size_t block_room(void)
{
    size_t sum = BLOCK_HEADER + CHECKSUM_SIZE;
    for (int i = 0; i < COLUMNS; i++)
        sum += ZSTD_compressBound((size_t)BLOCK_RECORDS * COLUMN_WIDTH[i]);
    return sum;
}

static void writer_free(struct trace_writer *writer)
{
    if (writer->file)
        fclose(writer->file);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->path);
    free(writer->pending);
    free(writer->integers);
    free(writer->raw);
    free(writer->block);
    free(writer->slots);
    free(writer);
}

static void writer_cleanup(struct trace_writer **writer)
{
    if (*writer)
        writer_free(*writer);
}

/* Seals data with a checksum, for which it has room, and writes both. */
static int write_sealed(struct trace_writer *writer, uint8_t *data, size_t size, struct error *err)
{
    writer->checksum = trace_checksum(data, size, writer->checksum);
    put_u64(data + size, writer->checksum);
    if (fwrite(data, 1, size + CHECKSUM_SIZE, writer->file) == size + CHECKSUM_SIZE)
        return 0;
    writer->failed = true;
    return error_set(err, EXIT_USAGE, errno, "%s: cannot write the trace", writer->path);
}

static int write_head(struct trace_writer *writer, const struct trace_head *head, struct error *err)
{
    uint8_t bytes[HEAD_SIZE + CHECKSUM_SIZE] = {0};
    memcpy(bytes, TRACE_MAGIC, sizeof TRACE_MAGIC - 1);
    put_u32(bytes + HEAD_VERSION, TRACE_VERSION);
    put_u32(bytes + HEAD_FLAGS, head->results ? HEAD_RESULTS : 0);
    put_u64(bytes + HEAD_STARTED, head->started);
    memcpy(bytes + HEAD_HOST, head->host, strnlen(head->host, HEAD_TEXT));
    memcpy(bytes + HEAD_KERNEL, head->kernel, strnlen(head->kernel, HEAD_TEXT));
    memcpy(bytes + HEAD_COMMAND, head->command, strnlen(head->command, HEAD_LONG_TEXT - 1));
    return write_sealed(writer, bytes, HEAD_SIZE, err);
}

struct trace_writer *trace_create(const char *path, const struct trace_head *head,
                                  struct error *err)
{
    __attribute__((cleanup(writer_cleanup))) struct trace_writer *writer =
        calloc(1, sizeof *writer);
    if (!writer) {
        error_set(err, EXIT_MACHINE, errno, "%s", path);
        return NULL;
    }
    writer->path = strdup(path);
    writer->zstd = ZSTD_createCCtx();
    writer->pending = malloc(BLOCK_RECORDS * sizeof *writer->pending);
    writer->integers = malloc(BLOCK_RECORDS * sizeof *writer->integers);
    writer->raw = malloc((size_t)BLOCK_RECORDS * WIDEST);
    writer->block = malloc(block_room());
    writer->slots = calloc(1u << SLOT_BITS, sizeof *writer->slots);
    if (!writer->path || !writer->zstd || !writer->pending || !writer->integers || !writer->raw ||
        !writer->block || !writer->slots) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    writer->file = strcmp(path, "-") == 0 ? fdopen(dup(STDOUT_FILENO), "wb") : fopen(path, "wb");
    if (!writer->file) {
        error_set(err, EXIT_USAGE, errno, "cannot create %s", path);
        return NULL;
    }
    if (write_head(writer, head, err) < 0)
        return NULL;
    return take_pointer(writer);
}

/* The place of a thread in the current block's table of threads; *met says if it was there. */
static struct slot *find_slot(struct trace_writer *writer, uint32_t tid, uint32_t pid, bool *met)
{
    uint32_t mask = (1u << SLOT_BITS) - 1;
    uint32_t at = (tid * 0x9e3779b1u ^ pid * 0x85ebca6bu) >> (32 - SLOT_BITS);
    for (; writer->slots[at].block == writer->blocks; at = (at + 1) & mask)
        if (writer->slots[at].tid == tid && writer->slots[at].pid == pid) {
            *met = true;
            return &writer->slots[at];
        }
    *met = false;
    return &writer->slots[at];
}

/* Writes the 16-bit value of record i as two planes. */
static void put_planes(struct trace_writer *writer, size_t i, uint32_t value)
{
    writer->raw[i] = (uint8_t)value;
    writer->raw[writer->count + i] = (uint8_t)(value >> 8);
}

/* Also leaves each record's place in the column for encode_threads. */
static size_t encode_names(struct trace_writer *writer)
{
    uint8_t *at = writer->raw;
    uint32_t threads = 0;
    for (size_t i = 0; i < writer->count; i++) {
        uint32_t tid = writer->pending[i].tid, pid = writer->pending[i].pid;
        bool met;
        struct slot *slot = find_slot(writer, tid, pid, &met);
        if (!met) {
            *slot = (struct slot){tid, pid, threads++, writer->blocks};
            at = varint_put(at, tid);
            at = varint_put(at, pid);
        }
        writer->integers[i] = slot->index;
    }
    return (size_t)(at - writer->raw);
}

static size_t encode_threads(struct trace_writer *writer)
{
    for (size_t i = 0; i < writer->count; i++)
        put_planes(writer, i, (uint32_t)writer->integers[i]);
    return 2 * writer->count;
}

static size_t encode_numbers(struct trace_writer *writer)
{
    for (size_t i = 0; i < writer->count; i++)
        put_planes(writer, i,
                   writer->pending[i].kind == CALL_ENTER ? writer->pending[i].number : 0);
    return 2 * writer->count;
}

static size_t encode_marks(struct trace_writer *writer)
{
    uint8_t *at = writer->raw;
    size_t last = 0;
    for (size_t i = 0; i < writer->count; i++) {
        const struct call *call = &writer->pending[i];
        if (call->kind == CALL_ENTER)
            continue;
        at = varint_put(at, i - last);
        *at++ = call->kind;
        at = varint_put(at, zigzag(call->value));
        last = i;
    }
    return (size_t)(at - writer->raw);
}

static size_t encode_times(struct trace_writer *writer)
{
    uint64_t last = writer->pending[0].time;
    for (size_t i = 0; i < writer->count; i++) {
        uint64_t time = writer->pending[i].time;
        writer->integers[i] = zigzag((int64_t)(time - last));
        last = time;
    }
    return planes_put(writer->raw, writer->integers, writer->count);
}

static size_t encode_results(struct trace_writer *writer)
{
    size_t flags = (writer->count + 7) / 8;
    bool any = false;
    memset(writer->raw, 0, flags);
    for (size_t i = 0; i < writer->count; i++) {
        const struct call *call = &writer->pending[i];
        bool has = call->kind == CALL_ENTER && call->has_value;
        writer->integers[i] = has ? zigzag(call->value) : 0;
        if (has)
            writer->raw[i / 8] |= (uint8_t)(1U << i % 8);
        any |= has;
    }
    return any ? flags + planes_put(writer->raw + flags, writer->integers, writer->count) : 0;
}

static int write_block(struct trace_writer *writer, struct error *err)
{
    static size_t (*const encode[COLUMNS])(struct trace_writer *) = {
        encode_names, encode_threads, encode_numbers, encode_marks, encode_times, encode_results};
    writer->blocks++;
    put_u32(writer->block, BLOCK_TAG);
    put_u32(writer->block + 4, (uint32_t)writer->count);
    put_u64(writer->block + 8, writer->pending[0].time);
    size_t size = BLOCK_HEADER, room = block_room();
    for (int i = 0; i < COLUMNS; i++) {
        size_t raw = encode[i](writer);
        size_t packed = raw == 0
                            ? 0
                            : ZSTD_compressCCtx(writer->zstd, writer->block + size, room - size,
                                                writer->raw, raw, COMPRESSION_LEVEL);
        if (ZSTD_isError(packed)) {
            writer->failed = true;
            return error_set(err, EXIT_MACHINE, 0, "%s: cannot compress: %s", writer->path,
                             ZSTD_getErrorName(packed));
        }
        put_u32(writer->block + BLOCK_COLUMNS + 8 * i, (uint32_t)raw);
        put_u32(writer->block + BLOCK_COLUMNS + 8 * i + 4, (uint32_t)packed);
        size += packed;
    }
    writer->count = 0;
    return write_sealed(writer, writer->block, size, err);
}

int trace_write(struct trace_writer *writer, const struct call *calls, size_t count,
                struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        writer->pending[writer->count++] = calls[i];
        writer->records++;
        writer->calls += calls[i].kind == CALL_ENTER;
        writer->lost += calls[i].kind == CALL_LOST ? (uint64_t)calls[i].value : 0;
        if (writer->count == BLOCK_RECORDS && write_block(writer, err) < 0)
            return -1;
    }
    return 0;
}

static int write_end(struct trace_writer *writer, struct error *err)
{
    uint8_t bytes[END_SIZE + CHECKSUM_SIZE] = {0};
    put_u32(bytes, END_TAG);
    put_u64(bytes + END_RECORDS, writer->records);
    put_u64(bytes + END_CALLS, writer->calls);
    put_u64(bytes + END_LOST, writer->lost);
    return write_sealed(writer, bytes, END_SIZE, err);
}

static int finish(struct trace_writer *writer, struct error *err)
{
    if (writer->failed)
        return error_set(err, EXIT_USAGE, 0, "%s: the trace is cut short: an earlier write failed",
                         writer->path);
    if (writer->count > 0 && write_block(writer, err) < 0)
        return -1;
    if (write_end(writer, err) < 0)
        return -1;
    FILE *file = take_pointer(writer->file);
    if (fclose(file) != 0)
        return error_set(err, EXIT_USAGE, errno, "%s: cannot write the trace", writer->path);
    return 0;
}

int trace_finish(struct trace_writer *writer, struct error *err)
{
    int failed = finish(writer, err);
    writer_free(writer);
    return failed;
}
