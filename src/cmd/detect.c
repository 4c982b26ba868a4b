/* `skink detect`: recorded traces against a profile. */
#include "cmd/detect.h"

#include <stdio.h>

#include "base/parse.h"
#include "cmd/reading.h"
#include "detect/frame.h"

static const struct cmd_option OPTIONS[] = {
    {"frame", 'l', "L", "windows in a thread's locality frame, 1 to 64 (default 20)"},
    {"threshold", 't', "N", "mismatches in the frame that raise an alarm (10); 0: STIDE is off"},
    {"epoch", 'e', "CALLS", "calls of the replica in an epoch (default 500)"},
    {"epoch-threshold", 'T', "N", "mismatches in the epoch that raise an alarm (50); 0: BoSC off"},
    {"proposed", 'p', NULL, "begin with the profile's proposal instead of these defaults"},
    {"recall", 'r', NULL,
     "take what is laid aside, an earlier version's behaviour, for known: what is left is new"},
    {"novelties", 'n', NULL, "list every unknown pattern, not only those of the first alarm"},
    READING_OPTIONS(0),
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

static int number(const struct cmd_line *line, const char *name, uint64_t min, uint64_t max,
                  uint32_t *value, struct error *err)
{
    char what[32];
    uint64_t parsed = *value;
    const char *text = cmd_value(line, &verb_detect, name);
    snprintf(what, sizeof what, "--%s", name);
    if (text && parse_u64(what, text, min, max, &parsed, err) < 0)
        return -1;
    *value = (uint32_t)parsed;
    return 0;
}

static int read_rule(const struct cmd_line *line, struct profile *profile, struct detect_rule *rule,
                     struct error *err)
{
    *rule = DETECT_RULE_DEFAULT;
    if (cmd_has(line, &verb_detect, "proposed")) {
        const struct profile_facts *facts = profile_facts(profile);
        rule->frame = facts->frame;
        rule->epoch = facts->epoch;
        profile_propose(facts, &rule->frame_threshold, &rule->epoch_threshold);
    }
    if (number(line, "frame", FRAME_MIN, FRAME_MAX, &rule->frame, err) < 0 ||
        number(line, "threshold", 0, FRAME_MAX, &rule->frame_threshold, err) < 0 ||
        number(line, "epoch", 1, UINT32_MAX, &rule->epoch, err) < 0 ||
        number(line, "epoch-threshold", 0, UINT32_MAX, &rule->epoch_threshold, err) < 0)
        return -1;
    if (rule->frame_threshold > rule->frame)
        return error_set(err, EXIT_USAGE, 0,
                         "a frame of %u never has %u mismatches (see --threshold)", rule->frame,
                         rule->frame_threshold);
    if (rule->epoch_threshold > rule->epoch)
        return error_set(err, EXIT_USAGE, 0,
                         "an epoch of %u never has %u mismatches (see --epoch-threshold)",
                         rule->epoch, rule->epoch_threshold);
    return 0;
}

/* Inspects all traces and prints what it finds, as JSON into array when there is one. */
static int inspect_all(const struct detect_request *request, char **paths, json_t *array,
                       struct error *err)
{
    int code = EXIT_DONE;
    if (!array)
        detect_print_head();
    for (; *paths; paths++) {
        struct inspection inspection;
        int failed = inspect_trace(request->profile, &request->rule, *paths, &request->options,
                                   request->all_novelties, &inspection, err);
        progress_hide(request->options.progress);
        if (failed)
            return -1;
        reading_report(&inspection.faults);
        if (inspection.anomalous)
            code = EXIT_ANOMALOUS;
        if (array)
            json_array_append_new(array, detect_json(request, *paths, &inspection));
        else
            detect_print(request, *paths, &inspection);
        inspection_clear(&inspection);
    }
    return code;
}

static int detect(const struct cmd_line *line, struct profile *profile, struct error *err)
{
    struct detect_request request = {.profile = profile,
                                     .options = reading_options(line, &verb_detect),
                                     .all_novelties = cmd_has(line, &verb_detect, "novelties")};
    struct progress progress;
    if (read_rule(line, profile, &request.rule, err) < 0)
        return -1;
    reading_progress(&progress, "comparing", line->operand + 1, &request.options);
    if (!cmd_has(line, &verb_detect, "json"))
        return inspect_all(&request, line->operand + 1, NULL, err);
    json_t *array = json_array();
    int code = inspect_all(&request, line->operand + 1, array, err);
    if (code >= 0) {
        json_dumpf(array, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(array);
    return code;
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct profile *profile = profile_load(line->operand[0], err);
    if (!profile)
        return -1;
    if (cmd_has(line, &verb_detect, "recall"))
        profile_recall(profile);
    int code = detect(line, profile, err);
    profile_free(profile);
    return code;
}

const struct verb verb_detect = {
    .name = "detect",
    .summary = "compare recorded traces with a profile",
    .operands = "PROFILE TRACE…",
    .description =
        "Replays each trace, one replica's calls, against a profile, by the code that also runs in\n"
        "the kernel: STIDE counts the unknown windows among the last ones of a thread, BoSC the\n"
        "unknown bags among an epoch of calls. A trace is anomalous when either reaches its\n"
        "threshold; then the first alarm is printed with what was new. Exits with 1 when a trace\n"
        "is anomalous, with 0 when none is. docs/learn-and-detect.md explains the output.",
    .example = "  skink detect web.profile normal.trace suspect.trace\n"
               "  skink detect --frame 40 --threshold 5 --novelties --json web.profile - <x.trace",
    .options = OPTIONS,
    .operands_min = 2,
    .operands_max = -1,
    .run = run,
};
