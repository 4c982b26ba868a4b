/* `skink demo`: hands over to the play, which is written in Python (demo/demo.py). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/demo_paths.h"

/* An installed program has an installed play; one that was only built has the source tree's. */
static const char *play(const char *program)
{
    return strcmp(program, DEMO_INSTALLED_PROGRAM) == 0 ? DEMO_INSTALLED : DEMO_SOURCE;
}

static const struct cmd_option OPTIONS[] = {
    {"report", 0, "FILE", "where the report is written (default: skink-demo.html)"},
    {NULL, 0, NULL, NULL},
};

static int run(const struct cmd_line *line, struct error *err)
{
    const char *report = cmd_value(line, &verb_demo, "report");
    char program[PATH_MAX] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot read /proc/self/exe");
    if (access(play(program), R_OK) != 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot read %s", play(program));
    setenv("SKINK_BIN", program, 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    execlp("python3", "python3", play(program), report ? "--report" : NULL, report, (char *)NULL);
    error_set(err, EXIT_MACHINE, errno, "cannot start python3");
    return error_hint(err, "apt-get install python3");
}

const struct verb verb_demo = {
    .name = "demo",
    .summary = "show it all on real containers: learning, silence, a break-in, the answer to it",
    .operands = "",
    .description =
        "Starts a small web shop in containers of its own, learns what its services normally do,\n"
        "watches 10,000 requests and a restart in silence, breaks into the shop and shows what\n"
        "Skink says of it; then breaks in again, and Skink throws the intruder out while the shop\n"
        "goes on. A report says what the shoppers noticed. Needs root, takes at most three minutes\n"
        "and leaves nothing else behind. Exits with 0 only if all of that was so. docs/demo.md\n"
        "explains what one sees.",
    .example = "  sudo skink demo --report demo.html",
    .options = OPTIONS,
    .operands_max = 0,
    .run = run,
};
