/* `skink help`: the verbs, one line each; and the manual page from the same rows. */
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "cmd/cmd.h"

static const struct cmd_option OPTIONS[] = {
    {"man", 0, NULL, "print the manual page in mdoc, for `skink help --man | man -l -`"},
    {"config", 0, NULL, "print the default configuration of `skink run`, each key explained"},
    {NULL, 0, NULL, NULL},
};

static int run(const struct cmd_line *line, struct error *err)
{
    (void)err;
    if (cmd_has(line, &verb_help, "man")) {
        cmd_print_man();
        return EXIT_DONE;
    }
    if (cmd_has(line, &verb_help, "config")) {
        config_print(stdout);
        return EXIT_DONE;
    }
    printf("Skink learns what each containerised service normally does, from its system calls,\n"
           "and reports the replica that leaves its profile.\n\nusage: skink VERB [OPTION…]\n\n");
    for (size_t i = 0; cmd_verbs[i]; i++)
        printf("  %-9s %s\n", cmd_verbs[i]->name, cmd_verbs[i]->summary);
    printf("\n`skink VERB --help` explains a verb, with an example.\n");
    return EXIT_DONE;
}

const struct verb verb_help = {
    .name = "help",
    .summary = "list the verbs",
    .operands = "",
    .description = "Lists the verbs, one line each.",
    .example = "  skink help --man | man -l -",
    .options = OPTIONS,
    .operands_max = 0,
    .run = run,
};
