/* `skink harm`: what an intruder in a service can cost, and why. */
#include <stdio.h>

#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

static const struct cmd_option OPTIONS[] = {
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print one JSON object a service"},
    {NULL, 0, NULL, NULL},
};

static void print_sides(const json_t *sides)
{
    const char *name;
    json_t *side;
    json_object_foreach ((json_t *)sides, name, side)
        printf("    %-16s requirement %-4.3g impact %.3g%s\n", name, ask_real(side, "requirement"),
               ask_real(side, "impact"),
               json_is_true(json_object_get(side, "raised")) ? "  raised by its powers" : "");
}

static void print_powers(const json_t *powers)
{
    size_t i;
    const json_t *power;
    if (json_array_size(powers) == 0)
        return;
    printf("    powers          ");
    json_array_foreach (powers, i, power)
        printf(" %s", json_string_value(power));
    putchar('\n');
}

static void print_harm(const json_t *harm)
{
    const json_t *own = json_object_get(harm, "own");
    const json_t *leads = json_object_get(harm, "leads_to"), *step;
    size_t i;
    terminal_print(stdout, PAINT_BOLD, ask_text(harm, "service"));
    printf("  %.3f\n", ask_real(harm, "harm"));
    printf("  %.3f  its own: criticality %.3g x miss %.3f / 0.915\n", ask_real(own, "harm"),
           ask_real(own, "criticality"), ask_real(own, "miss"));
    print_sides(json_object_get(own, "sides"));
    print_powers(json_object_get(own, "powers"));
    json_array_foreach (leads, i, step) {
        printf("  %.3f  leads to ", ask_real(step, "adds"));
        terminal_print(stdout, PAINT_NONE, ask_text(step, "service"));
        printf(": probability %.3f x harm %.3f\n", ask_real(step, "probability"),
               ask_real(step, "harm"));
    }
}

static int run(const struct cmd_line *line, struct error *err)
{
    json_t *reply;
    size_t i;
    const json_t *harm;
    const char *service = line->count > 0 ? line->operand[0] : NULL;
    json_t *request = json_pack("{s:s,s:s*}", "verb", "harm", "service", service);
    if (ask_daemon(line, &verb_harm, request, &reply, err) < 0)
        return -1;
    const json_t *harms = json_object_get(reply, "harms");
    int code = EXIT_DONE;
    if (service && json_array_size(harms) == 0)
        code =
            error_set(err, EXIT_USAGE, 0, "%s: no such service (skink status lists them)", service);
    json_array_foreach (harms, i, harm) {
        if (!cmd_has(line, &verb_harm, "json")) {
            print_harm(harm);
        } else {
            ask_print_line(harm);
        }
    }
    json_decref(reply);
    return code;
}

const struct verb verb_harm = {
    .name = "harm",
    .summary = "tell what an intruder in a service can cost, and why",
    .operands = "[SERVICE]",
    .description =
        "Tells the harm, 0 to 1, that an intruder in each service can do, term by term: what the\n"
        "service is worth by the configuration, what its containers may do beyond their own walls\n"
        "(privileges, host namespaces, the engine's socket, directories of the host), and which\n"
        "services an intruder gets to from there. docs/response.md has the formulas.",
    .example = "  skink harm\n  skink harm shop-web --json",
    .options = OPTIONS,
    .operands_max = 1,
    .run = run,
};
