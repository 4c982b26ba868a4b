#include "trace/block.h"

#include <stdlib.h>
#include <zstd.h>

#include "trace/column.h"
#include "trace/format.h"
#include "trace/trace.h"

struct name {
    uint32_t tid, pid;
};

struct mark {
    int64_t value;
    uint32_t at; /* record */
    uint8_t kind;
};

struct block {
    unsigned columns;
    ZSTD_DCtx *zstd;
    size_t room; /* records that the arrays and raw columns have room for */
    uint8_t *raw[COLUMNS];
    size_t size[COLUMNS]; /* of the raw columns; 0 for those that nobody asked for */

    size_t records, next; /* next: the first that has not been handed out */
    struct name *names;
    size_t name_count;
    struct mark *marks;
    size_t mark_count, next_mark;
    uint64_t lost;
    uint64_t *times, *values;
};

struct block *block_new(unsigned columns)
{
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->columns = columns;
    block->zstd = ZSTD_createDCtx();
    if (block->zstd)
        return block;
    free(block);
    return NULL;
}

static void release(struct block *block)
{
    for (int i = 0; i < COLUMNS; i++)
        free(block->raw[i]);
    free(block->names);
    free(block->marks);
    free(block->times);
    free(block->values);
}

void block_free(struct block *block)
{
    if (!block)
        return;
    release(block);
    ZSTD_freeDCtx(block->zstd);
    free(block);
}

/* Makes room for a block of so many records, at most BLOCK_RECORDS; false without memory. */
static bool reserve(struct block *block, size_t records)
{
    if (records <= block->room)
        return true;
    release(block);
    block->room = 0;
    block->names = malloc(records * sizeof *block->names);
    block->marks = malloc(records * sizeof *block->marks);
    block->times = malloc(records * sizeof *block->times);
    block->values = malloc(records * sizeof *block->values);
    bool ok = block->names && block->marks && block->times && block->values;
    for (int i = 0; i < COLUMNS; i++)
        ok = (block->raw[i] = malloc(records * COLUMN_WIDTH[i])) && ok;
    block->room = ok ? records : 0;
    return ok;
}

static size_t raw_size(const uint8_t *header, int column)
{
    return get_u32(header + BLOCK_COLUMNS + 8 * column);
}

static size_t packed_size(const uint8_t *header, int column)
{
    return get_u32(header + BLOCK_COLUMNS + 8 * column + 4);
}

long block_packed_size(const uint8_t *header)
{
    size_t records = get_u32(header + 4), size = 0;
    bool possible = records > 0 && records <= BLOCK_RECORDS;
    for (int i = 0; i < COLUMNS; i++) {
        size_t most = records * COLUMN_WIDTH[i];
        possible = possible && raw_size(header, i) <= most &&
                   packed_size(header, i) <= ZSTD_compressBound(most);
        size += packed_size(header, i);
    }
    return possible ? (long)size : -1;
}

static bool wanted(const struct block *block, int column)
{
    if (column == COLUMN_TIMES)
        return block->columns & TRACE_TIMES;
    if (column == COLUMN_RESULTS)
        return block->columns & TRACE_RESULTS;
    return true;
}

static bool unpack_columns(struct block *block, const uint8_t *header)
{
    const uint8_t *packed = header + BLOCK_HEADER;
    for (int i = 0; i < COLUMNS; i++) {
        size_t size = wanted(block, i) ? raw_size(header, i) : 0;
        if (size > 0 && ZSTD_decompressDCtx(block->zstd, block->raw[i], size, packed,
                                            packed_size(header, i)) != size)
            return false;
        block->size[i] = size;
        packed += packed_size(header, i);
    }
    return true;
}

static bool read_names(struct block *block)
{
    const uint8_t *at = block->raw[COLUMN_NAMES], *end = at + block->size[COLUMN_NAMES];
    for (block->name_count = 0; at < end; block->name_count++) {
        uint64_t tid, pid;
        if (block->name_count == block->records || !varint_get(&at, end, &tid) ||
            !varint_get(&at, end, &pid) || tid > UINT32_MAX || pid > UINT32_MAX)
            return false;
        block->names[block->name_count] = (struct name){(uint32_t)tid, (uint32_t)pid};
    }
    return true;
}

/* The value of record i in a column of two planes. */
static inline uint16_t get_planes(const struct block *block, enum column column, size_t i)
{
    const uint8_t *raw = block->raw[column];
    return (uint16_t)(raw[i] | raw[block->records + i] << 8);
}

static bool check_threads(const struct block *block)
{
    if (block->size[COLUMN_THREADS] != 2 * block->records)
        return false;
    size_t highest = 0;
    for (size_t i = 0; i < block->records; i++) {
        size_t thread = get_planes(block, COLUMN_THREADS, i);
        highest = thread > highest ? thread : highest;
    }
    return highest < block->name_count;
}

static bool read_marks(struct block *block)
{
    const uint8_t *at = block->raw[COLUMN_MARKS], *end = at + block->size[COLUMN_MARKS];
    uint64_t record = 0;
    block->lost = 0;
    for (block->mark_count = 0; at < end; block->mark_count++) {
        uint64_t distance, value;
        if (block->mark_count == block->records || !varint_get(&at, end, &distance) ||
            distance >= block->records - record || at == end)
            return false;
        if (block->mark_count > 0 && distance == 0) /* two marks in one place */
            return false;
        record += distance;
        struct mark mark = {.at = (uint32_t)record, .kind = *at++};
        if (mark.kind == CALL_ENTER || mark.kind > CALL_LOST || !varint_get(&at, end, &value))
            return false;
        mark.value = unzigzag(value);
        block->marks[block->mark_count] = mark;
        block->lost += mark.kind == CALL_LOST ? (uint64_t)mark.value : 0;
    }
    return true;
}

static bool read_times(struct block *block, uint64_t first)
{
    if (!planes_get(block->raw[COLUMN_TIMES], block->size[COLUMN_TIMES], block->times,
                    block->records))
        return false;
    for (size_t i = 0; i < block->records; i++)
        block->times[i] = first += (uint64_t)unzigzag(block->times[i]);
    return true;
}

static bool read_results(struct block *block)
{
    size_t flags = (block->records + 7) / 8, size = block->size[COLUMN_RESULTS];
    return size >= flags && planes_get(block->raw[COLUMN_RESULTS] + flags, size - flags,
                                       block->values, block->records);
}

const char *block_unpack(struct block *block, const uint8_t *data)
{
    if (!reserve(block, get_u32(data + 4)))
        return "not enough memory for this block";
    block->records = get_u32(data + 4);
    block->next = block->next_mark = 0;
    if (!unpack_columns(block, data))
        return "a column of this block does not unpack";
    if (!read_names(block) || !check_threads(block))
        return "the threads of this block make no sense";
    if (block->size[COLUMN_NUMBERS] != 2 * block->records)
        return "the calls of this block make no sense";
    if (!read_marks(block))
        return "the marks of this block make no sense";
    if ((block->columns & TRACE_TIMES) && !read_times(block, get_u64(data + 8)))
        return "the times of this block make no sense";
    if (block->size[COLUMN_RESULTS] > 0 && !read_results(block))
        return "the results of this block make no sense";
    return NULL;
}

struct block_totals block_totals(const struct block *block)
{
    return (struct block_totals){.records = block->records,
                                 .calls = block->records - block->mark_count,
                                 .lost = block->lost};
}

/* Those of the count records handed out that are marks become marks. */
static void take_marks(struct block *block, struct call *calls, size_t count)
{
    for (; block->next_mark < block->mark_count; block->next_mark++) {
        const struct mark *mark = &block->marks[block->next_mark];
        if (mark->at >= block->next + count)
            break;
        struct call *call = &calls[mark->at - block->next];
        call->kind = mark->kind;
        call->value = mark->value;
        call->number = 0;
        call->has_value = false;
    }
}

size_t block_take(struct block *block, struct call *calls, size_t max)
{
    size_t left = block->records - block->next, count = left < max ? left : max;
    for (size_t i = 0; i < count; i++) {
        struct name name = block->names[get_planes(block, COLUMN_THREADS, block->next + i)];
        calls[i] = (struct call){.tid = name.tid,
                                 .pid = name.pid,
                                 .number = get_planes(block, COLUMN_NUMBERS, block->next + i),
                                 .kind = CALL_ENTER};
    }
    if (block->columns & TRACE_TIMES)
        for (size_t i = 0; i < count; i++)
            calls[i].time = block->times[block->next + i];
    if (block->size[COLUMN_RESULTS] > 0)
        for (size_t i = 0, at = block->next; i < count; i++, at++) {
            calls[i].has_value = block->raw[COLUMN_RESULTS][at / 8] >> at % 8 & 1;
            calls[i].value = unzigzag(block->values[at]);
        }
    take_marks(block, calls, count);
    block->next += count;
    return count;
}
