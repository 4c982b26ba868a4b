/* `skink measures`, `skink undo`, `skink approve`: what is in force, and a person's word about it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

#define PATIENCE (30 * NS_PER_S)

static const struct cmd_option LIST_OPTIONS[] = {
    {"all", 'a', NULL, "also those that are over"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print measures as JSON lines"},
    {NULL, 0, NULL, NULL},
};

static const struct cmd_option OPTIONS[] = {
    ASK_SOCKET_OPTION,
    {NULL, 0, NULL, NULL},
};

/* ---- measures ---- */

static bool is_over(const json_t *measure)
{
    const char *state = ask_text(measure, "state");
    return strcmp(state, "in force") != 0 && strcmp(state, "undoing") != 0;
}

static void add_measure(struct table *table, const json_t *measure)
{
    char expires[CLOCK_TEXT] = "-", number[24], after[32];
    if (ask_number(measure, "expires") > 0 && !is_over(measure))
        clock_format((uint64_t)ask_number(measure, "expires"), expires);
    snprintf(number, sizeof number, "%lld", (long long)ask_number(measure, "number"));
    snprintf(after, sizeof after, "%.1f", ask_real(measure, "latency_ms"));
    table_add(table, number, ask_text(measure, "measure"), ask_text(measure, "state"),
              ask_text(measure, "replica_name"), expires, after, ask_text(measure, "why"), NULL);
}

static int list(const struct cmd_line *line, struct error *err)
{
    json_t *reply;
    const json_t *measure;
    size_t i;
    bool json = cmd_has(line, &verb_measures, "json"), all = cmd_has(line, &verb_measures, "all");
    if (ask_daemon(line, &verb_measures, json_pack("{s:s}", "verb", "measures"), &reply, err) < 0)
        return -1;
    struct table *table = table_new();
    size_t rows = 1;
    table_add(table, "N", "MEASURE", "STATE", "REPLICA", "EXPIRES", "AFTER MS", "WHY", NULL);
    json_array_foreach (json_object_get(reply, "measures"), i, measure) {
        if (is_over(measure) && !all)
            continue;
        if (!json) {
            add_measure(table, measure);
            rows++;
        } else {
            ask_print_line(measure);
        }
    }
    for (size_t row = 0; !json && row < rows; row++)
        table_print(table, row, 0, row ? PAINT_NONE : PAINT_DIM, stdout);
    table_free(table);
    json_decref(reply);
    return EXIT_DONE;
}

const struct verb verb_measures = {
    .name = "measures",
    .summary = "list the measures that are in force",
    .operands = "",
    .description =
        "Lists what Skink has done that is in force now: which measure on which replica, when it\n"
        "expires, and how many milliseconds after the alert it came. With --all, also those that\n"
        "are over or have failed, and why.",
    .example = "  skink measures\n  skink measures --all --json",
    .options = LIST_OPTIONS,
    .run = list,
};

/* ---- undo ---- */

static int number_of(const struct cmd_line *line, uint64_t *number, struct error *err)
{
    return parse_u64("number", line->operand[0], 1, INT64_MAX, number, err);
}

/* The state that the measure has come to, once it is no more being undone. */
static int await(const struct cmd_line *line, uint64_t number, struct error *err)
{
    const struct timespec pause = {.tv_nsec = 50 * (long)NS_PER_MS};
    for (uint64_t end = clock_monotonic() + PATIENCE; clock_monotonic() < end;
         nanosleep(&pause, NULL)) {
        json_t *reply;
        const json_t *measure;
        size_t i;
        int code = -2;
        if (ask_daemon(line, &verb_undo, json_pack("{s:s}", "verb", "measures"), &reply, err) < 0)
            return -1;
        json_array_foreach (json_object_get(reply, "measures"), i, measure) {
            if ((uint64_t)ask_number(measure, "number") != number ||
                strcmp(ask_text(measure, "state"), "undoing") == 0)
                continue;
            code = is_over(measure)
                       ? EXIT_DONE
                       : error_set(err, EXIT_MACHINE, 0, "measure %llu: %s",
                                   (unsigned long long)number, ask_text(measure, "why"));
        }
        json_decref(reply);
        if (code != -2)
            return code;
    }
    return error_set(err, EXIT_MACHINE, 0, "measure %llu is still being undone",
                     (unsigned long long)number);
}

static int undo(const struct cmd_line *line, struct error *err)
{
    uint64_t number;
    json_t *reply;
    if (number_of(line, &number, err) < 0 ||
        ask_daemon(line, &verb_undo,
                   json_pack("{s:s,s:I}", "verb", "undo", "number", (json_int_t)number), &reply,
                   err) < 0)
        return -1;
    const json_t *measure = json_object_get(reply, "measure");
    printf("undoing %s of ", ask_text(measure, "measure"));
    terminal_print(stdout, PAINT_NONE, ask_text(measure, "replica_name"));
    putchar('\n');
    json_decref(reply);
    return await(line, number, err);
}

const struct verb verb_undo = {
    .name = "undo",
    .summary = "take a measure back",
    .operands = "NUMBER",
    .description = "Takes back the measure with that number of `skink measures`, and returns when\n"
                   "it is done.",
    .example = "  skink undo 3",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = undo,
};

/* ---- approve ---- */

static int approve(const struct cmd_line *line, struct error *err)
{
    uint64_t number;
    json_t *reply;
    const json_t *name;
    size_t i;
    if (number_of(line, &number, err) < 0 ||
        ask_daemon(line, &verb_approve,
                   json_pack("{s:s,s:I}", "verb", "approve", "number", (json_int_t)number), &reply,
                   err) < 0)
        return -1;
    const json_t *plan = json_object_get(reply, "plan");
    printf("plan %llu for ", (unsigned long long)number);
    terminal_print(stdout, PAINT_NONE, ask_text(plan, "replica_name"));
    fputs(" is carried out:", stdout);
    json_array_foreach (json_object_get(plan, "chosen"), i, name)
        printf("%s %s", i ? "," : "", json_string_value(name));
    putchar('\n');
    json_decref(reply);
    return EXIT_DONE;
}

const struct verb verb_approve = {
    .name = "approve",
    .summary = "have a plan carried out, also what cannot be undone",
    .operands = "NUMBER",
    .description =
        "A person's word for the plan with that number of `skink plan`: it is made anew for what is\n"
        "so now, and carried out, whatever the policy and the budget say. Measures that cannot be\n"
        "undone may be chosen, too.",
    .example = "  skink approve 7",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = approve,
};
