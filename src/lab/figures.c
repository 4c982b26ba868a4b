#include "lab/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "lab/found.h"

#define ROC_POINTS 200 /* of the curve, denser where there are few false alarms */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

double figures_median(double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return NAN;
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* ---- over all thresholds ---- */

static double mean_area(const struct roc *rocs, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += roc_area(&rocs[i], NULL) / (double)count;
    return sum;
}

static double mean_of(double (*of)(const struct roc *roc, double at), double at,
                      const struct roc *rocs, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += of(&rocs[i], at) / (double)count;
    return sum;
}

/* Averaged over the splits at equal shares of false alarms (Fawcett 2006, section 7.1). */
static json_t *roc_json(const struct roc *rocs, size_t count)
{
    json_t *curve = json_array();
    for (int i = 0; i <= ROC_POINTS; i++) {
        double fpr = (double)i * i / ROC_POINTS / ROC_POINTS;
        json_array_append_new(curve,
                              json_pack("[f, o]", fpr, number(mean_of(roc_tpr, fpr, rocs, count))));
    }
    return curve;
}

static void add_areas(const struct corpus *corpus, const struct bootstrap *bootstrap,
                      const struct roc *rocs, size_t count, json_t *json)
{
    double interval[2];
    roc_interval(rocs, count, corpus->count, bootstrap->rounds, bootstrap->seed, interval);
    json_object_set_new(json, "auc", number(mean_area(rocs, count)));
    json_object_set_new(json, "auc_interval",
                        json_pack("[o, o]", number(interval[0]), number(interval[1])));
    json_object_set_new(json, "tpr_at_fpr",
                        json_pack("{s:o s:o s:o}", "0.01",
                                  number(mean_of(roc_tpr, 0.01, rocs, count)), "0.05",
                                  number(mean_of(roc_tpr, 0.05, rocs, count)), "0.15",
                                  number(mean_of(roc_tpr, 0.15, rocs, count))));
    json_object_set_new(json, "fpr_at_tpr90", number(mean_of(roc_fpr, 0.9, rocs, count)));
}

/* ---- at a threshold ---- */

struct counts {
    double true_alarms, false_alarms, missed, quiet;
};

static struct counts count_samples(const struct trial *trial, double threshold)
{
    struct counts counts = {0};
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct sample *sample = &trial->samples[i];
        bool alarm = sample->score > threshold;
        if (sample->attack)
            *(alarm ? &counts.true_alarms : &counts.missed) += 1;
        else
            *(alarm ? &counts.false_alarms : &counts.quiet) += 1;
    }
    return counts;
}

static json_t *alarms_json(const struct corpus *corpus, const struct method *method,
                           const struct trial *trials, size_t count, size_t which)
{
    struct counts sum = {0};
    struct found found = found_sum(corpus, trials, count, which, NULL);
    double threshold = 0, alarms = 0, calls = 0, hours = 0;
    for (size_t i = 0; i < count; i++) {
        const struct alarms *raised = &trials[i].alarms[which];
        struct counts counts = count_samples(&trials[i], raised->threshold);
        threshold += raised->threshold / (double)count;
        alarms += (double)raised->false_alarms;
        calls += (double)trials[i].normal_calls;
        hours += (double)trials[i].normal_ns / (double)NS_PER_S / 3600;
        sum.true_alarms += counts.true_alarms;
        sum.false_alarms += method->runs ? (double)raised->false_alarms : counts.false_alarms;
        sum.missed += counts.missed;
        sum.quiet += counts.quiet;
    }
    if (method->runs) {
        sum.true_alarms = (double)found.found;
        sum.missed = (double)(found.attacks - found.found);
    }
    if (!isfinite(threshold)) /* none was chosen */
        return json_null();
    double precision = sum.true_alarms / (sum.true_alarms + sum.false_alarms);
    double recall = sum.true_alarms / (sum.true_alarms + sum.missed);
    return json_pack(
        "{s:f s:o s:o s:o s:o s:I s:o s:o s:I s:I s:o s:o}", "threshold", threshold, "precision",
        number(precision), "recall", number(recall), "f1",
        number(2 * sum.true_alarms / (2 * sum.true_alarms + sum.false_alarms + sum.missed)),
        "false_alarm_rate",
        method->runs ? json_null() : number(sum.false_alarms / (sum.false_alarms + sum.quiet)),
        "false_alarms", (json_int_t)alarms, "false_alarms_per_hour",
        hours > 0 ? number(alarms / hours) : json_null(), "false_alarms_per_million_calls",
        number(alarms / calls * 1e6), "attacks", (json_int_t)found.attacks, "attacks_found",
        (json_int_t)found.found, "calls_to_detection", number(found.calls), "seconds_to_detection",
        number(found.seconds));
}

static json_t *given_json(const struct corpus *corpus, const struct method *method,
                          const struct trial *trials, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < method->given_count; i++)
        json_array_append_new(array, alarms_json(corpus, method, trials, count, 1 + i));
    return array;
}

/* ---- per kind of attack ---- */

/* The normal samples and the attacks of one kind. */
static void pick_kind(const struct corpus *corpus, const struct trial *trial, const char *kind,
                      struct roc *roc)
{
    autofree struct sample *picked = memory_must(calloc(trial->sample_count + 1, sizeof *picked));
    size_t count = 0;
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct sample *sample = &trial->samples[i];
        const char *attack = corpus->traces[sample->trace].about->attack;
        if (!sample->attack || strcmp(attack, kind) == 0)
            picked[count++] = *sample;
    }
    roc_make(roc, picked, count);
}

/* Each attack once, in whichever split it was judged. */
static json_t *kind_of_many(const struct found *found, const char *kind)
{
    return json_pack("{s:s s:I s:n s:n s:o}", "kind", kind, "samples", (json_int_t)found->attacks,
                     "auc", "tpr_at_fpr5", "recall",
                     number((double)found->found / (double)found->attacks));
}

static json_t *kind_json(const struct corpus *corpus, const struct trial *trials, size_t count,
                         const char *kind)
{
    double area = 0, found = 0, recall = 0;
    uint64_t samples = 0;
    for (size_t i = 0; i < count; i++) {
        struct roc roc;
        pick_kind(corpus, &trials[i], kind, &roc);
        struct counts counts = {0};
        for (size_t j = 0; j < roc.count; j++)
            counts.true_alarms +=
                roc.samples[j].attack && roc.samples[j].score > trials[i].alarms[0].threshold;
        area += roc_area(&roc, NULL) / (double)count;
        found += roc_tpr(&roc, 0.05) / (double)count;
        recall += isnan(trials[i].alarms[0].threshold)
                      ? NAN
                      : counts.true_alarms / (double)roc.attacks / (double)count;
        samples = roc.attacks;
        roc_clear(&roc);
    }
    return json_pack("{s:s s:I s:o s:o s:o}", "kind", kind, "samples", (json_int_t)samples, "auc",
                     number(area), "tpr_at_fpr5", number(found), "recall", number(recall));
}

static json_t *kinds_json(const struct corpus *corpus, const struct trial *trials, size_t count)
{
    json_t *array = json_array(), *seen = json_object();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct dataset_trace *about = corpus->traces[i].about;
        const char *kind = about->attack;
        if (about->label != LABEL_ATTACK || json_object_get(seen, kind))
            continue;
        struct found found = found_sum(corpus, trials, count, 0, kind);
        json_t *json =
            about->occurrence ? kind_of_many(&found, kind) : kind_json(corpus, trials, count, kind);
        json_object_set_new(json, "calls_to_detection", number(found.calls));
        json_object_set_new(json, "seconds_to_detection", number(found.seconds));
        json_object_set_new(seen, kind, json_true());
        json_array_append_new(array, json);
    }
    json_decref(seen);
    return array;
}

/* ---- what it costs, and how it grew ---- */

static json_t *cost_json(const struct trial *trials, size_t count)
{
    double judged = 0, judge_s = 0, learned = 0, learn_s = 0, memory = 0;
    for (size_t i = 0; i < count; i++) {
        judged += (double)trials[i].judged_calls;
        judge_s += (double)trials[i].judge_ns / (double)NS_PER_S;
        learned += (double)trials[i].learned_calls;
        learn_s += (double)trials[i].learn_ns / (double)NS_PER_S;
        memory = fmax(memory, (double)trials[i].memory);
    }
    return json_pack("{s:o s:o s:I s:f s:I}", "calls_per_second", number(judged / judge_s),
                     "learned_calls_per_second", number(learned / learn_s), "memory",
                     (json_int_t)memory, "training_seconds", learn_s / (double)count, "patterns",
                     (json_int_t)(trials[0].curve_count
                                      ? trials[0].curve[trials[0].curve_count - 1].patterns
                                      : 0));
}

static json_t *growth_json(const struct trial *trial)
{
    json_t *curve = json_array();
    for (size_t i = 0; i < trial->curve_count; i++)
        json_array_append_new(curve, json_pack("[I, I]", (json_int_t)trial->curve[i].calls,
                                               (json_int_t)trial->curve[i].patterns));
    return curve;
}

static json_t *splits_json(const struct roc *rocs, const struct trial *trials, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *split = json_pack("{s:o s:o s:o}", "auc", number(roc_area(&rocs[i], NULL)),
                                  "tpr_at_fpr5", number(roc_tpr(&rocs[i], 0.05)), "threshold",
                                  number(trials[i].alarms[0].threshold));
        if (trials[i].service[0]) {
            json_object_set_new(split, "service", json_string(trials[i].service));
            json_object_set_new(split, "false_alarms",
                                json_integer((json_int_t)trials[i].alarms[0].false_alarms));
        }
        json_array_append_new(array, split);
    }
    return array;
}

/* Copies of those that tell attacks from what is normal; all when there is none. How many. */
static size_t telling(const struct roc *rocs, size_t count, struct roc *some)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        if (rocs[i].attacks && rocs[i].normals)
            some[length++] = rocs[i];
    if (length)
        return length;
    memcpy(some, rocs, count * sizeof *rocs);
    return count;
}

/* ---- which detector it is ---- */

/* A number where it is one, otherwise text. */
static json_t *parameter_json(const char *value)
{
    struct error err;
    double real;
    if (parse_double("", value, -1e15, 1e15, &real, &err) < 0)
        return json_string(value);
    return real == floor(real) ? json_integer((json_int_t)real) : json_real(real);
}

/* Of "kind:name=value,name=value(member member)". */
static json_t *parameters_json(const char *name)
{
    json_t *json = json_object(), *members = json_array();
    autofree char *copy = memory_must(strdup(name));
    char *within = copy, *parameters = strsep(&within, "(");
    strsep(&parameters, ":");
    for (char *value; (value = strsep(&parameters, ","));) {
        char *key = strsep(&value, "=");
        if (value)
            json_object_set_new(json, key, parameter_json(value));
    }
    for (char *member; (member = strsep(&within, " )"));)
        if (*member)
            json_array_append_new(members, json_string(member));
    if (json_array_size(members))
        json_object_set(json, "members", members);
    json_decref(members);
    return json;
}

json_t *figures_json(const struct corpus *corpus, const struct method *method,
                     const struct bootstrap *bootstrap, const struct candidate *candidate,
                     const struct trial *trials, size_t count)
{
    autofree struct roc *rocs = memory_must(calloc(count, sizeof *rocs));
    autofree struct roc *some = memory_must(calloc(count, sizeof *some));
    for (size_t i = 0; i < count; i++)
        roc_make(&rocs[i], trials[i].samples, trials[i].sample_count);
    size_t some_count = telling(rocs, count, some);
    const char *asked = candidate->specification;
    json_t *json = json_pack("{s:s% s:s s:o s:s s:i}", "name", asked, strcspn(asked, ":("), "asked",
                             asked, "params", parameters_json(trials[0].name), "specification",
                             trials[0].name, "smooth", (int)candidate->smooth);
    add_areas(corpus, bootstrap, some, some_count, json);
    json_object_set_new(json, "at_threshold", alarms_json(corpus, method, trials, count, 0));
    json_object_set_new(json, "at_given_thresholds", given_json(corpus, method, trials, count));
    json_object_set_new(json, "attacks", kinds_json(corpus, trials, count));
    json_object_set_new(json, "cost", cost_json(trials, count));
    json_object_set_new(json, "splits", splits_json(rocs, trials, count));
    json_object_set_new(json, "roc", roc_json(some, some_count));
    json_object_set_new(json, "growth", growth_json(&trials[0]));
    for (size_t i = 0; i < count; i++)
        roc_clear(&rocs[i]);
    return json;
}
