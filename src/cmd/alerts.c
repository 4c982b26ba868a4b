/* `skink alerts`: the daemon's alerts, spelled for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "cmd/alert_print.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"

#define LAST_DEFAULT 10

static const struct cmd_option OPTIONS[] = {
    {"follow", 'f', NULL, "go on with each alert as it happens, until interrupted"},
    {"last", 'n', "N", "show the last N alerts (default 10)"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print alerts as JSON lines"},
    {NULL, 0, NULL, NULL},
};

struct listing {
    bool json, follow;
    uint64_t last;
};

static void show(const struct listing *listing, const json_t *alert)
{
    if (listing->json) {
        ask_print_line(alert);
    } else {
        alert_print(alert, stdout);
    }
}

/* The reply holds what was before; every answer after it is one alert. */
static bool on_answer(void *context, const json_t *answer)
{
    const struct listing *listing = context;
    const json_t *alerts = json_object_get(answer, "alerts");
    if (!json_is_array(alerts)) {
        show(listing, answer);
    } else {
        size_t count = json_array_size(alerts);
        for (size_t i = count > listing->last ? count - listing->last : 0; i < count; i++)
            show(listing, json_array_get(alerts, i));
        if (count == 0 && !listing->follow && !listing->json)
            printf("no alerts\n");
    }
    return fflush(stdout) == 0 && listing->follow;
}

static int run(const struct cmd_line *line, struct error *err)
{
    const char *last = cmd_value(line, &verb_alerts, "last");
    struct listing listing = {.json = cmd_has(line, &verb_alerts, "json"),
                              .follow = cmd_has(line, &verb_alerts, "follow"),
                              .last = LAST_DEFAULT};
    if (last && parse_u64("--last", last, 0, 1000000, &listing.last, err) < 0)
        return -1;
    autofree char *socket = ask_socket(cmd_value(line, &verb_alerts, "socket"));
    json_t *request = json_pack("{s:s, s:b, s:I}", "verb", "alerts", "follow", listing.follow,
                                "last", (json_int_t)listing.last);
    int followed = control_follow(socket, request, on_answer, &listing, err);
    json_decref(request);
    return followed < 0 ? -1 : EXIT_DONE;
}

const struct verb verb_alerts = {
    .name = "alerts",
    .summary = "show the daemon's alerts, or follow them",
    .operands = "",
    .description =
        "Shows the alerts that the daemon has raised since it started, each in its latest state:\n"
        "which replica left its profile, the processes that lead to the one that did, and the\n"
        "unknown calls. docs/alerts.md explains the fields.",
    .example = "  skink alerts --last 3\n  skink alerts --follow --json | jq .message",
    .options = OPTIONS,
    .operands_max = 0,
    .run = run,
};
