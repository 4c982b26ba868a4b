/* `skink plan`: what was, or would be, done about an intruder, and what was not and why. */
#include <stdio.h>

#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

static const struct cmd_option OPTIONS[] = {
    {"dry-run", 'n', NULL, "what would be done now about each replica; nothing is done"},
    {"belief", 'b', "B", "with --dry-run: how likely there is an intruder, 0 to 1 (default 0.95)"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print plans as JSON lines"},
    {NULL, 0, NULL, NULL},
};

static void print_options(const char *stage, const json_t *options)
{
    const json_t *option;
    size_t i;
    json_array_foreach (options, i, option) {
        printf("  %-9s %-11s %7.3f  = spares %.3f - costs %.3f - collateral %.3f", i ? "" : stage,
               ask_text(option, "measure"), ask_real(option, "value"), ask_real(option, "spares"),
               ask_real(option, "cost"), ask_real(option, "collateral"));
        fputs(*ask_text(option, "refused") ? "; refused: " : "", stdout);
        terminal_print(stdout, PAINT_NONE, ask_text(option, "refused"));
        putchar('\n');
    }
}

static void print_plan(const json_t *plan)
{
    const char *stage;
    const json_t *name;
    json_t *options;
    size_t i;
    if (ask_number(plan, "number") > 0)
        printf("plan %lld  %s  ", (long long)ask_number(plan, "number"), ask_text(plan, "time"));
    terminal_print(stdout, PAINT_BOLD, ask_text(plan, "service"));
    fputs(", ", stdout);
    terminal_print(stdout, PAINT_NONE, ask_text(plan, "replica_name"));
    printf(": %s\n  belief %.3f, harm %.3f, %lld replicas serve (at least %lld must), "
           "policy %s\n  chosen:",
           ask_text(plan, "state"), ask_real(plan, "belief"), ask_real(plan, "harm"),
           (long long)ask_number(plan, "serving"), (long long)ask_number(plan, "minimum"),
           ask_text(plan, "policy"));
    json_array_foreach (json_object_get(plan, "chosen"), i, name)
        printf("%s %s", i ? "," : "", json_string_value(name));
    puts(i ? "" : " nothing");
    if (*ask_text(plan, "why"))
        printf("  %s\n", ask_text(plan, "why"));
    if (*ask_text(plan, "variant"))
        printf("  variant %s\n", ask_text(plan, "variant"));
    if (*ask_text(plan, "reason"))
        printf("  %s%s\n", *ask_text(plan, "cause") ? "rejuvenation: " : "",
               ask_text(plan, "reason"));
    json_object_foreach (json_object_get(plan, "options"), stage, options)
        print_options(stage, options);
}

static int run(const struct cmd_line *line, struct error *err)
{
    double belief = 0.95;
    const char *given = cmd_value(line, &verb_plan, "belief");
    json_t *reply;
    const json_t *plan;
    size_t i;
    if (given && parse_double("--belief", given, 0, 1, &belief, err) < 0)
        return -1;
    json_t *request = json_pack("{s:s,s:s*}", "verb", "plan", "service",
                                line->count > 0 ? line->operand[0] : NULL);
    if (cmd_has(line, &verb_plan, "dry-run"))
        json_object_set_new(request, "belief", json_real(belief));
    if (ask_daemon(line, &verb_plan, request, &reply, err) < 0)
        return -1;
    json_array_foreach (json_object_get(reply, "plans"), i, plan) {
        if (!cmd_has(line, &verb_plan, "json")) {
            print_plan(plan);
        } else {
            ask_print_line(plan);
        }
    }
    if (i == 0 && !cmd_has(line, &verb_plan, "json"))
        puts("no plans");
    json_decref(reply);
    return EXIT_DONE;
}

const struct verb verb_plan = {
    .name = "plan",
    .summary = "show what was, or would be, done about an intruder, and why",
    .operands = "[SERVICE]",
    .description =
        "Lists the plans that alerts have led to: the measures chosen, and all others with their\n"
        "values and why they were not. With --dry-run, says for each replica what would be done if\n"
        "an intruder were in it now. docs/response.md explains the choice.",
    .example = "  skink plan\n  skink plan --dry-run shop-web",
    .options = OPTIONS,
    .operands_max = 1,
    .run = run,
};
