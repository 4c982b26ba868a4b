/* `skink profile`: what Skink has learned. */
#include "cmd/profile.h"

#include <string.h>

#include "cmd/cmd.h"

static const struct cmd_option OPTIONS[] = {
    {"state-dir", 'd', "DIR", "where the profiles lie, in DIR/profiles (default /var/lib/skink)"},
    {"patterns", 'p', NULL, "show: every window and bag too, spelled in call names"},
    {"svg", 0, "FILE", "growth: draw the curve into FILE, - for standard output"},
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

static const struct {
    const char *name;
    bool named; /* takes a NAME */
    int (*run)(const struct profile_request *request, struct error *err);
} SUBCOMMANDS[] = {
    {"ls", false, profile_ls},
    {"show", true, profile_show},
    {"growth", true, profile_growth_show},
    {"rm", true, profile_rm},
};

static int run(const struct cmd_line *line, struct error *err)
{
    const char *state_dir = cmd_value(line, &verb_profile, "state-dir");
    struct profile_request request = {
        .state_dir = state_dir ? state_dir : "/var/lib/skink",
        .name = line->operand[1],
        .svg = cmd_value(line, &verb_profile, "svg"),
        .json = cmd_has(line, &verb_profile, "json"),
        .patterns = cmd_has(line, &verb_profile, "patterns"),
    };
    for (size_t i = 0; i < sizeof SUBCOMMANDS / sizeof *SUBCOMMANDS; i++) {
        if (strcmp(SUBCOMMANDS[i].name, line->operand[0]) != 0)
            continue;
        if (SUBCOMMANDS[i].named != (request.name != NULL))
            return error_set(err, EXIT_USAGE, 0,
                             "profile %s: takes %s NAME (see skink profile --help)",
                             SUBCOMMANDS[i].name, SUBCOMMANDS[i].named ? "a" : "no");
        return SUBCOMMANDS[i].run(&request, err);
    }
    return error_set(err, EXIT_USAGE, 0, "profile: %s is none of ls, show, growth, rm",
                     line->operand[0]);
}

const struct verb verb_profile = {
    .name = "profile",
    .summary = "list, show or remove what was learned, draw how it grew",
    .operands = "ls | show NAME | growth NAME | rm NAME",
    .description =
        "ls      lists the profiles, damaged ones with the reason.\n"
        "show    prints what a profile is made of, what it lacks, the calls that its service\n"
        "        makes, and the thresholds proposed from its training.\n"
        "growth  prints how it grew, interval by interval, or draws the curve.\n"
        "rm      removes it: the service is learned anew.\n\n"
        "NAME is SERVICE or SERVICE@VERSION; for show and growth also a profile's file, told by\n"
        "a slash or the ending .profile in its name.",
    .example = "  skink profile ls\n"
               "  skink profile growth web --svg web.svg\n"
               "  skink profile rm web@1.2",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
