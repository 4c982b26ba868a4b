/* The table of verbs. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

const struct verb *const cmd_verbs[] = {
    &verb_run,    &verb_status,  &verb_alerts,   &verb_incidents, &verb_harm,    &verb_tolerance,
    &verb_plan,   &verb_approve, &verb_measures, &verb_undo,      &verb_record,  &verb_learn,
    &verb_detect, &verb_eval,    &verb_inject,   &verb_trace,     &verb_convert, &verb_profile,
    &verb_doctor, &verb_log,     &verb_demo,     &verb_vote,      &verb_help,    NULL};

int main(int argc, char **argv)
{
    static char help[] = "help";
    static char *bare[] = {help, NULL};
    if (argc < 2)
        return cmd_run(&verb_help, 1, bare);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        argv[1] = help;
    if (strcmp(argv[1], "--version") == 0) {
        printf("skink %s\n", SKINK_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; cmd_verbs[i]; i++)
        if (strcmp(cmd_verbs[i]->name, argv[1]) == 0)
            return cmd_run(cmd_verbs[i], argc - 1, argv + 1);
    fprintf(stderr, "skink: %s: no such verb (skink help lists them)\n", argv[1]);
    return EXIT_USAGE;
}
