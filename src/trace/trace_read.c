/* Reading a trace: block by block, and of a block only the columns that were asked for. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "trace/column.h"
#include "trace/format.h"
#include "trace/trace.h"

/* The block that is being handed out. */
struct block {
    size_t records, next; /* next: the first that has not been handed out */
    uint64_t offset;      /* of the block in the file */
    uint64_t time;        /* of the first record */

    const uint8_t *run, *runs_end; /* what remains of the runs */
    size_t run_left;               /* records left of the current run */
    uint32_t tid, pid;             /* its thread */
    uint32_t threads;              /* met so far */

    const uint8_t *mark, *marks_end; /* what remains of the marks */
    size_t mark_at;                  /* record of the next mark; records when there is none */
    bool times, results;             /* these columns are there */
};

struct thread_name {
    uint32_t tid, pid;
};

struct trace_reader {
    FILE *file;
    char *path;
    unsigned columns;
    ZSTD_DCtx *zstd;
    struct trace_head head;
    uint64_t offset; /* in the file, of what is read next */
    uint64_t checksum;
    uint64_t records, calls, lost; /* met so far */
    struct block block;

    enum { READING, ENDED, FAILED } state;
    struct error failure; /* why, once FAILED */

    /* Room for the largest block that can be; pages that no block needs are never touched. */
    uint8_t *packed;
    uint8_t *raw[COLUMNS];
    struct thread_name *threads; /* BLOCK_RECORDS */
    uint64_t *times, *values;    /* BLOCK_RECORDS */
};

static const size_t RAW_MAX[COLUMNS] = {RUNS_MAX, NUMBERS_MAX, MARKS_MAX, TIMES_MAX, RESULTS_MAX};

static size_t packed_room(void)
{
    size_t room = BLOCK_HEADER + CHECKSUM_SIZE;
    for (int i = 0; i < COLUMNS; i++)
        room += ZSTD_compressBound(RAW_MAX[i]);
    return room;
}

void trace_close(struct trace_reader *reader)
{
    if (!reader)
        return;
    if (reader->file)
        fclose(reader->file);
    ZSTD_freeDCtx(reader->zstd);
    for (int i = 0; i < COLUMNS; i++)
        free(reader->raw[i]);
    free(reader->packed);
    free(reader->threads);
    free(reader->times);
    free(reader->values);
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

/* Does the checksum behind data fit? Fuzzing looks behind it. */
static int check_seal(struct trace_reader *reader, const uint8_t *data, size_t size,
                      const char *what, struct error *err)
{
    uint64_t offset = reader->offset - size - CHECKSUM_SIZE;
    reader->checksum = trace_checksum(data, size, reader->checksum);
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (get_u64(data + size) != reader->checksum)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: offset %llu: %s does not fit its checksum (the file is damaged)",
                         reader->path, (unsigned long long)offset, what);
#endif
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

static int reader_allocate(struct trace_reader *reader)
{
    bool ok = (reader->zstd = ZSTD_createDCtx()) && (reader->packed = malloc(packed_room())) &&
              (reader->threads = malloc(BLOCK_RECORDS * sizeof *reader->threads)) &&
              (reader->times = malloc(BLOCK_RECORDS * sizeof *reader->times)) &&
              (reader->values = malloc(BLOCK_RECORDS * sizeof *reader->values));
    for (int i = 0; i < COLUMNS; i++)
        ok = ok && (reader->raw[i] = malloc(RAW_MAX[i]));
    return ok ? 0 : -1;
}

struct trace_reader *trace_open(const char *path, unsigned columns, struct error *err)
{
    __attribute__((cleanup(reader_cleanup))) struct trace_reader *reader =
        calloc(1, sizeof *reader);
    if (!reader || !(reader->path = strdup(path)) || reader_allocate(reader) < 0) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    reader->columns = columns;
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

static bool column_wanted(const struct trace_reader *reader, int column)
{
    if (column == COLUMN_TIMES)
        return reader->columns & TRACE_TIMES;
    if (column == COLUMN_RESULTS)
        return reader->columns & TRACE_RESULTS;
    return true;
}

/* Unpacks the wanted columns of a block that has passed its checksum; fills raw_size. */
static int unpack_columns(struct trace_reader *reader, size_t raw_size[COLUMNS], struct error *err)
{
    const uint8_t *sizes = reader->packed + BLOCK_COLUMNS, *packed = reader->packed + BLOCK_HEADER;
    for (int i = 0; i < COLUMNS; i++, sizes += 8) {
        size_t raw = get_u32(sizes), packed_size = get_u32(sizes + 4);
        raw_size[i] = column_wanted(reader, i) ? raw : 0;
        if (raw_size[i] > 0) {
            size_t got =
                ZSTD_decompressDCtx(reader->zstd, reader->raw[i], raw, packed, packed_size);
            if (got != raw)
                return damaged(reader, reader->block.offset, err,
                               "a column of this block does not unpack (the file is damaged)");
        }
        packed += packed_size;
    }
    return 0;
}

static bool unpack_times(struct trace_reader *reader, size_t size)
{
    struct block *block = &reader->block;
    if (!planes_get(reader->raw[COLUMN_TIMES], size, reader->times, block->records))
        return false;
    uint64_t time = block->time;
    for (size_t i = 0; i < block->records; i++)
        reader->times[i] = time += (uint64_t)unzigzag(reader->times[i]);
    return true;
}

static bool unpack_results(struct trace_reader *reader, size_t size)
{
    size_t flags = (reader->block.records + 7) / 8;
    return size >= flags && planes_get(reader->raw[COLUMN_RESULTS] + flags, size - flags,
                                       reader->values, reader->block.records);
}

/* Where and what the next mark is; the rest of it is read when its record is reached. */
static bool next_mark(struct block *block)
{
    uint64_t distance;
    if (block->mark == block->marks_end) {
        block->mark_at = block->records;
        return true;
    }
    if (!varint_get(&block->mark, block->marks_end, &distance) ||
        distance >= block->records - block->mark_at)
        return false;
    block->mark_at += distance;
    return true;
}

static int begin_block(struct trace_reader *reader, struct error *err)
{
    struct block *block = &reader->block;
    size_t size[COLUMNS];
    if (unpack_columns(reader, size, err) < 0)
        return -1;
    block->run = reader->raw[COLUMN_RUNS];
    block->runs_end = block->run + size[COLUMN_RUNS];
    block->mark = reader->raw[COLUMN_MARKS];
    block->marks_end = block->mark + size[COLUMN_MARKS];
    block->times = reader->columns & TRACE_TIMES;
    block->results = size[COLUMN_RESULTS] > 0;
    if (size[COLUMN_NUMBERS] != 2 * block->records || !next_mark(block) ||
        (block->times && !unpack_times(reader, size[COLUMN_TIMES])) ||
        (block->results && !unpack_results(reader, size[COLUMN_RESULTS])))
        return damaged(reader, block->offset, err, "the columns of this block contradict its head");
    return 0;
}

static int read_block(struct trace_reader *reader, struct error *err)
{
    uint8_t *head = reader->packed;
    uint64_t offset = reader->offset - 4;
    if (read_bytes(reader, head + 4, BLOCK_HEADER - 4, err) < 0)
        return -1;
    struct block *block = &reader->block;
    *block =
        (struct block){.records = get_u32(head + 4), .offset = offset, .time = get_u64(head + 8)};
    bool absurd = block->records == 0 || block->records > BLOCK_RECORDS;
    size_t packed = 0;
    for (int i = 0; i < COLUMNS; i++) {
        size_t raw = get_u32(head + BLOCK_COLUMNS + 8 * i);
        size_t size = get_u32(head + BLOCK_COLUMNS + 8 * i + 4);
        absurd = absurd || raw > RAW_MAX[i] || size > ZSTD_compressBound(RAW_MAX[i]);
        packed += size;
    }
    if (absurd)
        return damaged(reader, offset, err, "a block of impossible size (the file is damaged)");
    if (read_bytes(reader, head + BLOCK_HEADER, packed + CHECKSUM_SIZE, err) < 0)
        return -1;
    if (check_seal(reader, head, BLOCK_HEADER + packed, "this block", err) < 0)
        return -1;
    return begin_block(reader, err);
}

static int read_end(struct trace_reader *reader, struct error *err)
{
    uint8_t *end = reader->packed;
    uint64_t offset = reader->offset - 4;
    if (read_bytes(reader, end + 4, END_SIZE + CHECKSUM_SIZE - 4, err) < 0 ||
        check_seal(reader, end, END_SIZE, "the end mark", err) < 0)
        return -1;
    if (get_u64(end + END_RECORDS) != reader->records ||
        get_u64(end + END_CALLS) != reader->calls || get_u64(end + END_LOST) != reader->lost)
        return damaged(reader, offset, err, "the totals do not fit what the trace holds");
    if (fgetc(reader->file) != EOF)
        return damaged(reader, reader->offset, err, "there is more after the end mark");
    reader->state = ENDED;
    return 0;
}

/* Reads the next block or the end mark. */
static int next_block(struct trace_reader *reader, struct error *err)
{
    if (read_bytes(reader, reader->packed, 4, err) < 0)
        return -1;
    uint32_t tag = get_u32(reader->packed);
    if (tag == BLOCK_TAG)
        return read_block(reader, err);
    if (tag == END_TAG)
        return read_end(reader, err);
    return damaged(reader, reader->offset - 4, err,
                   "neither a block nor the end mark (the file is damaged)");
}

/* Reads the next run of a thread; false when the column is damaged. */
static bool next_run(struct trace_reader *reader)
{
    struct block *block = &reader->block;
    uint64_t index, tid, pid, length;
    if (!varint_get(&block->run, block->runs_end, &index) || index > block->threads ||
        index >= BLOCK_RECORDS)
        return false;
    if (index == block->threads) {
        if (!varint_get(&block->run, block->runs_end, &tid) ||
            !varint_get(&block->run, block->runs_end, &pid) || tid > UINT32_MAX || pid > UINT32_MAX)
            return false;
        reader->threads[block->threads++] = (struct thread_name){(uint32_t)tid, (uint32_t)pid};
    }
    if (!varint_get(&block->run, block->runs_end, &length) || length == 0 ||
        length > block->records - block->next)
        return false;
    block->tid = reader->threads[index].tid;
    block->pid = reader->threads[index].pid;
    block->run_left = length;
    return true;
}

/* Turns those of the count records from block->next on that are marks into marks. */
static bool apply_marks(struct trace_reader *reader, struct call *calls, size_t count)
{
    struct block *block = &reader->block;
    while (block->mark_at < block->next + count) {
        struct call *call = &calls[block->mark_at - block->next];
        uint64_t value;
        if (block->mark == block->marks_end || *block->mark <= CALL_ENTER ||
            *block->mark > CALL_LOST)
            return false;
        call->kind = *block->mark++;
        if (!varint_get(&block->mark, block->marks_end, &value))
            return false;
        call->value = unzigzag(value);
        call->number = 0;
        call->has_value = false;
        reader->calls--;
        reader->lost += call->kind == CALL_LOST ? (uint64_t)call->value : 0;
        if (!next_mark(block))
            return false;
    }
    return true;
}

/* Hands out up to max records of one run; -1 when the block turns out damaged. */
static int read_run(struct trace_reader *reader, struct call *calls, size_t max)
{
    struct block *block = &reader->block;
    if (block->run_left == 0 && !next_run(reader))
        return -1;
    size_t count = block->run_left < max ? block->run_left : max;
    const uint8_t *low = reader->raw[COLUMN_NUMBERS] + block->next, *high = low + block->records;
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct call){.tid = block->tid,
                                 .pid = block->pid,
                                 .number = (uint16_t)(low[i] | high[i] << 8),
                                 .kind = CALL_ENTER};
    if (block->times)
        for (size_t i = 0; i < count; i++)
            calls[i].time = reader->times[block->next + i];
    if (block->results)
        for (size_t i = 0, at = block->next; i < count; i++, at++) {
            calls[i].has_value = reader->raw[COLUMN_RESULTS][at / 8] >> at % 8 & 1;
            calls[i].value = unzigzag(reader->values[at]);
        }
    reader->calls += count;
    if (block->mark_at < block->next + count && !apply_marks(reader, calls, count))
        return -1;
    reader->records += count;
    block->next += count;
    block->run_left -= count;
    return (int)count;
}

/* Sees that a failure is reported after the calls that were read before it, and then for good. */
static int fail(struct trace_reader *reader, size_t filled, const struct error *why,
                struct error *err)
{
    reader->state = FAILED;
    reader->failure = *why;
    if (filled > 0)
        return (int)filled;
    *err = *why;
    return -1;
}

int trace_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err)
{
    struct block *block = &reader->block;
    struct error why;
    size_t filled = 0;
    if (max > INT_MAX)
        max = INT_MAX;
    if (reader->state == FAILED)
        return fail(reader, 0, &reader->failure, err);
    while (filled < max && reader->state == READING) {
        if (block->next == block->records) {
            if (next_block(reader, &why) < 0)
                return fail(reader, filled, &why, err);
            continue;
        }
        int count = read_run(reader, calls + filled, max - filled);
        if (count < 0) {
            damaged(reader, block->offset, &why, "the columns of this block contradict each other");
            return fail(reader, filled, &why, err);
        }
        filled += (size_t)count;
    }
    return (int)filled;
}
