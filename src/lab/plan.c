#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "lab/protocol.h"
#include "lab/random.h"

static void traces_add(struct traces *traces, size_t index)
{
    size_t count = traces->count;
    if ((count & (count - 1)) == 0) /* full at each power of two */
        traces->index =
            memory_must(reallocarray(traces->index, count ? 2 * count : 1, sizeof *traces->index));
    traces->index[traces->count++] = index;
}

static bool takes_part(const struct corpus *corpus, size_t index, bool distinct)
{
    return !distinct || !corpus->traces[index].repeats;
}

static void split_clear(struct split *split)
{
    free(split->learn.index);
    free(split->choose.index);
    free(split->judge.index);
}

static struct traces *place(struct split *split, enum trace_label label)
{
    return label == LABEL_TRAINING     ? &split->learn
           : label == LABEL_VALIDATION ? &split->choose
                                       : &split->judge;
}

/* The split of a service, which is made when there is none. */
static struct split *split_of(struct plan *plan, const char *service)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->splits[i].service, service) == 0)
            return &plan->splits[i];
    plan->splits = memory_must(reallocarray(plan->splits, plan->count + 1, sizeof *plan->splits));
    plan->splits[plan->count] = (struct split){.service = service};
    return &plan->splits[plan->count++];
}

/* A service that cannot be learned, or was never seen again, is left out. */
static bool is_of_use(const struct split *split)
{
    return split->judge.count && split->learn.count &&
           (split->choose.count || split->learn.count > 1);
}

/* Each service is learned by itself, where the set tells services apart. */
static void deal_own(const struct corpus *corpus, bool distinct, struct plan *plan)
{
    for (size_t i = 0; i < corpus->count; i++) {
        const struct dataset_trace *about = corpus->traces[i].about;
        if (takes_part(corpus, i, distinct))
            traces_add(place(split_of(plan, about->service), about->label), i);
    }
    size_t kept = 0;
    for (size_t i = 0; i < plan->count && plan->count > 1; i++) {
        if (is_of_use(&plan->splits[i]))
            plan->splits[kept++] = plan->splits[i];
        else
            split_clear(&plan->splits[i]);
    }
    if (plan->count > 1)
        plan->count = kept;
}

static struct traces normal_traces(const struct corpus *corpus, bool distinct)
{
    struct traces normal = {0};
    for (size_t i = 0; i < corpus->count; i++)
        if (corpus->traces[i].about->label != LABEL_ATTACK && takes_part(corpus, i, distinct))
            traces_add(&normal, i);
    return normal;
}

/* Normal traces [from, to) are judged, the others learned; all attacks are judged. */
static void deal(const struct corpus *corpus, bool distinct, const struct traces *normal,
                 size_t from, size_t to, struct split *split)
{
    for (size_t i = 0; i < normal->count; i++)
        traces_add(i >= from && i < to ? &split->judge : &split->learn, normal->index[i]);
    for (size_t i = 0; i < corpus->count; i++)
        if (corpus->traces[i].about->label == LABEL_ATTACK && takes_part(corpus, i, distinct))
            traces_add(&split->judge, i);
}

static void deal_random(const struct protocol *protocol, const struct corpus *corpus, bool distinct,
                        struct plan *plan)
{
    uint64_t state = protocol->seed;
    struct traces normal = normal_traces(corpus, distinct);
    size_t learned = (size_t)(protocol->share * (double)normal.count + 0.5);
    for (size_t i = 0; i < plan->count; i++) {
        random_shuffle(&state, normal.index, normal.count);
        deal(corpus, distinct, &normal, learned, normal.count, &plan->splits[i]);
    }
    free(normal.index);
}

static void deal_folds(const struct protocol *protocol, const struct corpus *corpus, bool distinct,
                       struct plan *plan)
{
    uint64_t state = protocol->seed;
    struct traces normal = normal_traces(corpus, distinct);
    random_shuffle(&state, normal.index, normal.count);
    for (size_t i = 0; i < plan->count; i++)
        deal(corpus, distinct, &normal, i * normal.count / plan->count,
             (i + 1) * normal.count / plan->count, &plan->splits[i]);
    free(normal.index);
}

/* Splits that are there beforehand. */
static size_t split_count(const struct protocol *protocol, bool own)
{
    return own ? 0 : protocol->kind == PROTOCOL_RANDOM ? protocol->times : protocol->folds;
}

int plan_make(const struct protocol *protocol, const struct corpus *corpus, bool distinct,
              struct plan *plan, struct error *err)
{
    size_t normal = corpus->count - corpus_labelled(corpus, LABEL_ATTACK);
    bool own = protocol->kind != PROTOCOL_RANDOM && protocol->kind != PROTOCOL_FOLDS;
    if (protocol->kind == PROTOCOL_EPOCHS && !corpus_labelled(corpus, LABEL_TRAINING))
        own = false;
    if (protocol->kind == PROTOCOL_VALIDATED && !corpus_labelled(corpus, LABEL_VALIDATION))
        return error_set(err, EXIT_USAGE, 0,
                         "the data set has no validation traces (try --protocol official, which "
                         "chooses thresholds by training traces that it holds out)");
    plan->count = split_count(protocol, own);
    if (!own && protocol->kind != PROTOCOL_RANDOM && plan->count > normal)
        return error_set(err, EXIT_USAGE, 0,
                         "%zu normal traces cannot be cut into %zu folds (give a smaller k)",
                         normal, plan->count);
    plan->splits = memory_must(calloc(plan->count + 1, sizeof *plan->splits));
    for (size_t i = 0; i < plan->count; i++)
        plan->splits[i].service = "";
    if (own)
        deal_own(corpus, distinct, plan);
    else if (protocol->kind == PROTOCOL_RANDOM)
        deal_random(protocol, corpus, distinct, plan);
    else
        deal_folds(protocol, corpus, distinct, plan);
    bool whole = plan->count > 0;
    for (size_t i = 0; i < plan->count; i++)
        whole &= plan->splits[i].learn.count && plan->splits[i].judge.count;
    if (!whole) {
        plan_clear(plan);
        return error_set(err, EXIT_USAGE, 0,
                         "the data set leaves nothing to learn or nothing to judge (try another "
                         "--protocol: folds and random deal the normal traces anew)");
    }
    return 0;
}

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        split_clear(&plan->splits[i]);
    free(plan->splits);
    *plan = (struct plan){0};
}
