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
#include "cmd/terminal.h"

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

/* ---- accept ---- */

static void print_learned(const json_t *alert)
{
    const json_t *learned = json_object_get(alert, "learned");
    terminal_print(stdout, PAINT_NONE, ask_text(alert, "service"));
    putchar('@');
    terminal_print(stdout, PAINT_NONE, ask_text(alert, "version"));
    printf(" has learned what alert %s found: %lld windows, %lld bags, %lld accesses, %lld peers\n",
           ask_text(alert, "id"), (long long)ask_number(learned, "windows"),
           (long long)ask_number(learned, "bags"), (long long)ask_number(learned, "accesses"),
           (long long)ask_number(learned, "peers"));
    if (ask_number(alert, "lost") > 0)
        printf(
            "%lld reports were lost meanwhile: what no later one has told is not learned, and is "
            "reported again\n",
            (long long)ask_number(alert, "lost"));
}

static void print_accepted(const json_t *reply)
{
    size_t i;
    const json_t *one;
    print_learned(json_object_get(reply, "alert"));
    json_array_foreach (json_object_get(reply, "plans"), i, one)
        printf("plan %lld of it is dropped\n", (long long)json_integer_value(one));
    json_array_foreach (json_object_get(reply, "measures"), i, one) {
        long long number = (long long)ask_number(one, "number");
        printf("measure %lld (%s of ", number, ask_text(one, "measure"));
        terminal_print(stdout, PAINT_NONE, ask_text(one, "replica_name"));
        printf(") is still in force: skink undo %lld\n", number);
    }
}

/* Those before one that is refused stay accepted. */
static int accept_alerts(const struct cmd_line *line, bool json, struct error *err)
{
    for (char *const *id = line->operand + 1; *id; id++) {
        json_t *reply;
        json_t *request = json_pack("{s:s,s:s}", "verb", "accept", "alert", *id);
        if (!request)
            return error_set(err, EXIT_USAGE, 0, "accept: the id is no text");
        if (ask_daemon(line, &verb_alerts, request, &reply, err) < 0)
            return -1;
        if (json)
            ask_print_line(reply);
        else
            print_accepted(reply);
        json_decref(reply);
    }
    return EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    if (line->count > 0 && (strcmp(line->operand[0], "accept") != 0 || line->count == 1))
        return error_set(err, EXIT_USAGE, 0, "alerts: it is alerts, or alerts accept ID…");
    if (line->count > 0)
        return accept_alerts(line, cmd_has(line, &verb_alerts, "json"), err);
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
    .summary = "show the daemon's alerts, follow them, or say that they were none",
    .operands = "[accept ID…]",
    .description =
        "Shows the alerts that the daemon has raised since it started, each in its latest state:\n"
        "which replica left its profile, the processes that lead to the one that did, and the\n"
        "unknown calls. docs/alerts.md explains the fields.\n\n"
        "accept says that what these alerts found was normal: their services learn all of it, the\n"
        "same is no alert any more, and plans that wait because of it are dropped. Measures that are\n"
        "in force stay so and are named (skink undo). It is for root and the operators.",
    .example = "  skink alerts --last 3\n  skink alerts --follow --json | jq .message\n"
               "  skink alerts accept 660db40cdcb96-5",
    .options = OPTIONS,
    .operands_max = -1,
    .run = run,
};
