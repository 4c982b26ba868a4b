/*
 * Calls on their way from a text to the reader, in the order in which they began. A call whose end
 * is still to come holds back those behind it until its result is known, or the queue is full.
 * Private to the trace room.
 */
#ifndef SKINK_TRACE_QUEUE_H
#define SKINK_TRACE_QUEUE_H

#include <stddef.h>

#include "trace/call.h"

#define QUEUE_ROOM 4096 /* a power of two */

/* All zero: empty. */
struct queue {
    uint64_t first, next; /* records handed out, and put in, ever */
    struct call calls[QUEUE_ROOM];
    bool open[QUEUE_ROOM];
};

/* Puts a record in and returns its number. There must be room. */
static inline uint64_t queue_put(struct queue *queue, const struct call *call, bool open)
{
    queue->calls[queue->next % QUEUE_ROOM] = *call;
    queue->open[queue->next % QUEUE_ROOM] = open;
    return queue->next++;
}

static inline size_t queue_room(const struct queue *queue)
{
    return QUEUE_ROOM - (size_t)(queue->next - queue->first);
}

/* The end of a call has come; what has been handed out meanwhile stays without result. */
static inline void queue_answer(struct queue *queue, uint64_t number, bool has_value, int64_t value)
{
    struct call *call = &queue->calls[number % QUEUE_ROOM];
    if (number < queue->first)
        return;
    call->has_value = has_value;
    call->value = has_value ? value : 0;
    queue->open[number % QUEUE_ROOM] = false;
}

/* The first call holds back the others no longer. */
static inline void queue_release(struct queue *queue)
{
    queue->open[queue->first % QUEUE_ROOM] = false;
}

/* Hands out up to max records; all: also those that wait for their end. */
static inline size_t queue_take(struct queue *queue, struct call *calls, size_t max, bool all)
{
    size_t taken = 0;
    for (; taken < max && queue->first < queue->next; queue->first++) {
        if (queue->open[queue->first % QUEUE_ROOM] && !all)
            break;
        calls[taken++] = queue->calls[queue->first % QUEUE_ROOM];
    }
    return taken;
}

#endif
