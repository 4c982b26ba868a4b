/* `skink eval`: detectors compared on a data set. */
#include "cmd/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "lab/evaluation.h"
#include "lab/parallel.h"
#include "lab/report.h"
#include "lab/sweep.h"

static const struct cmd_option OPTIONS[] = {
    {"detector", 'd', "SPEC", "a detector (stide:window=6); may be repeated (default stide, bosc)"},
    {"protocol", 'p', "NAME", "official, random, folds, validated, lid-ds, epochs (docs/eval.md)"},
    {"score", 's', "HOW", "a trace's score: the mean of its calls' (default) or their max"},
    {"scope", 'S', "WHOSE", "calls of one thread (default), process or container are a stream"},
    {"smooth", 'w', "N", "a call's score is the sum of the last N, as in a locality frame (1)"},
    {"false-alarms", 'a', "SHARE", "of normal data that the threshold lets alarm (default 0.05)"},
    {"threshold", 't', "SCORE", "further thresholds, as a list: 5/10/20"},
    {"distinct", 'u', NULL, "leave out traces whose calls another one has"},
    {"lenient", 'l', NULL, "count malformed lines of the traces instead of refusing them"},
    {"memory", 'm', "SIZE", "calls beyond it are read anew from the files (default 2GiB)"},
    {"rounds", 'b', "N", "of the bootstrap for the AUC's interval (default 1000)"},
    {"seed", 0, "N", "of the bootstrap (default 1)"},
    {"cores", 'c', "N", "to use (default all)"},
    {"resume", 'r', "FILE", "note there what is done, and go on where it ends"},
    {"report", 'o', "FILE", "write a report to look at and print (HTML)"},
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

static const char *option(const struct cmd_line *line, const char *name)
{
    return cmd_value(line, &verb_eval, name);
}

static int read_number(const struct cmd_line *line, const char *name, uint64_t min, uint64_t max,
                       uint64_t *value, struct error *err)
{
    char what[32];
    snprintf(what, sizeof what, "--%s", name);
    const char *text = option(line, name);
    return text ? parse_u64(what, text, min, max, value, err) : 0;
}

/* ---- the detectors ---- */

struct candidates {
    struct sweep specifications, widths;
    struct candidate *all; /* each specification with each width of smoothing */
    size_t count;
};

static void candidates_clear(struct candidates *candidates)
{
    sweep_clear(&candidates->specifications);
    sweep_clear(&candidates->widths);
    free(candidates->all);
}

/* A wrong specification shall be told before the traces are read. */
static int check_detector(const char *specification, struct error *err)
{
    struct detector *detector = detector_new(specification, err);
    if (!detector)
        return -1;
    detector_free(detector);
    return 0;
}

static int read_candidates(const struct cmd_line *line, struct candidates *candidates,
                           struct error *err)
{
    struct sweep *specifications = &candidates->specifications, *widths = &candidates->widths;
    const char *smooth = option(line, "smooth"), *text;
    for (size_t at = 0; (text = cmd_next(line, "detector", &at));)
        if (sweep_add(specifications, text, err) < 0)
            return -1;
    if (!specifications->count &&
        (sweep_add(specifications, "stide", err) < 0 || sweep_add(specifications, "bosc", err) < 0))
        return -1;
    if (sweep_add(widths, smooth ? smooth : "1", err) < 0)
        return -1;
    candidates->all =
        memory_must(calloc(specifications->count * widths->count, sizeof *candidates->all));
    for (size_t i = 0; i < specifications->count; i++) {
        if (check_detector(specifications->text[i], err) < 0)
            return -1;
        for (size_t j = 0; j < widths->count; j++) {
            uint64_t width;
            if (parse_u64("--smooth", widths->text[j], 1, SCORER_SMOOTH_MAX, &width, err) < 0)
                return -1;
            candidates->all[candidates->count++] =
                (struct candidate){specifications->text[i], (uint32_t)width};
        }
    }
    return 0;
}

/* ---- the method ---- */

static int read_thresholds(const struct cmd_line *line, struct method *method, struct error *err)
{
    struct sweep sweep = {0};
    const char *text = option(line, "threshold");
    int failed = text ? sweep_add(&sweep, text, err) : 0;
    if (!failed && sweep.count >= METHOD_THRESHOLDS)
        failed = error_set(err, EXIT_USAGE, 0, "--threshold: more than %d", METHOD_THRESHOLDS - 1);
    for (size_t i = 0; i < sweep.count && !failed; i++)
        failed = parse_double("--threshold", sweep.text[i], 0, 1e12,
                              &method->given[method->given_count++], err);
    sweep_clear(&sweep);
    return failed;
}

static int read_method(const struct cmd_line *line, const struct protocol *protocol,
                       struct method *method, struct error *err)
{
    const char *score = option(line, "score"), *scope = option(line, "scope");
    const char *rate = option(line, "false-alarms");
    bool lid_ds = protocol->kind == PROTOCOL_LID_DS, epochs = protocol->kind == PROTOCOL_EPOCHS;
    int whose = scope_by_name(scope ? scope : "thread");
    if (score && strcmp(score, "mean") != 0 && strcmp(score, "max") != 0)
        return error_set(err, EXIT_USAGE, 0, "--score %s: must be mean or max", score);
    if (whose < 0)
        return error_set(err, EXIT_USAGE, 0, "--scope %s: must be thread, process or container",
                         scope);
    if (lid_ds && score && strcmp(score, "mean") == 0)
        return error_set(err, EXIT_USAGE, 0, "--score mean: lid-ds judges every call by itself");
    *method = (struct method){.scope = (enum scope)whose,
                              .largest = lid_ds || (score && strcmp(score, "max") == 0),
                              .runs = lid_ds,
                              .rate = lid_ds ? 0 : 0.05,
                              .epoch_calls = epochs ? protocol->epoch_calls : 0,
                              .epoch_ns = epochs ? protocol->epoch_ns : 0};
    if (rate && parse_double("--false-alarms", rate, 0, 0.99, &method->rate, err) < 0)
        return -1;
    return read_thresholds(line, method, err);
}

/* ---- the run ---- */

static void look(void *context, size_t done, size_t all)
{
    struct progress *progress = context;
    progress->total = all;
    progress_set(progress, done);
}

static int write_report(const char *path, const json_t *document, struct error *err)
{
    FILE *file = output_create(path, err);
    if (!file)
        return -1;
    report_write(document, file);
    return output_close(file, path, err);
}

static int print(const struct cmd_line *line, const json_t *document, struct error *err)
{
    const char *report = option(line, "report");
    if (report && write_report(report, document, err) < 0)
        return -1;
    if (option(line, "json")) {
        json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        eval_print(document);
    }
    return EXIT_DONE;
}

static int evaluate(const struct cmd_line *line, const struct candidates *candidates,
                    const struct corpus *corpus, unsigned cores, struct error *err)
{
    const char *text = option(line, "protocol");
    struct protocol protocol = protocol_for(corpus);
    struct progress progress;
    uint64_t rounds = 1000;
    struct evaluation evaluation = {.corpus = corpus,
                                    .protocol = &protocol,
                                    .distinct = option(line, "distinct"),
                                    .bootstrap = {.seed = 1},
                                    .candidates = candidates->all,
                                    .count = candidates->count,
                                    .journal = option(line, "resume"),
                                    .threads = cores,
                                    .watcher = {look, &progress}};
    if ((text && protocol_parse(text, &protocol, err) < 0) ||
        read_method(line, &protocol, &evaluation.method, err) < 0 ||
        read_number(line, "rounds", 0, 1000000, &rounds, err) < 0 ||
        read_number(line, "seed", 0, INT64_MAX, &evaluation.bootstrap.seed, err) < 0)
        return -1;
    evaluation.bootstrap.rounds = (unsigned)rounds;
    progress_start(&progress, "judging", "trials", 0);
    json_t *document = evaluation_run(&evaluation, err);
    progress_end(&progress);
    int code = document ? print(line, document, err) : -1;
    json_decref(document);
    return code;
}

static int load_and_evaluate(const struct cmd_line *line, const struct candidates *candidates,
                             struct error *err)
{
    uint64_t memory = 2ULL << 30, cores = parallel_cores();
    const char *size = option(line, "memory");
    if ((size && parse_size("--memory", size, &memory, err) < 0) ||
        read_number(line, "cores", 1, 1024, &cores, err) < 0)
        return -1;
    struct progress progress;
    struct watcher watcher = {look, &progress};
    struct corpus corpus;
    progress_start(&progress, "reading", "traces", 0);
    int failed = corpus_open(line->operand[0], option(line, "lenient"), memory, (unsigned)cores,
                             &watcher, &corpus, err);
    progress_end(&progress);
    if (failed)
        return -1;
    int code = evaluate(line, candidates, &corpus, (unsigned)cores, err);
    corpus_clear(&corpus);
    return code;
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct candidates candidates = {0};
    int code = read_candidates(line, &candidates, err);
    if (code == 0)
        code = load_and_evaluate(line, &candidates, err);
    candidates_clear(&candidates);
    return code;
}

const struct verb verb_eval = {
    .name = "eval",
    .summary = "compare detectors on a data set",
    .operands = "DIRECTORY",
    .description =
        "Lets each detector learn the normal traces of a data set and judge the others, as a\n"
        "protocol says, and prints how well it tells attacks apart: the area under the ROC curve\n"
        "with an interval, attacks found at given shares of false alarms, precision and recall at\n"
        "a threshold that normal data alone chose, false alarms an hour and per million calls,\n"
        "calls and time to detection, speed and memory. In a specification a value may be a range\n"
        "or a list: stide:window=3..6, bosc:bag=3/6/10. The data sets that are known, and a folder\n"
        "of your own with training/, normal/ and attack/, are in docs/trace-readers.md; protocols,\n"
        "figures and the JSON in docs/eval.md.",
    .example = "  skink eval ADFA-LD --detector stide:window=6 --detector best\n"
               "  skink eval mine --detector stide:window=3..10 --smooth 1/20 --score max \\\n"
               "      --resume sweep.jsonl --report sweep.html",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
