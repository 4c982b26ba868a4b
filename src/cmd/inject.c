/* `skink inject`: plays a campaign, which makes a labelled data set. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "campaign/play.h"
#include "campaign/timetable.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/demo_paths.h"

static const struct cmd_option OPTIONS[] = {
    {"output", 'o', "DIR", "write the data set to DIR, which is made (needed)"},
    {"system", 0, "NAME", "the system's name, in place of the campaign's (shop)"},
    {"dry-run", 'n', NULL, "print the schedule and do nothing"},
    ASK_SOCKET_OPTION,
    {NULL, 0, NULL, NULL},
};

static void free_campaign(struct campaign **campaign)
{
    campaign_free(*campaign);
}

/* An installed program has an installed testbed; one that was only built has the source tree's. */
static const char *find_testbed(void)
{
    char program[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    return length > 0 && strcmp(program, DEMO_INSTALLED_PROGRAM) == 0 ? TESTBED_INSTALLED
                                                                      : TESTBED_SOURCE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    const char *directory = cmd_value(line, &verb_inject, "output");
    const char *system = cmd_value(line, &verb_inject, "system");
    bool dry = cmd_has(line, &verb_inject, "dry-run");
    __attribute__((cleanup(free_campaign))) struct campaign *campaign =
        campaign_load(line->operand[0], err);
    if (!campaign)
        return -1;
    if (system) {
        free(campaign->system.name);
        campaign->system.name = memory_must(strdup(system));
    }
    if (campaign_check(campaign, find_testbed(), err) < 0)
        return error_context(err, "%s", line->operand[0]);
    if (dry) {
        struct timetable timetable;
        timetable_make(campaign, &timetable);
        timetable_print(campaign, &timetable, stdout);
        timetable_clear(&timetable);
        return EXIT_DONE;
    }
    if (!directory)
        return error_set(err, EXIT_USAGE, 0, "inject: no data set (give a directory with -o DIR)");
    autofree char *socket = ask_socket(cmd_value(line, &verb_inject, "socket"));
    const struct play_options options = {
        .directory = directory, .testbed = find_testbed(), .socket = socket};
    return campaign_play(campaign, &options, err) < 0 ? -1 : EXIT_DONE;
}

const struct verb verb_inject = {
    .name = "inject",
    .summary = "play a campaign of attacks, changes and load: a labelled data set",
    .operands = "CAMPAIGN.yml",
    .description =
        "Attacks, changes and loads a real system that is up, by a plan, and writes down what was\n"
        "done when: the calls of every replica, who called whom, the alerts and incidents of the\n"
        "daemon that watches, and the truth. `skink eval DIR` reads it. A step that fails is written\n"
        "down as such; Ctrl-C ends the campaign tidily. The file, the data set and a system of your\n"
        "own in place of the testbed's shop: docs/campaigns.md. Needs root.",
    .example = "  sudo skink inject testbed/campaigns/smoke.yml --dry-run\n"
               "  sudo skink inject testbed/campaigns/smoke.yml -o smoke",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
