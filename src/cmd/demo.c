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

static int run(const struct cmd_line *line, struct error *err)
{
    (void)line;
    char program[PATH_MAX] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot read /proc/self/exe");
    if (access(play(program), R_OK) != 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot read %s", play(program));
    setenv("SKINK_BIN", program, 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    execlp("python3", "python3", play(program), (char *)NULL);
    error_set(err, EXIT_MACHINE, errno, "cannot start python3");
    return error_hint(err, "apt-get install python3");
}

const struct verb verb_demo = {
    .name = "demo",
    .summary = "show it all on real containers: learning, silence, an attack, the alert",
    .operands = "",
    .description =
        "Starts a small web shop in containers of its own, learns what its services normally do,\n"
        "watches 10,000 requests and a restart in silence, breaks into the shop and shows what\n"
        "Skink says of it. Needs root, takes at most three minutes and leaves nothing behind.\n"
        "Exits with 0 only if all of that was so. docs/demo.md explains what one sees.",
    .example = "  sudo skink demo",
    .operands_max = 0,
    .run = run,
};
