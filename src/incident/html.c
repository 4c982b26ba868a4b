/* An incident as a page that needs nothing but itself: the drawing, and the story below it. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/markup.h"
#include "base/memory.h"
#include "incident/drawing.h"
#include "incident/events.h"

static const char STYLE[] =
    "body{margin:0 auto;max-width:72rem;padding:1.5rem;background:#fff;color:#222;"
    "font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.8rem 0 .4rem}"
    ".dim{color:#667079}figure{margin:1rem 0;border:1px solid #d9dee3}"
    "svg{display:block;max-width:100%;height:auto}.scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "td,th{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #d9dee3;"
    "overflow-wrap:anywhere}th{color:#667079;font-weight:600}"
    "td:first-child{white-space:nowrap;overflow-wrap:normal}.new{color:#b05a00}.alarm{color:#b01818}\n"
    "@media print{body{max-width:none;padding:0}tr{break-inside:avoid}}\n";

static void cell(FILE *out, const char *text)
{
    fputs("<td>", out);
    markup_print(out, text);
    fputs("</td>", out);
}

static double real_of(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static void write_head(FILE *out, const json_t *incident)
{
    fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Incident ");
    markup_print(out, text_of(incident, "id"));
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", STYLE);
    markup_print(out, text_of(incident, "message"));
    fputs("</h1>\n<p class=\"dim\">Incident ", out);
    markup_print(out, text_of(incident, "id"));
    fputs(", ", out);
    markup_print(out, text_of(incident, "state"));
    fputs("; first seen ", out);
    markup_print(out, text_of(incident, "first_seen"));
    fputs(", last seen ", out);
    markup_print(out, text_of(incident, "last_seen"));
    fputs(", told ", out);
    markup_print(out, text_of(incident, "time"));
    fputs(".</p>\n", out);
}

static void write_ranking(FILE *out, const json_t *incident)
{
    size_t i;
    const json_t *rank;
    fputs("<h2>Entry</h2>\n<table>\n<tr><th>Probability</th><th>Service</th><th></th></tr>\n", out);
    json_array_foreach (json_object_get(incident, "ranking"), i, rank) {
        bool outside = json_is_true(json_object_get(rank, "outside"));
        bool alarmed = json_is_true(json_object_get(rank, "alarmed"));
        fprintf(out, "<tr><td>%.1f %%</td>", 100 * real_of(rank, "probability"));
        cell(out, text_of(rank, "service"));
        fprintf(out, "<td>%s%s%s</td></tr>\n", outside ? "called from outside" : "",
                outside && !alarmed ? ", " : "", alarmed ? "" : "raised no alert");
    }
    fprintf(out,
            "<tr><td>%.1f %%</td><td colspan=\"2\">no common entry: false alarms, or separate "
            "causes</td></tr>\n</table>\n",
            100 * real_of(incident, "no_common_entry"));
}

/* "tcp port 8000" */
static void write_flow(FILE *out, const json_t *flow)
{
    long long port = json_integer_value(json_object_get(flow, "port"));
    markup_print(out, text_of(flow, "transport"));
    if (port > 0)
        fprintf(out, " port %lld", port);
}

static void write_path(FILE *out, const json_t *incident)
{
    size_t i;
    const json_t *step;
    const json_t *path = json_object_get(incident, "path");
    if (json_array_size(path) == 0)
        return;
    fputs("<h2>Path</h2>\n<table>\n<tr><th>Belief</th><th>From</th><th>To</th><th>By</th></tr>\n",
          out);
    json_array_foreach (path, i, step) {
        const json_t *flow = json_object_get(step, "flow");
        fprintf(out, "<tr><td>%.0f %%</td>", 100 * real_of(step, "belief"));
        cell(out, text_of(step, "from"));
        cell(out, text_of(step, "to"));
        fputs("<td>", out);
        if (json_is_object(flow)) {
            write_flow(out, flow);
            fputs(json_is_true(json_object_get(flow, "new")) ? ", a new flow" : ", a known call",
                  out);
        } else {
            fputs("no flow was seen", out);
        }
        fputs(json_is_true(json_object_get(step, "alarmed")) ? "" : "; raised no alert", out);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void write_time_line(FILE *out, const json_t *incident)
{
    size_t count;
    autofree struct incident_event *events = incident_events(incident, &count);
    fputs("<h2>Time line</h2>\n<table>\n", out);
    for (const struct incident_event *event = events; event < events + count; event++) {
        fputs("<tr>", out);
        cell(out, event->time);
        fputs(event->alert ? "<td class=\"alarm\">" : "<td class=\"new\">", out);
        if (event->alert) {
            markup_print(out, text_of(event->alert, "message"));
        } else {
            markup_print(out, text_of(event->flow, "from"));
            fputs(" → ", out);
            markup_print(out, text_of(event->flow, "to"));
            fputs(" for the first time, ", out);
            write_flow(out, event->flow);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void write_evidence(FILE *out, const json_t *incident)
{
    size_t i;
    const json_t *alert;
    fputs(
        "<h2>Evidence</h2>\n<div class=\"scroll\"><table>\n<tr><th>Alert</th><th>State</th>"
        "<th>Service</th><th>Replica</th><th>Score</th><th>First seen</th><th>Last seen</th></tr>\n",
        out);
    json_array_foreach (json_object_get(incident, "alerts"), i, alert) {
        fputs("<tr>", out);
        cell(out, text_of(alert, "id"));
        cell(out, text_of(alert, "state"));
        cell(out, text_of(alert, "service"));
        cell(out, text_of(alert, "replica"));
        fprintf(out, "<td>%.2f</td>", real_of(alert, "score"));
        cell(out, text_of(alert, "first_seen"));
        cell(out, text_of(alert, "last_seen"));
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

char *incident_html(const json_t *incident)
{
    char *page = NULL;
    size_t size;
    autofree char *svg = incident_svg(incident);
    FILE *out = memory_must(open_memstream(&page, &size));
    write_head(out, incident);
    fprintf(out, "<figure>\n%s</figure>\n", svg);
    write_ranking(out, incident);
    write_path(out, incident);
    write_time_line(out, incident);
    write_evidence(out, incident);
    fputs("</body>\n</html>\n", out);
    if (fclose(out) != 0)
        memory_must(NULL);
    return page;
}
