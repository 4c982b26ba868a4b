/* `skink incidents`: which alerts belong together, and where the intruder came in. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/incident_print.h"
#include "cmd/output.h"
#include "incident/incident.h"

static const struct cmd_option OPTIONS[] = {
    {"svg", 0, "FILE", "draw the services and the path into FILE (-: standard output)"},
    {"html", 0, "FILE", "write the drawing and the story as a page into FILE (-: standard output)"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print incidents as JSON lines"},
    {NULL, 0, NULL, NULL},
};

/* Writes what was asked for into files; 0 when that was nothing. */
static int draw(const struct cmd_line *line, const json_t *incident, struct error *err)
{
    const char *svg = cmd_value(line, &verb_incidents, "svg");
    const char *html = cmd_value(line, &verb_incidents, "html");
    autofree char *drawing = svg ? incident_svg(incident) : NULL;
    autofree char *page = html ? incident_html(incident) : NULL;
    if ((svg && output_text(svg, drawing, err) < 0) || (html && output_text(html, page, err) < 0))
        return -1;
    return svg || html;
}

/* The incident with this number or id; NULL: the latest. */
static const json_t *choose(const json_t *incidents, const char *which, struct error *err)
{
    struct error ignored;
    size_t count = json_array_size(incidents), i;
    const json_t *incident;
    uint64_t number = count;
    json_array_foreach (incidents, i, incident)
        if (which && strcmp(ask_text(incident, "id"), which) == 0)
            return incident;
    if (count > 0 && (!which || parse_u64("number", which, 1, count, &number, &ignored) == 0))
        return json_array_get(incidents, number - 1);
    if (count == 0)
        error_set(err, EXIT_USAGE, 0, "there are no incidents");
    else
        error_set(err, EXIT_USAGE, 0, "%s: no such incident (1 to %zu, or an id)", which, count);
    return NULL;
}

static int show(const struct cmd_line *line, const json_t *incidents, struct error *err)
{
    const json_t *incident = choose(incidents, line->count > 1 ? line->operand[1] : NULL, err);
    if (!incident)
        return -1;
    int drawn = draw(line, incident, err);
    if (drawn != 0)
        return drawn < 0 ? -1 : EXIT_DONE;
    if (cmd_has(line, &verb_incidents, "json"))
        ask_print_line(incident);
    else
        incident_print(incident, stdout);
    return EXIT_DONE;
}

static void list(const struct cmd_line *line, const json_t *incidents)
{
    size_t i;
    const json_t *incident;
    if (cmd_has(line, &verb_incidents, "json"))
        json_array_foreach (incidents, i, incident)
            ask_print_line(incident);
    else if (json_array_size(incidents) == 0)
        printf("no incidents\n");
    else
        incidents_print(incidents, stdout);
}

static int run(const struct cmd_line *line, struct error *err)
{
    json_t *reply;
    int code = EXIT_DONE;
    bool one = line->count > 0;
    if (one && strcmp(line->operand[0], "show") != 0)
        return error_set(err, EXIT_USAGE, 0, "%s: unknown (show, or nothing)", line->operand[0]);
    if (!one &&
        (cmd_value(line, &verb_incidents, "svg") || cmd_value(line, &verb_incidents, "html")))
        return error_set(err, EXIT_USAGE, 0,
                         "--svg and --html draw one incident (skink incidents show)");
    json_t *request = json_pack("{s:s}", "verb", "incidents");
    if (ask_daemon(line, &verb_incidents, request, &reply, err) < 0)
        return -1;
    const json_t *incidents = json_object_get(reply, "incidents");
    if (one)
        code = show(line, incidents, err);
    else
        list(line, incidents);
    json_decref(reply);
    return code;
}

const struct verb verb_incidents = {
    .name = "incidents",
    .summary = "show what alerts belong together and where the intruder came in",
    .operands = "[show [NUMBER|ID]]",
    .description =
        "Lists the incidents of this host: alerts of one or several services that belong together.\n"
        "With show, tells the story of one, the latest unless it is named: by which service the\n"
        "intruder came in and how sure that is, the path from there, the time line and the alerts.\n"
        "docs/incidents.md explains how the entry is found, and its limits.",
    .example = "  skink incidents\n  skink incidents show 3 --html breach.html",
    .options = OPTIONS,
    .operands_max = 2,
    .run = run,
};
