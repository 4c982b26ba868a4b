#include "workload/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"

/* As many events may wait before the engines' threads do. */
#define ROOM 256

struct item {
    STAILQ_ENTRY(item) next;
    struct workload_event event;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t room;
    int fd;
    bool closed;
    size_t count;
    STAILQ_HEAD(, item) items;
};

struct queue *queue_new(struct error *err)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (queue)
        queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!queue || queue->fd < 0) {
        error_set(err, EXIT_MACHINE, errno, "cannot watch containers");
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->room, NULL);
    STAILQ_INIT(&queue->items);
    return queue;
}

void queue_free(struct queue *queue)
{
    struct item *item;
    if (!queue)
        return;
    while ((item = STAILQ_FIRST(&queue->items))) {
        STAILQ_REMOVE_HEAD(&queue->items, next);
        free(item);
    }
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->lock);
    close(queue->fd);
    free(queue);
}

int queue_fd(const struct queue *queue)
{
    return queue->fd;
}

void queue_push(struct queue *queue, const struct workload_event *event)
{
    struct item *item = malloc(sizeof *item);
    if (!item) {
        log_warn("out of memory: an event of container %s is lost", event->workload.name);
        return;
    }
    item->event = *event;
    pthread_mutex_lock(&queue->lock);
    STAILQ_INSERT_TAIL(&queue->items, item, next);
    queue->count++;
    eventfd_write(queue->fd, 1);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_pop(struct queue *queue, struct workload_event *event)
{
    eventfd_t announced;
    pthread_mutex_lock(&queue->lock);
    struct item *item = STAILQ_FIRST(&queue->items);
    if (item) {
        STAILQ_REMOVE_HEAD(&queue->items, next);
        queue->count--;
        pthread_cond_broadcast(&queue->room);
    } else {
        eventfd_read(queue->fd, &announced);
    }
    pthread_mutex_unlock(&queue->lock);
    if (item)
        *event = item->event;
    free(item);
    return item != NULL;
}

void queue_wait(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count >= ROOM && !queue->closed)
        pthread_cond_wait(&queue->room, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->lock);
}
