/* Events on their way from the engines' threads to the agent, announced by an eventfd. */
#ifndef SKINK_WORKLOAD_QUEUE_H
#define SKINK_WORKLOAD_QUEUE_H

#include "workload/workload.h"

struct queue;

struct queue *queue_new(struct error *err);
void queue_free(struct queue *queue);

int queue_fd(const struct queue *queue);

/* Never waits. */
void queue_push(struct queue *queue, const struct workload_event *event);

bool queue_pop(struct queue *queue, struct workload_event *event);

/* Waits while the agent is far behind, so that an engine cannot make the queue grow without end. */
void queue_wait(struct queue *queue);

/* Frees whoever waits in queue_wait. */
void queue_close(struct queue *queue);

#endif
