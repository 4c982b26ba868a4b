/* The lab: figures against direct counts, thresholds, splits, sweeps, and protocols on traces made
 * by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "lab/figures.h"
#include "lab/journal.h"
#include "lab/parallel.h"
#include "lab/random.h"
#include "lab/sweep.h"
#include "trace/trace.h"

/* Equal but for rounding. */
#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/* ---- curves ---- */

#define SAMPLES 300

/* Few distinct scores, so that many are tied. */
static void draw_samples(uint64_t seed, struct sample samples[SAMPLES])
{
    for (size_t i = 0; i < SAMPLES; i++) {
        bool attack = random_below(&seed, 3) == 0;
        double score = (double)random_below(&seed, 20) + (attack ? 4 : 0);
        samples[i] = (struct sample){.score = score, .trace = (uint32_t)i, .attack = attack};
    }
}

/* Every attack beside every normal sample. */
static double plain_area(const struct sample *samples, const uint32_t *weights)
{
    double above = 0, pairs = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t j = 0; j < SAMPLES; j++) {
            if (!samples[i].attack || samples[j].attack)
                continue;
            double weight = weights ? (double)weights[i] * weights[j] : 1;
            pairs += weight;
            above += samples[i].score > samples[j].score    ? weight
                     : samples[i].score == samples[j].score ? weight / 2
                                                            : 0;
        }
    return above / pairs;
}

static double share_above(const struct sample *samples, double threshold, bool attack)
{
    double above = 0, all = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        all += samples[i].attack == attack;
        above += samples[i].attack == attack && samples[i].score > threshold;
    }
    return above / all;
}

/* Over every threshold there is: the most attacks found at up to fpr, the least fpr from tpr on. */
static double plain_tpr(const struct sample *samples, double fpr)
{
    double best = 0;
    for (int threshold = -1; threshold < 30; threshold++)
        if (share_above(samples, threshold, false) <= fpr + 1e-12)
            best = fmax(best, share_above(samples, threshold, true));
    return best;
}

static double plain_fpr(const struct sample *samples, double tpr)
{
    double best = 1;
    for (int threshold = -1; threshold < 30; threshold++)
        if (share_above(samples, threshold, true) >= tpr - 1e-12)
            best = fmin(best, share_above(samples, threshold, false));
    return best;
}

static void areas_are_those_counted_directly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sample samples[SAMPLES];
        struct roc roc;
        uint32_t weights[SAMPLES];
        uint64_t drawn = seed;
        draw_samples(seed, samples);
        for (size_t i = 0; i < SAMPLES; i++)
            weights[i] = (uint32_t)random_below(&drawn, 4);
        roc_make(&roc, samples, SAMPLES);
        assert_near(roc_area(&roc, NULL), plain_area(samples, NULL));
        assert_near(roc_area(&roc, weights), plain_area(samples, weights));
        for (int i = 0; i <= 20; i++) {
            double share = i / 20.0;
            assert_near(roc_tpr(&roc, share), plain_tpr(samples, share));
            assert_near(roc_fpr(&roc, share), plain_fpr(samples, share));
            double threshold = roc_threshold(&roc, share);
            assert_true(share_above(samples, threshold, false) <= share + 1e-12);
        }
        roc_clear(&roc);
    }
}

static void an_area_of_one_kind_alone_does_not_exist(void **state)
{
    (void)state;
    struct sample samples[] = {{.score = 1}, {.score = 2, .trace = 1}};
    struct roc roc;
    double interval[2];
    roc_make(&roc, samples, 2);
    assert_true(isnan(roc_area(&roc, NULL)));
    assert_true(isnan(roc_tpr(&roc, 0.05)));
    assert_true(isnan(roc_fpr(&roc, 0.9)));
    assert_true(roc_threshold(&roc, 0.5) == 1);
    assert_true(isinf(roc_threshold(&roc, 1)));
    roc_interval(&roc, 1, 2, 10, 1, interval);
    assert_true(isnan(interval[0]) && isnan(interval[1]));
    roc_clear(&roc);
}

static void the_interval_holds_the_area_and_is_the_same_for_a_seed(void **state)
{
    (void)state;
    struct sample samples[SAMPLES];
    struct roc roc;
    double first[2], again[2], other[2];
    draw_samples(7, samples);
    roc_make(&roc, samples, SAMPLES);
    roc_interval(&roc, 1, SAMPLES, 500, 1, first);
    roc_interval(&roc, 1, SAMPLES, 500, 1, again);
    roc_interval(&roc, 1, SAMPLES, 500, 2, other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    double area = roc_area(&roc, NULL);
    assert_true(first[0] < area && area < first[1]);
    /* Hanley & McNeil 1982 give a standard error of about 0.027 for so many samples. */
    assert_true(first[1] - first[0] > 0.06 && first[1] - first[0] < 0.16);
    roc_clear(&roc);
}

static void the_middle_of_values(void **state)
{
    (void)state;
    assert_true(figures_median((double[]){3, 1, 2}, 3) == 2);
    assert_true(figures_median((double[]){4, 1, 2, 3}, 4) == 2.5);
    assert_true(isnan(figures_median((double[]){1, NAN}, 2)));
    assert_true(isnan(figures_median(NULL, 0)));
}

/* ---- sweeps ---- */

static void assert_sweep(const char *text, const char *expected)
{
    struct sweep sweep = {0};
    struct error err;
    char all[512] = "";
    if (sweep_add(&sweep, text, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sweep.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? "; " : "", sweep.text[i]);
    assert_string_equal(all, expected);
    sweep_clear(&sweep);
}

static void sweeps_are_spelled_out(void **state)
{
    (void)state;
    assert_sweep("stide", "stide");
    assert_sweep("stide:window=3..5", "stide:window=3; stide:window=4; stide:window=5");
    assert_sweep("bosc:bag=3/10,epoch=100..200..100",
                 "bosc:bag=3,epoch=100; bosc:bag=3,epoch=200; bosc:bag=10,epoch=100; "
                 "bosc:bag=10,epoch=200");
    assert_sweep("quorum:rule=any/majority(stide:window=3..4 graph)",
                 "quorum:rule=any(stide:window=3 graph); quorum:rule=any(stide:window=4 graph); "
                 "quorum:rule=majority(stide:window=3 graph); "
                 "quorum:rule=majority(stide:window=4 graph)");
    assert_sweep("1/20", "1; 20");
    assert_sweep("markov:weight=0.5/1", "markov:weight=0.5; markov:weight=1");
}

static void sweeps_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const char *texts[] = {"stide:window=6..3", "stide:window=a..3", "stide:window=3//4",
                           "stide:window=3..9..0", "stide:window=0..10000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sweep sweep = {0};
        struct error err;
        assert_int_equal(sweep_add(&sweep, texts[i], &err), -1);
        sweep_clear(&sweep);
    }
}

/* ---- data sets made by hand ---- */

static char folder[] = "/tmp/skink-lab-XXXXXX";

static void make_path(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
}

static void store(const char *name, const char *text)
{
    char path[256];
    make_path(name, path);
    autofile FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
}

static struct corpus open_set(const char *name, uint64_t memory)
{
    char path[256];
    struct corpus corpus;
    struct error err;
    struct watcher nobody = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (corpus_open(path, false, memory, 2, &nobody, &corpus, &err) < 0)
        fail_msg("%s", err.text);
    return corpus;
}

static void repeated_traces_are_known(void **state)
{
    (void)state;
    store("twins/training/a", "1 2 3");
    store("twins/training/b", "1 2 3");
    store("twins/normal/c", "1 2 3");
    store("twins/normal/d", "4 5 6");
    store("twins/attack/x/e", "1 2 3");
    store("twins/attack/x/f", "7 8");
    store("twins/attack/x/g", "7 8");
    struct corpus corpus = open_set("twins", 1 << 20), streamed = open_set("twins", 0);
    const char *repeated = "";
    char text[256] = "";
    for (size_t i = 0; i < corpus.count; i++) {
        const struct corpus_trace *trace = &corpus.traces[i];
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s ", trace->about->name,
                 trace->repeats ? "+" : "", trace->like_normal ? "!" : "");
    }
    repeated = "attack/x/e! attack/x/f attack/x/g+ normal/c+ normal/d training/a training/b+ ";
    assert_string_equal(text, repeated);
    assert_true(corpus.digest == streamed.digest);
    assert_null(streamed.traces[0].calls);
    corpus_clear(&streamed);

    struct protocol protocol;
    struct plan plan;
    struct error err;
    assert_int_equal(protocol_parse("official", &protocol, &err), 0);
    assert_int_equal(plan_make(&protocol, &corpus, false, &plan, &err), 0);
    assert_int_equal(plan.splits[0].learn.count, 2);
    assert_int_equal(plan.splits[0].judge.count, 5);
    plan_clear(&plan);
    assert_int_equal(plan_make(&protocol, &corpus, true, &plan, &err), 0);
    assert_int_equal(plan.splits[0].learn.count, 1);
    assert_int_equal(plan.splits[0].judge.count, 3);
    plan_clear(&plan);
    corpus_clear(&corpus);
}

/* Each normal trace is judged by one fold and learned by the others. */
static void folds_deal_every_trace_once(void **state)
{
    (void)state;
    char name[32], text[16];
    for (int i = 0; i < 11; i++) {
        snprintf(name, sizeof name, "dealt/normal/%02d", i);
        snprintf(text, sizeof text, "%d", i);
        store(name, text);
    }
    store("dealt/attack/a", "99");
    struct corpus corpus = open_set("dealt", 1 << 20);
    struct protocol protocol = protocol_for(&corpus);
    struct plan plan;
    struct error err;
    assert_int_equal(protocol.kind, PROTOCOL_FOLDS);
    assert_int_equal(protocol_parse("folds:k=4,seed=3", &protocol, &err), 0);
    assert_int_equal(plan_make(&protocol, &corpus, false, &plan, &err), 0);
    assert_int_equal(plan.count, 4);
    size_t judged[12] = {0}, learned[12] = {0};
    for (size_t i = 0; i < plan.count; i++) {
        for (size_t j = 0; j < plan.splits[i].judge.count; j++)
            judged[plan.splits[i].judge.index[j]]++;
        for (size_t j = 0; j < plan.splits[i].learn.count; j++)
            learned[plan.splits[i].learn.index[j]]++;
    }
    for (size_t i = 0; i < corpus.count; i++) {
        bool attack = corpus.traces[i].about->label == LABEL_ATTACK;
        assert_int_equal(judged[i], attack ? 4 : 1);
        assert_int_equal(learned[i], attack ? 0 : 3);
    }
    plan_clear(&plan);
    assert_int_equal(protocol_parse("random:share=0.5,times=3,seed=9", &protocol, &err), 0);
    assert_int_equal(plan_make(&protocol, &corpus, false, &plan, &err), 0);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.splits[2].learn.count, 6);
    assert_int_equal(plan.splits[2].judge.count, 5 + 1);
    plan_clear(&plan);
    assert_int_equal(protocol_parse("folds:k=12", &protocol, &err), 0);
    assert_int_equal(plan_make(&protocol, &corpus, false, &plan, &err), -1);
    assert_non_null(strstr(err.text, "11 normal traces"));
    corpus_clear(&corpus);
}

static void protocols_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const char *texts[] = {"none",         "random:share=2", "folds:k=1",      "folds:calls=3",
                           "official:k=2", "folds:k",        "epochs:calls=0", "random:seed=-1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct protocol protocol;
        struct error err;
        assert_int_equal(protocol_parse(texts[i], &protocol, &err), -1);
    }
    const char *names[] = {"official",         "random:seed=7,share=0.25,times=2",
                           "folds:k=3,seed=1", "validated",
                           "lid-ds",           "epochs:calls=0,seconds=1.5,k=2,seed=4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct protocol protocol;
        struct error err;
        assert_int_equal(protocol_parse(names[i], &protocol, &err), 0);
        autofree char *name = protocol_name(&protocol), *words = protocol_words(&protocol);
        assert_string_equal(name, names[i]);
        assert_true(strlen(words) > 20);
    }
}

/* ---- trials ---- */

/* A trace of one thread in Skink's format; a call every second, the first at second `from`. */
static void store_timed(const char *name, unsigned from, const char *numbers)
{
    char path[256];
    struct trace_head head = {.command = "made"};
    struct error err;
    make_path(name, path);
    struct trace_writer *writer = trace_create(path, &head, &err);
    assert_non_null(writer);
    for (; *numbers; numbers++) {
        struct call call = {.time = NS_PER_S * from++,
                            .tid = 1,
                            .pid = 1,
                            .kind = CALL_ENTER,
                            .number = (uint16_t)(*numbers - 'a')};
        assert_int_equal(trace_write(writer, &call, 1, &err), 0);
    }
    assert_int_equal(trace_finish(writer, &err), 0);
}

/* STIDE with windows of 2 learned "abababcabab": every window with another letter is new. */
static struct trial run_set(const struct corpus *corpus, const struct method *method,
                            uint32_t smooth)
{
    struct protocol protocol;
    struct plan plan;
    struct trial trial;
    struct error err;
    struct candidate candidate = {"stide:window=2", smooth};
    struct bench bench = {.corpus = corpus, .method = method, .threads = 2};
    assert_int_equal(protocol_parse("official", &protocol, &err), 0);
    assert_int_equal(plan_make(&protocol, corpus, false, &plan, &err), 0);
    if (trial_run(&bench, &candidate, &plan.splits[0], &trial, &err) < 0)
        fail_msg("%s", err.text);
    plan_clear(&plan);
    return trial;
}

static void store_timed_set(void)
{
    store_timed("timed/training/a", 100, "ababab");
    store_timed("timed/validation/b", 100, "abababab");
    store_timed("timed/normal/c", 100, "abxxabab"); /* one run of bx, xx, xa: 3 of 7 */
    store_timed("timed/normal/d", 100, "abab");
    store_timed("timed/attack/e", 100, "abxabababxxx"); /* the attack begins at 105 */
    store_timed("timed/attack/f", 100, "ababababab");   /* and so here, unseen */
}

static struct corpus open_timed_set(void)
{
    struct corpus corpus = open_set("timed", 1 << 20);
    for (size_t i = 0; i < corpus.count; i++)
        if (corpus.traces[i].about->label == LABEL_ATTACK) {
            corpus.dataset.traces[i].start_known = true;
            corpus.dataset.traces[i].start = 105 * NS_PER_S;
        }
    return corpus;
}

static void store_file(const char *name, const char *text)
{
    char path[256];
    make_path(name, path);
    autofile FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
}

/* What one service does always is an attack in the other; two replicas show one attack. */
static void store_campaign(void)
{
    static const char *const SERVICES[][2] = {{"one", "abababab"}, {"two", "xyxyxyxy"}};
    char name[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "set/calls/training/%s/r.trace", SERVICES[i][0]);
        store_timed(name, 100, SERVICES[i][1]);
        snprintf(name, sizeof name, "set/calls/validation/%s/r.trace", SERVICES[i][0]);
        store_timed(name, 200, SERVICES[i][1]);
        snprintf(name, sizeof name, "set/calls/01-hit/%s/r.trace", SERVICES[i][0]);
        store_timed(name, 300, i ? SERVICES[i][1] : "ababababxyxy"); /* at 308 */
        snprintf(name, sizeof name, "set/calls/02-miss/%s/r.trace", SERVICES[i][0]);
        store_timed(name, 400, SERVICES[i][1]);
    }
    store_timed("set/calls/01-hit/one/s.trace", 300, "abababababax"); /* at 311 */
    store_file("set/campaign.json", "{}");
    store_file("set/truth.jsonl",
               "{\"step\":\"training\",\"kind\":\"benign\",\"name\":\"training\"}\n"
               "{\"step\":\"validation\",\"kind\":\"benign\",\"name\":\"validation\"}\n"
               "{\"step\":\"01-hit\",\"kind\":\"attack\",\"name\":\"hit\",\"succeeded\":true,"
               "\"begin\":\"1970-01-01T00:05:05.000000Z\",\"path\":[\"one\",\"two\"]}\n"
               "{\"step\":\"02-miss\",\"kind\":\"attack\",\"name\":\"miss\",\"succeeded\":true,"
               "\"begin\":\"1970-01-01T00:06:45.000000Z\",\"path\":[\"two\"]}\n");
}

static void a_campaign_learns_each_service_by_itself(void **state)
{
    struct error err;
    struct plan plan;
    struct trial trials[2];
    struct candidate candidate = {"stide:window=2", 1};
    struct method method = {.largest = true, .runs = true};
    struct bootstrap bootstrap = {.rounds = 10, .seed = 1};
    (void)state;
    store_campaign();
    struct corpus corpus = open_set("set", 1 << 20);
    struct protocol protocol = protocol_for(&corpus);
    struct bench bench = {.corpus = &corpus, .method = &method, .threads = 1};
    assert_int_equal(protocol.kind, PROTOCOL_LID_DS);
    assert_int_equal(plan_make(&protocol, &corpus, false, &plan, &err), 0);
    assert_int_equal(plan.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(trial_run(&bench, &candidate, &plan.splits[i], &trials[i], &err), 0);
    json_t *figures = figures_json(&corpus, &method, &bootstrap, &candidate, trials, 2);
    const json_t *at = json_object_get(figures, "at_threshold");
    assert_int_equal(json_integer_value(json_object_get(at, "attacks")), 2);
    assert_int_equal(json_integer_value(json_object_get(at, "attacks_found")), 1);
    assert_int_equal(json_integer_value(json_object_get(at, "false_alarms")), 0);
    /* From 305 to the first of the replicas that alarm: b a b x. */
    assert_near(json_number_value(json_object_get(at, "calls_to_detection")), 4);
    assert_near(json_number_value(json_object_get(at, "recall")), 0.5);
    const json_t *split = json_array_get(json_object_get(figures, "splits"), 1);
    assert_string_equal(json_string_value(json_object_get(split, "service")), "two");
    json_decref(figures);
    trial_clear(&trials[0]);
    trial_clear(&trials[1]);
    plan_clear(&plan);
    corpus_clear(&corpus);
}

static void alarms_count_as_in_lid_ds(void **state)
{
    (void)state;
    struct corpus corpus = open_timed_set();
    struct method method = {.largest = true, .runs = true, .given = {0.5, 1}, .given_count = 2};
    struct trial trial = run_set(&corpus, &method, 1);
    assert_int_equal(trial.attack_count, 2);
    assert_int_equal(trial.alarm_count, 3);
    for (size_t i = 0; i < 2; i++) { /* chosen on validation data (0) and given (0.5): the same */
        const struct alarms *alarms = &trial.alarms[i];
        assert_true(alarms->threshold == (i == 0 ? 0 : 0.5));
        assert_int_equal(alarms->found, 1);
        assert_true(alarms->finds[0].calls == 5); /* a b a b x */
        assert_true(alarms->finds[0].seconds == 4);
        assert_int_equal(alarms->false_alarms, 2); /* in c, and in e before its attack */
    }
    assert_int_equal(trial.alarms[2].found, 0); /* no score is above 1 */
    assert_int_equal(trial.alarms[2].false_alarms, 0);
    assert_int_equal(trial.normal_calls, 8 + 4 + 5 + 5);
    assert_int_equal(trial.normal_ns, (7 + 3 + 4 + 4) * NS_PER_S);

    struct bootstrap bootstrap = {.rounds = 10, .seed = 1};
    json_t *figures = figures_json(&corpus, &method, &bootstrap,
                                   &(struct candidate){"stide:window=2", 1}, &trial, 1);
    json_t *at = json_object_get(figures, "at_threshold");
    assert_near(json_number_value(json_object_get(at, "precision")), 1 / 3.0);
    assert_near(json_number_value(json_object_get(at, "recall")), 0.5);
    assert_near(json_number_value(json_object_get(at, "false_alarms_per_hour")), 2 * 3600.0 / 18);
    json_decref(figures);
    trial_clear(&trial);
    corpus_clear(&corpus);
}

static void a_trace_scores_the_mean_of_its_calls(void **state)
{
    (void)state;
    struct corpus corpus = open_timed_set();
    struct method method = {.rate = 0.05};
    struct trial trial = run_set(&corpus, &method, 1);
    /* e before and in its attack, f so, c, d; the last window before the attack counts in front. */
    const double scores[] = {2 / 4.0, 3 / 7.0, 0, 0, 3 / 7.0, 0};
    const bool attacks[] = {false, true, false, true, false, false};
    assert_int_equal(trial.sample_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_near(trial.samples[i].score, scores[i]);
        assert_int_equal(trial.samples[i].attack, attacks[i]);
    }
    assert_int_equal(trial.alarms[0].false_alarms, 2);
    assert_int_equal(trial.alarms[0].found, 1);
    assert_true(trial.alarms[0].finds[0].calls == 7); /* known when the trace is over */
    trial_clear(&trial);
    corpus_clear(&corpus);
}

static void epochs_end_by_calls_or_by_time(void **state)
{
    (void)state;
    struct corpus corpus = open_timed_set();
    struct method method = {.epoch_calls = 4}, timed = {.epoch_ns = 4 * NS_PER_S};
    for (int i = 0; i < 2; i++) {
        struct trial trial = run_set(&corpus, i ? &timed : &method, 1);
        /* e: 4 + 1, 4 + 3; f: 4 + 1, 4 + 1; c: 4 + 4; d: 4 */
        assert_int_equal(trial.sample_count, 2 + 2 + 2 + 2 + 2 + 1);
        assert_near(trial.samples[3].score, 1); /* x x x after b */
        trial_clear(&trial);
    }
    corpus_clear(&corpus);
}

static void thresholds_need_no_validation_traces(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "plain/training/%d", i);
        store(name, i == 4 ? "1 2 1 2 9 1 2" : "1 2 1 2 1 2");
    }
    store("plain/normal/a", "1 2 1 2");
    store("plain/attack/b", "5 5 5");
    struct corpus corpus = open_set("plain", 0); /* read from the files each time */
    struct method method = {.rate = 0.05};
    struct trial trial = run_set(&corpus, &method, 1);
    /* The trace with the 9 was held out: 2 of its 6 windows are unknown to the others. */
    assert_near(trial.alarms[0].threshold, 2 / 6.0);
    assert_int_equal(trial.learned_calls, 61);
    trial_clear(&trial);
    corpus_clear(&corpus);
}

/* ---- the journal ---- */

static void a_journal_goes_on_after_a_torn_line(void **state)
{
    (void)state;
    char path[256];
    struct error err;
    snprintf(path, sizeof path, "%s/journal", folder);
    json_t *about = json_pack("{s:s, s:f}", "what", "this", "rate", 0.1);
    json_t *other = json_pack("{s:s}", "what", "that");
    json_t *result = json_pack("{s:f}", "auc", 1 / 3.0);
    struct journal *journal = journal_open(path, about, &err);
    assert_non_null(journal);
    assert_null(journal_find(journal, "a"));
    assert_int_equal(journal_add(journal, "a", result, &err), 0);
    journal_close(journal);

    autofile FILE *file = fopen(path, "a");
    fputs("{\"key\": \"b\", \"resu", file);
    fflush(file);
    for (int i = 0; i < 2; i++) {
        journal = journal_open(path, about, &err);
        assert_non_null(journal);
        assert_true(json_equal(journal_find(journal, "a"), result)); /* to the last digit */
        assert_int_equal(journal_find(journal, "b") != NULL, i);
        if (i == 0)
            assert_int_equal(journal_add(journal, "b", result, &err), 0);
        journal_close(journal);
    }
    assert_null(journal_open(path, other, &err));
    assert_non_null(strstr(err.text, "another evaluation"));
    json_decref(about);
    json_decref(other);
    json_decref(result);
}

/* ---- threads ---- */

static int fail_at_seven(void *context, size_t index, struct error *err)
{
    ((unsigned char *)context)[index]++;
    return index == 7 ? error_set(err, EXIT_USAGE, 0, "seven") : 0;
}

static void work_is_done_once_and_stops_at_an_error(void **state)
{
    (void)state;
    unsigned char done[1000] = {0};
    struct error err;
    assert_int_equal(parallel_each(7, 4, fail_at_seven, done, &err), 0);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(done[i], 1);
    assert_int_equal(parallel_each(0, 4, fail_at_seven, done, &err), 0);
    assert_int_equal(parallel_each(1000, 2, fail_at_seven, done, &err), -1);
    assert_string_equal(err.text, "seven");
    assert_true(parallel_cores() >= 1);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    store_timed_set();
    return 0;
}

static int remove_entry(const char *name, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat, (void)type, (void)at;
    return remove(name);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_are_those_counted_directly),
        cmocka_unit_test(an_area_of_one_kind_alone_does_not_exist),
        cmocka_unit_test(the_interval_holds_the_area_and_is_the_same_for_a_seed),
        cmocka_unit_test(the_middle_of_values),
        cmocka_unit_test(sweeps_are_spelled_out),
        cmocka_unit_test(sweeps_that_cannot_be_are_refused),
        cmocka_unit_test(repeated_traces_are_known),
        cmocka_unit_test(folds_deal_every_trace_once),
        cmocka_unit_test(protocols_that_cannot_be_are_refused),
        cmocka_unit_test(a_campaign_learns_each_service_by_itself),
        cmocka_unit_test(alarms_count_as_in_lid_ds),
        cmocka_unit_test(a_trace_scores_the_mean_of_its_calls),
        cmocka_unit_test(epochs_end_by_calls_or_by_time),
        cmocka_unit_test(thresholds_need_no_validation_traces),
        cmocka_unit_test(a_journal_goes_on_after_a_torn_line),
        cmocka_unit_test(work_is_done_once_and_stops_at_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
