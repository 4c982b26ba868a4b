/*
 * One block of a trace, as it is read: unpacked and checked as a whole, then handed out. Private to
 * the trace room.
 */
#ifndef SKINK_TRACE_BLOCK_H
#define SKINK_TRACE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "trace/call.h"

struct block;

/* An empty block; columns: enum trace_columns. NULL: no memory. */
struct block *block_new(unsigned columns);
void block_free(struct block *block);

/* Bytes of a block's packed columns by its header (BLOCK_HEADER bytes); -1 when it is impossible.
 */
long block_packed_size(const uint8_t *header);

/* Unpacks a block: header and packed columns. NULL, or what is wrong with it. */
const char *block_unpack(struct block *block, const uint8_t *data);

/* Hands out up to max of the records that are left; 0 when there are none. */
size_t block_take(struct block *block, struct call *calls, size_t max);

struct block_totals {
    uint64_t records, calls, lost;
};

/* What the block unpacked last holds. */
struct block_totals block_totals(const struct block *block);

#endif
