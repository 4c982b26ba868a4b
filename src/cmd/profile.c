/* `skink profile`: what Skink has learned. */
#include "cmd/profile.h"

#include <stdint.h>
#include <string.h>

#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"

static const struct cmd_option OPTIONS[] = {
    {"state-dir", 'd', "DIR", "where the profiles lie, in DIR/profiles (default /var/lib/skink)"},
    {"patterns", 'p', NULL,
     "show: every window and bag too, spelled in call names; diff: all that differ, not only the"
     " first"},
    {"svg", 0, "FILE", "growth: draw the curve into FILE, - for standard output"},
    {"output", 'o', "FILE", "merge, reuse, export: the file to write"},
    {"version", 'V', "VERSION", "reuse: the version that starts from OLD"},
    {"alpha", 'a', "X", "diff: weight of what only OLD has (default 0.1)"},
    {"beta", 'b', "X", "diff: weight of what only NEW has (default 0.9)"},
    {"seccomp", 0, NULL, "export: as a seccomp profile of OCI and Docker"},
    {"runtime", 'r', "NAME",
     "export: allow also what this runtime calls between loading the filter and the service:"
     " runc, runc-no-new-privs or none (default runc)"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

static const struct {
    const char *name;
    size_t min, max; /* operands */
    const char *operands;
    int (*run)(const struct profile_request *request, struct error *err);
} SUBCOMMANDS[] = {
    {"ls", 0, 0, "", profile_ls},
    {"show", 1, 1, " NAME", profile_show},
    {"growth", 1, 1, " NAME", profile_growth_show},
    {"rm", 1, 1, " NAME", profile_rm},
    {"merge", 1, SIZE_MAX, " NAME… -o FILE", profile_merge_run},
    {"diff", 2, 2, " OLD NEW", profile_diff},
    {"reuse", 1, 1, " OLD --version VERSION -o FILE", profile_reuse_run},
    {"export", 1, 1, " NAME --seccomp", profile_export},
};

static const char *option(const struct cmd_line *line, const char *name)
{
    return cmd_value(line, &verb_profile, name);
}

static int read_weight(const struct cmd_line *line, const char *name, double *weight,
                       struct error *err)
{
    const char *text = option(line, name);
    return text ? parse_double(name, text, 0, 1e6, weight, err) : 0;
}

static int read_request(const struct cmd_line *line, struct profile_request *request,
                        struct error *err)
{
    const char *state_dir = option(line, "state-dir"), *runtime = option(line, "runtime");
    *request = (struct profile_request){
        .state_dir = state_dir ? state_dir : "/var/lib/skink",
        .socket = option(line, "socket"),
        .names = line->operand + 1,
        .name_count = (size_t)line->count - 1,
        .svg = option(line, "svg"),
        .output = option(line, "output"),
        .version = option(line, "version"),
        .weights = TVERSKY_DEFAULT,
        .json = cmd_has(line, &verb_profile, "json"),
        .patterns = cmd_has(line, &verb_profile, "patterns"),
        .seccomp = cmd_has(line, &verb_profile, "seccomp"),
        .runtime = runtime ? runtime : "runc",
    };
    if (read_weight(line, "alpha", &request->weights.alpha, err) < 0)
        return -1;
    return read_weight(line, "beta", &request->weights.beta, err);
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct profile_request request;
    if (read_request(line, &request, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof SUBCOMMANDS / sizeof *SUBCOMMANDS; i++) {
        if (strcmp(SUBCOMMANDS[i].name, line->operand[0]) != 0)
            continue;
        if (request.name_count < SUBCOMMANDS[i].min || request.name_count > SUBCOMMANDS[i].max)
            return error_set(err, EXIT_USAGE, 0,
                             "profile %s: it is profile %s%s (see skink profile --help)",
                             SUBCOMMANDS[i].name, SUBCOMMANDS[i].name, SUBCOMMANDS[i].operands);
        return SUBCOMMANDS[i].run(&request, err);
    }
    return error_set(err, EXIT_USAGE, 0,
                     "profile: %s is none of ls, show, growth, rm, merge, diff, reuse, export",
                     line->operand[0]);
}

const struct verb verb_profile = {
    .name = "profile",
    .summary = "list, show, merge, compare, reuse, export or remove what was learned",
    .operands = "ls | show NAME | growth NAME | rm NAME | merge NAME… | diff OLD NEW | reuse OLD | "
                "export NAME",
    .description =
        "ls      lists the profiles, damaged ones with the reason.\n"
        "show    prints what a profile is made of, what it lacks, the calls that its service\n"
        "        makes, and the thresholds proposed from its training.\n"
        "growth  prints how it grew, interval by interval, or draws the curve.\n"
        "rm      removes it: the service is learned anew, by a daemon that runs from now on.\n"
        "merge   writes the union of profiles of one service and version, learned on several\n"
        "        hosts: each pattern keeps who showed it. Merging in any order, or twice, gives\n"
        "        the same file.\n"
        "diff    prints how alike two profiles are (Tversky's index of their calls, windows and\n"
        "        bags), and what only one of them has.\n"
        "reuse   writes a profile for another version of the service: it begins with all that\n"
        "        OLD knows, and only the difference remains to be learned.\n"
        "export  prints a seccomp profile for Docker, Podman or runc that allows the calls of the\n"
        "        service, those that the runtime itself makes on the way to it, and no others.\n\n"
        "NAME is SERVICE or SERVICE@VERSION; but for rm also a profile's file, told by a slash or\n"
        "the ending .profile in its name.",
    .example = "  skink profile ls\n"
               "  skink profile growth web --svg web.svg\n"
               "  skink profile rm web@1.2\n"
               "  skink profile merge host-a.profile host-b.profile -o web.profile\n"
               "  skink profile diff web@1.2 web@1.3\n"
               "  skink profile reuse web@1.2 --version 1.3 -o web@1.3.profile\n"
               "  skink profile export web --seccomp > web.json",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = -1,
    .run = run,
};
