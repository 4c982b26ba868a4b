/* `skink learn`: a profile from recorded traces. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cmd/reading.h"
#include "detect/learn.h"

#define INTERVAL_CALLS 10000 /* when the traces have no times */

static const struct cmd_option OPTIONS[] = {
    {"output", 'o', "PROFILE", "the profile to write (required; replaced when it is there)"},
    {"window", 'n', "N", "calls in a window of STIDE, 2 to 16 (default 6)"},
    {"bag", 'm', "N", "calls in a bag of BoSC, 2 to 16 (default 6)"},
    {"service", 's', "NAME", "the service that the profile is of (default: the trace's command)"},
    {"service-version", 'V', "VERSION", "its version (default -)"},
    {"interval", 'i', "TIME",
     "an interval of the growth curve: 100s, 5m, or a number of calls"
     " (default 100s; 10000 calls when the trace has no times)"},
    {"sigma", 'g', "X",
     "steepest growth of a steady interval: patterns a second, or per 1000 calls"
     " (default 0.15)"},
    {"reuse", 'r', "PROFILE",
     "begin with what another version's profile knows: only the difference is learned (service,"
     " window and bag are that profile's)"},
    {"stop", 0, NULL, "stop as soon as the profile is learned, as skink run does"},
    {"min-calls", 'c', "N", "fewer calls leave the profile incomplete (default 0)"},
    READING_OPTIONS('l'),
    {NULL, 0, NULL, NULL},
};

static const char *option(const struct cmd_line *line, const char *name)
{
    return cmd_value(line, &verb_learn, name);
}

/* "10000" is a number of calls, "100s" a time. */
static int read_interval(const char *text, bool times, struct growth_rule *rule, struct error *err)
{
    size_t length = 0;
    if (!text && times)
        return 0;
    while (text && isdigit((unsigned char)text[length]))
        length++;
    if (text && text[length]) {
        if (parse_duration("--interval", text, &rule->interval_ns, err) < 0)
            return -1;
        return rule->interval_ns ? 0 : error_set(err, EXIT_USAGE, 0, "--interval: must not be 0");
    }
    rule->interval_ns = 0;
    rule->interval_calls = INTERVAL_CALLS;
    return text ? parse_u64("--interval", text, 1, UINT64_MAX, &rule->interval_calls, err) : 0;
}

static int read_number(const struct cmd_line *line, const char *name, uint64_t min, uint64_t max,
                       uint64_t *value, struct error *err)
{
    char what[32];
    snprintf(what, sizeof what, "--%s", name);
    const char *text = option(line, name);
    return text ? parse_u64(what, text, min, max, value, err) : 0;
}

/* An empty profile as the options want it; NULL on error. */
static struct profile *make_empty(const struct cmd_line *line, const char *command,
                                  struct error *err)
{
    uint64_t window = 6, bag = 6;
    const char *service = option(line, "service"), *version = option(line, "service-version");
    if (read_number(line, "window", PATTERN_MIN, PATTERN_MAX, &window, err) < 0 ||
        read_number(line, "bag", PATTERN_MIN, PATTERN_MAX, &bag, err) < 0)
        return NULL;
    return profile_new(service ? service : command, version ? version : "-", (uint32_t)window,
                       (uint32_t)bag);
}

/* One that begins with what another version is known to do. */
static struct profile *make_from(const struct cmd_line *line, const char *path, struct error *err)
{
    static const char *const FIXED[] = {"service", "window", "bag"};
    const char *version = option(line, "service-version");
    for (size_t i = 0; i < sizeof FIXED / sizeof *FIXED; i++)
        if (option(line, FIXED[i])) {
            error_set(err, EXIT_USAGE, 0, "learn: --%s is the reused profile's", FIXED[i]);
            return NULL;
        }
    struct profile *old = profile_load(path, err);
    if (!old)
        return NULL;
    struct profile *profile = profile_reuse(old, version ? version : "-", err);
    if (!profile)
        error_hint(err, "give another --service-version");
    profile_free(old);
    return profile;
}

/* What the options want. The first trace's beginning says whether there are times. NULL on error.
 */
static struct profile *make_profile(const struct cmd_line *line, struct trace_reader *first,
                                    struct error *err)
{
    struct call call = {0};
    struct growth_rule rule = GROWTH_RULE_DEFAULT;
    uint64_t min_calls = 0;
    const char *sigma = option(line, "sigma"), *reused = option(line, "reuse");
    if (read_number(line, "min-calls", 0, UINT64_MAX, &min_calls, err) < 0 ||
        (sigma && parse_double("--sigma", sigma, 0, 1e9, &rule.sigma, err) < 0) ||
        trace_peek(first, &call, err) < 0 ||
        read_interval(option(line, "interval"), call.time != 0, &rule, err) < 0)
        return NULL;
    struct profile *profile =
        reused ? make_from(line, reused, err) : make_empty(line, trace_head(first)->command, err);
    if (!profile)
        return NULL;
    profile_facts(profile)->min_calls = min_calls;
    profile_grow_by(profile, &rule);
    return profile;
}

static void print_summary(struct profile *profile, const char *path)
{
    const struct profile_facts *facts = profile_facts(profile);
    char state[256];
    printf("%s: %zu windows of %u and %zu bags of %u from %llu calls", path,
           profile_count(profile, PATTERN_WINDOW), facts->window,
           profile_count(profile, PATTERN_BAG), facts->bag, (unsigned long long)facts->calls);
    if (profile_aside(profile))
        printf(", %zu patterns of earlier versions laid aside", profile_aside(profile));
    if (facts->learn_ns)
        printf(" in %.1f s", (double)facts->learn_ns / (double)NS_PER_S);
    printf("; %s\n", profile_state(profile, state, sizeof state));
}

/* Learns the trace, closes it, and says what was left out. */
static int learn_one(struct learner *learner, struct trace_reader *reader,
                     struct progress *progress, struct error *err)
{
    int failed = learner_trace(learner, reader, err);
    progress_hide(progress);
    reading_report(trace_faults(reader));
    trace_close(reader);
    return failed;
}

/* Learns the first trace, which it closes, and the others. */
static int learn_all(const struct cmd_line *line, struct profile *profile,
                     struct trace_reader *first, const struct trace_options *options,
                     struct error *err)
{
    struct learner *learner = learner_new(profile);
    if (cmd_has(line, &verb_learn, "stop"))
        learner_stop_when_learned(learner);
    int failed = learn_one(learner, first, options->progress, err);
    for (int i = 1; i < line->count && !failed; i++) {
        struct trace_reader *reader = trace_open_as(line->operand[i], TRACE_TIMES, options, err);
        failed = reader ? learn_one(learner, reader, options->progress, err) : -1;
    }
    learner_finish(learner);
    return failed;
}

static int save(struct profile *profile, const char *output, struct error *err)
{
    size_t size;
    autofree void *data = profile_serialize(profile, &size);
    if (profile_write(output, data, size, err) < 0)
        return -1;
    print_summary(profile, output);
    return EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    const char *output = option(line, "output");
    struct trace_options options = reading_options(line, &verb_learn);
    struct progress progress;
    if (!output)
        return error_set(err, EXIT_USAGE, 0, "learn: where to? (give -o PROFILE)");
    reading_progress(&progress, "learning", line->operand, &options);
    struct trace_reader *first = trace_open_as(line->operand[0], TRACE_TIMES, &options, err);
    if (!first)
        return -1;
    struct profile *profile = make_profile(line, first, err);
    if (!profile) {
        trace_close(first);
        return -1;
    }
    int code = learn_all(line, profile, first, &options, err) < 0 ? -1 : save(profile, output, err);
    profile_free(profile);
    return code;
}

const struct verb verb_learn = {
    .name = "learn",
    .summary = "make a profile from recorded traces",
    .operands = "TRACE…",
    .description =
        "Learns the windows and bags of calls that occur in the traces, in the order given: each is\n"
        "the next stretch of one training, of a replica of its own. The profile says whether it\n"
        "has stopped growing; one that has not is written too and says that it is incomplete.",
    .example = "  skink learn -o web.profile --service web monday.trace tuesday.trace\n"
               "  skink learn -o next.profile --reuse web.profile --service-version 1.3 new.trace\n"
               "  skink learn -o old.profile --window 10 --interval 5000 old.trace",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = -1,
    .run = run,
};
