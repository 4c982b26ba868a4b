#include "detect/streams.h"

#include "base/memory.h"

#define BITS_MIN 4

static struct stream **chain(const struct streams *streams, uint32_t key)
{
    return &streams->chains[key * 0x9e3779b1U >> (32 - streams->bits)];
}

/* The link that leads to the stream, or the end of its chain. */
static struct stream **find(const struct streams *streams, uint32_t key)
{
    struct stream **link = chain(streams, key);
    while (*link && (*link)->key != key)
        link = &(*link)->next;
    return link;
}

static void make_chains(struct streams *streams, unsigned bits)
{
    streams->bits = bits;
    streams->chains = memory_must(calloc((size_t)1 << bits, sizeof *streams->chains));
}

void streams_init(struct streams *streams, uint32_t smooth)
{
    *streams = (struct streams){.smooth = smooth};
    make_chains(streams, BITS_MIN);
}

void streams_free(struct streams *streams)
{
    for (struct stream *stream; (stream = streams_take_any(streams));)
        stream_free(stream);
    free(streams->chains);
}

static void grow(struct streams *streams)
{
    struct stream **old = streams->chains;
    size_t chains = (size_t)1 << streams->bits;
    make_chains(streams, streams->bits + 1);
    for (size_t i = 0; i < chains; i++)
        for (struct stream *stream = old[i], *next; stream; stream = next) {
            struct stream **first = chain(streams, stream->key);
            next = stream->next;
            stream->next = *first;
            *first = stream;
        }
    free(old);
}

static struct stream *stream_new(const struct detector *detector, uint32_t key, uint32_t smooth)
{
    struct stream *stream = memory_must(malloc(sizeof *stream));
    *stream = (struct stream){
        .key = key, .first = -1, .last = -1, .state = detector_stream_new(detector)};
    smoothing_init(&stream->smoothing, smooth);
    return stream;
}

struct stream *streams_get(struct streams *streams, const struct detector *detector, uint32_t key)
{
    struct stream **link = find(streams, key);
    struct stream *found = *link;
    if (found)
        return found;
    if (streams->count++ >> streams->bits && streams->bits < 31) {
        grow(streams);
        link = find(streams, key);
    }
    return *link = stream_new(detector, key, streams->smooth);
}

static struct stream *take_out(struct streams *streams, struct stream **link)
{
    struct stream *stream = *link;
    if (stream) {
        *link = stream->next;
        streams->count--;
    }
    return stream;
}

struct stream *streams_take(struct streams *streams, uint32_t key)
{
    return take_out(streams, find(streams, key));
}

struct stream *streams_take_any(struct streams *streams)
{
    for (size_t i = 0; streams->count && i < (size_t)1 << streams->bits; i++)
        if (streams->chains[i])
            return take_out(streams, &streams->chains[i]);
    return NULL;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    detector_stream_free(stream->state);
    smoothing_free(&stream->smoothing);
    free(stream);
}
