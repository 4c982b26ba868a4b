#include "lab/evaluation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "lab/journal.h"
#include "lab/parallel.h"

/* ---- what is evaluated, and how ---- */

static json_t *traces_json(const struct corpus *corpus)
{
    json_t *json = json_object();
    size_t repeats = 0, like_normal = 0;
    uint64_t calls = 0, faults = 0;
    for (enum trace_label label = LABEL_TRAINING; label <= LABEL_ATTACK; label++)
        json_object_set_new(json, trace_label_name(label),
                            json_integer((json_int_t)corpus_labelled(corpus, label)));
    for (size_t i = 0; i < corpus->count; i++) {
        repeats += corpus->traces[i].repeats;
        like_normal += corpus->traces[i].like_normal;
        calls += corpus->traces[i].count;
        faults += corpus->traces[i].faults;
    }
    json_object_set_new(json, "calls", json_integer((json_int_t)calls));
    json_object_set_new(json, "faults", json_integer((json_int_t)faults));
    json_object_set_new(json, "repeated", json_integer((json_int_t)repeats));
    json_object_set_new(json, "attacks_like_normal", json_integer((json_int_t)like_normal));
    return json;
}

static json_t *method_json(const struct evaluation *evaluation)
{
    const struct method *method = &evaluation->method;
    json_t *given = json_array();
    for (size_t i = 0; i < method->given_count; i++)
        json_array_append_new(given, json_real(method->given[i]));
    return json_pack("{s:s s:s s:b s:f s:o s:b s:i s:I}", "scope", scope_name(method->scope),
                     "score", method->largest ? "max" : "mean", "runs", method->runs,
                     "false_alarms", method->rate, "thresholds", given, "distinct",
                     evaluation->distinct, "bootstrap", (int)evaluation->bootstrap.rounds, "seed",
                     (json_int_t)evaluation->bootstrap.seed);
}

static json_t *head_json(const struct evaluation *evaluation)
{
    autofree char *name = protocol_name(evaluation->protocol);
    autofree char *words = protocol_words(evaluation->protocol);
    char digest[24];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)evaluation->corpus->digest);
    return json_pack("{s:s s:s s:o s:s s:s s:o}", "dataset", evaluation->corpus->dataset.kind,
                     "digest", digest, "traces", traces_json(evaluation->corpus), "protocol", name,
                     "protocol_words", words, "method", method_json(evaluation));
}

/* ---- the trials ---- */

/* The trials of one candidate. */
struct entry {
    const struct candidate *candidate;
    char *key;
    struct trial *trials; /* of each split */
    size_t missing;
    json_t *result; /* NULL: not done */
};

struct work {
    const struct evaluation *evaluation;
    const struct plan *plan;
    struct bench bench;
    struct journal *journal;
    struct entry *entries;
    struct entry **open; /* those not done */
    size_t open_count, done;
    pthread_mutex_t lock; /* of all that changes */
};

static void free_trials(struct entry *entry, size_t count)
{
    for (size_t i = 0; entry->trials && i < count; i++)
        trial_clear(&entry->trials[i]);
    free(take_pointer(entry->trials));
}

/* The last trial of a candidate is done. */
static int conclude(struct work *work, struct entry *entry, struct error *err)
{
    const struct evaluation *evaluation = work->evaluation;
    json_t *result = figures_json(evaluation->corpus, &evaluation->method, &evaluation->bootstrap,
                                  entry->candidate, entry->trials, work->plan->count);
    free_trials(entry, work->plan->count);
    pthread_mutex_lock(&work->lock);
    entry->result = result;
    int failed = work->journal ? journal_add(work->journal, entry->key, result, err) : 0;
    pthread_mutex_unlock(&work->lock);
    return failed;
}

static void count_trial(struct work *work)
{
    const struct watcher *watcher = &work->evaluation->watcher;
    work->done++;
    if (watcher->look)
        watcher->look(watcher->context, work->done, work->open_count * work->plan->count);
}

static int run_trial(void *context, size_t index, struct error *err)
{
    struct work *work = context;
    struct entry *entry = work->open[index / work->plan->count];
    size_t split = index % work->plan->count;
    struct trial trial;
    if (trial_run(&work->bench, entry->candidate, &work->plan->splits[split], &trial, err) < 0)
        return -1;
    pthread_mutex_lock(&work->lock);
    if (!entry->trials)
        entry->trials = memory_must(calloc(work->plan->count, sizeof *entry->trials));
    entry->trials[split] = trial;
    bool last = --entry->missing == 0;
    count_trial(work);
    pthread_mutex_unlock(&work->lock);
    return last ? conclude(work, entry, err) : 0;
}

/* ---- the whole ---- */

static void prepare_entries(struct work *work)
{
    const struct evaluation *evaluation = work->evaluation;
    for (size_t i = 0; i < evaluation->count; i++) {
        struct entry *entry = &work->entries[i];
        entry->candidate = &evaluation->candidates[i];
        entry->missing = work->plan->count;
        if (asprintf(&entry->key, "%s smooth=%u", entry->candidate->specification,
                     entry->candidate->smooth) < 0)
            memory_must(entry->key = NULL);
        entry->result = work->journal ? json_incref(journal_find(work->journal, entry->key)) : NULL;
        if (!entry->result)
            work->open[work->open_count++] = entry;
    }
}

/* Many trials share the cores by trial, few by trace. */
static int run_trials(struct work *work, struct error *err)
{
    size_t trials = work->open_count * work->plan->count;
    unsigned threads = work->evaluation->threads;
    unsigned outer = trials < threads ? (unsigned)trials : threads;
    work->bench = (struct bench){.corpus = work->evaluation->corpus,
                                 .method = &work->evaluation->method,
                                 .threads = outer ? (threads + outer - 1) / outer : 1};
    return parallel_each(trials, outer, run_trial, work, err);
}

static json_t *document(const struct work *work, json_t *head)
{
    json_t *detectors = json_array();
    for (size_t i = 0; i < work->evaluation->count; i++)
        json_array_append(detectors, work->entries[i].result);
    json_object_set_new(head, "detectors", detectors);
    return json_incref(head);
}

static json_t *run_plan(const struct evaluation *evaluation, const struct plan *plan, json_t *head,
                        struct error *err)
{
    autofree struct entry *entries = memory_must(calloc(evaluation->count + 1, sizeof *entries));
    autofree struct entry **open = memory_must(calloc(evaluation->count + 1, sizeof *open));
    struct work work = {.evaluation = evaluation,
                        .plan = plan,
                        .entries = entries,
                        .open = open,
                        .lock = PTHREAD_MUTEX_INITIALIZER};
    if (evaluation->journal && !(work.journal = journal_open(evaluation->journal, head, err)))
        return NULL;
    prepare_entries(&work);
    json_t *done = run_trials(&work, err) < 0 ? NULL : document(&work, head);
    for (size_t i = 0; i < evaluation->count; i++) {
        free_trials(&entries[i], plan->count);
        json_decref(entries[i].result);
        free(entries[i].key);
    }
    journal_close(work.journal);
    return done;
}

json_t *evaluation_run(const struct evaluation *evaluation, struct error *err)
{
    struct plan plan;
    if (plan_make(evaluation->protocol, evaluation->corpus, evaluation->distinct, &plan, err) < 0)
        return NULL;
    json_t *head = head_json(evaluation), *done = run_plan(evaluation, &plan, head, err);
    json_decref(head);
    plan_clear(&plan);
    return done;
}
