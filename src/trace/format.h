/*
 * How a trace file lies on disk (docs/trace-format.md). Private to the trace room. All integers are
 * little-endian. A file is a head, blocks, and an end mark; each ends with a checksum that is
 * seeded with the one before it, so that a block which is missing, swapped or from another file
 * shows.
 */
#ifndef SKINK_TRACE_FORMAT_H
#define SKINK_TRACE_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#define TRACE_MAGIC   "skinktr\n"
#define TRACE_VERSION 1

#define TAG_SIZE      4
#define CHECKSUM_SIZE 8

/* The head: magic, version, flags, start, three texts padded with zeros. */
#define HEAD_VERSION   8
#define HEAD_FLAGS     12
#define HEAD_STARTED   16
#define HEAD_HOST      24
#define HEAD_KERNEL    88
#define HEAD_COMMAND   152
#define HEAD_SIZE      408 /* the checksum follows */
#define HEAD_TEXT      64  /* bytes for host and kernel */
#define HEAD_LONG_TEXT 256 /* bytes for the command */
#define HEAD_RESULTS   1u  /* flag: results were recorded */

/* A block: tag, records, time of the first record, raw and packed size of each column; then the
 * packed columns and the checksum. */
#define BLOCK_TAG     0x4b434c42u /* "BLCK" */
#define BLOCK_RECORDS 65536
#define BLOCK_COLUMNS 16
#define BLOCK_HEADER  (BLOCK_COLUMNS + 8 * COLUMNS)

enum column {
    COLUMN_NAMES,   /* the threads of this block: tid and pid of each as varints */
    COLUMN_THREADS, /* 16 bits a record, the place in the column of names, as two planes */
    COLUMN_NUMBERS, /* 16 bits a record as two planes */
    COLUMN_MARKS,   /* what is not a call: place, kind, value */
    COLUMN_TIMES,   /* zigzag differences as planes */
    COLUMN_RESULTS, /* a bit a record, has it one; then the zigzag values as planes */
    COLUMNS
};

#define VARINT_MAX 10

/* The most bytes that a record takes in each raw column. */
#define NAMES_WIDTH   10
#define THREADS_WIDTH 2
#define NUMBERS_WIDTH 2
#define MARKS_WIDTH   (3 + 1 + VARINT_MAX)
#define TIMES_WIDTH   8
#define RESULTS_WIDTH 9
#define WIDEST        MARKS_WIDTH

static const uint8_t COLUMN_WIDTH[COLUMNS] = {NAMES_WIDTH, THREADS_WIDTH, NUMBERS_WIDTH,
                                              MARKS_WIDTH, TIMES_WIDTH,   RESULTS_WIDTH};

/* The end mark: tag, zero, records, calls, lost calls; the checksum follows. */
#define END_TAG     0x2e444e45u /* "END." */
#define END_RECORDS 8
#define END_CALLS   16
#define END_LOST    24
#define END_SIZE    32

static inline void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static inline void put_u64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static inline uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static inline uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

static inline uint64_t trace_checksum(const uint8_t *data, size_t size, uint64_t before)
{
    return XXH3_64bits_withSeed(data, size, before);
}

#endif
