#include "lab/corpus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "lab/parallel.h"
#include "trace/trace.h"

struct loading {
    struct corpus *corpus;
    atomic_ullong memory; /* bytes still free */
    const struct watcher *watcher;
    pthread_mutex_t lock; /* of what follows */
    size_t done;
};

/* What is found out about a trace while it is read for the first time. */
struct intake {
    struct corpus_trace *trace;
    XXH3_state_t *hash;
    struct call *kept;
    size_t room;
    bool keep;
    atomic_ullong *memory;
};

/* Takes bytes off the memory that is free; false when there are not as many. */
static bool reserve(atomic_ullong *memory, size_t bytes)
{
    unsigned long long free_now = atomic_load(memory);
    while (free_now >= bytes)
        if (atomic_compare_exchange_weak(memory, &free_now, free_now - bytes))
            return true;
    return false;
}

static void give_up(struct intake *intake)
{
    free(take_pointer(intake->kept));
    atomic_fetch_add(intake->memory, intake->room * sizeof *intake->kept);
    intake->keep = false;
}

static void keep_calls(struct intake *intake, const struct call *calls, size_t count)
{
    size_t records = intake->trace->records, more = intake->room;
    if (records + count > intake->room) {
        more = more > count ? more : count;
        if (!reserve(intake->memory, more * sizeof *calls)) {
            give_up(intake);
            return;
        }
        intake->room += more;
        intake->kept = memory_must(reallocarray(intake->kept, intake->room, sizeof *intake->kept));
    }
    memcpy(intake->kept + records, calls, count * sizeof *calls);
}

static void take_in(void *context, const struct call *calls, size_t count)
{
    struct intake *intake = context;
    struct corpus_trace *trace = intake->trace;
    for (size_t i = 0; i < count; i++) {
        const struct call *call = &calls[i];
        const uint16_t shape[] = {call->kind, call->kind == CALL_ENTER ? call->number : 0};
        XXH3_128bits_update(intake->hash, shape, sizeof shape);
        trace->count += call->kind == CALL_ENTER;
        if (call->time && (!trace->first || call->time < trace->first))
            trace->first = call->time;
        trace->last = call->time > trace->last ? call->time : trace->last;
    }
    if (intake->keep)
        keep_calls(intake, calls, count);
    trace->records += count;
}

static int read_file(const struct corpus *corpus, const struct dataset_trace *about,
                     void (*visit)(void *context, const struct call *calls, size_t count),
                     void *context, uint64_t *faults, struct error *err)
{
    struct call calls[CORPUS_BLOCK];
    struct trace_reader *reader =
        trace_open_as(about->path, TRACE_TIMES, &corpus->dataset.options, err);
    if (!reader)
        return -1;
    int count;
    while ((count = trace_read(reader, calls, CORPUS_BLOCK, err)) > 0)
        visit(context, calls, (size_t)count);
    *faults = trace_faults(reader)->skipped + trace_faults(reader)->unnamed;
    trace_close(reader);
    return count;
}

static int load_trace(void *context, size_t index, struct error *err)
{
    struct loading *loading = context;
    struct corpus_trace *trace = &loading->corpus->traces[index];
    struct intake intake = {.trace = trace,
                            .hash = memory_must(XXH3_createState()),
                            .keep = true,
                            .memory = &loading->memory};
    XXH3_128bits_reset(intake.hash);
    int failed = read_file(loading->corpus, trace->about, take_in, &intake, &trace->faults, err);
    XXH128_hash_t digest = XXH3_128bits_digest(intake.hash);
    XXH3_freeState(intake.hash);
    trace->digest[0] = digest.low64;
    trace->digest[1] = digest.high64;
    if (intake.keep && trace->records) { /* what was kept in reserve is free again */
        trace->calls = memory_must(reallocarray(intake.kept, trace->records, sizeof *intake.kept));
        atomic_fetch_add(&loading->memory, (intake.room - trace->records) * sizeof *trace->calls);
    }
    pthread_mutex_lock(&loading->lock);
    loading->done++;
    if (loading->watcher->look)
        loading->watcher->look(loading->watcher->context, loading->done, loading->corpus->count);
    pthread_mutex_unlock(&loading->lock);
    return failed;
}

/* ---- traces with the same calls ---- */

static int by_digest(const void *a, const void *b)
{
    const struct corpus_trace *one = *(struct corpus_trace *const *)a;
    const struct corpus_trace *two = *(struct corpus_trace *const *)b;
    int order = memcmp(one->digest, two->digest, sizeof one->digest);
    if (order == 0) /* training first, attacks last, then by name */
        order = (int)one->about->label - (int)two->about->label;
    return order ? order : (one > two) - (one < two);
}

static void find_repeats(struct corpus *corpus)
{
    autofree struct corpus_trace **sorted = memory_must(calloc(corpus->count + 1, sizeof *sorted));
    for (size_t i = 0; i < corpus->count; i++)
        sorted[i] = &corpus->traces[i];
    qsort(sorted, corpus->count, sizeof *sorted, by_digest);
    const struct corpus_trace *first = NULL; /* of those with the same calls */
    for (size_t i = 0; i < corpus->count; i++) {
        struct corpus_trace *trace = sorted[i];
        if (!first || memcmp(first->digest, trace->digest, sizeof trace->digest) != 0) {
            first = trace;
            continue;
        }
        bool attack = trace->about->label == LABEL_ATTACK;
        trace->repeats = attack == (sorted[i - 1]->about->label == LABEL_ATTACK);
        trace->like_normal = attack && first->about->label != LABEL_ATTACK;
    }
}

static uint64_t digest_all(const struct corpus *corpus)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_trace *trace = &corpus->traces[i];
        const uint64_t parts[] = {digest, trace->digest[0], trace->digest[1],
                                  (uint64_t)trace->about->label};
        digest = XXH3_64bits(parts, sizeof parts);
    }
    return digest;
}

/* ---- the room's face ---- */

int corpus_open(const char *path, bool lenient, uint64_t memory, unsigned threads,
                const struct watcher *watcher, struct corpus *corpus, struct error *err)
{
    *corpus = (struct corpus){0};
    if (dataset_open(path, &corpus->dataset, err) < 0)
        return -1;
    corpus->dataset.options.lenient = lenient;
    corpus->count = corpus->dataset.count;
    corpus->traces = memory_must(calloc(corpus->count, sizeof *corpus->traces));
    for (size_t i = 0; i < corpus->count; i++)
        corpus->traces[i].about = &corpus->dataset.traces[i];
    struct loading loading = {
        .corpus = corpus, .memory = memory, .watcher = watcher, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (parallel_each(corpus->count, threads, load_trace, &loading, err) < 0) {
        corpus_clear(corpus);
        return -1;
    }
    find_repeats(corpus);
    corpus->digest = digest_all(corpus);
    return 0;
}

void corpus_clear(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->count; i++)
        free(corpus->traces[i].calls);
    free(corpus->traces);
    dataset_clear(&corpus->dataset);
    *corpus = (struct corpus){0};
}

int corpus_visit(const struct corpus *corpus, size_t trace,
                 void (*visit)(void *context, const struct call *calls, size_t count),
                 void *context, struct error *err)
{
    const struct corpus_trace *read = &corpus->traces[trace];
    uint64_t faults; /* known from the first reading */
    if (!read->calls)
        return read_file(corpus, read->about, visit, context, &faults, err);
    for (size_t i = 0; i < read->records; i += CORPUS_BLOCK)
        visit(context, read->calls + i,
              read->records - i < CORPUS_BLOCK ? read->records - i : CORPUS_BLOCK);
    return 0;
}

size_t corpus_labelled(const struct corpus *corpus, enum trace_label label)
{
    size_t count = 0;
    for (size_t i = 0; i < corpus->count; i++)
        count += corpus->traces[i].about->label == label;
    return count;
}
