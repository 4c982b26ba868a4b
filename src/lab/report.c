#include "lab/report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cell.h"
#include "lab/chart.h"

/* Light, dark and paper; colours of series that are told apart on each, also without red or green
 * (after Okabe & Ito 2008), with dashes from the fifth on. */
static const char STYLE[] =
    ":root{color-scheme:light dark;--page:#fff;--ink:#1c2126;--dim:#667079;--rule:#d9dee3;"
    "--s0:#0065bd;--s1:#d55e00;--s2:#00866a;--s3:#a8439c;--s4:#8a6d00;--s5:#2a9fd6;--s6:#c2185b;"
    "--s7:#555}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--page:#15181b;--ink:#e4e8eb;"
    "--dim:#98a2ab;--rule:#343b42;--s0:#62aef5;--s1:#ff9248;--s2:#3ccaa3;--s3:#e08ad6;--s4:#d9b838;"
    "--s5:#8fd4f7;--s6:#ff7aa8;--s7:#b5bcc2}}\n"
    "body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--page);color:var(--ink);"
    "font:16px/1.5 system-ui,'DejaVu Sans',sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .4rem}"
    "p{margin:.4rem 0;max-width:46rem}.dim,figcaption{color:var(--dim)}"
    "figcaption{font-size:.9rem}\n"
    ".pair figure{max-width:31rem}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(21rem,1fr));gap:1rem}"
    "section{break-inside:avoid}figure{margin:0}svg{display:block;width:100%;height:auto}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem;"
    "font-variant-numeric:tabular-nums}th,td{padding:.28rem .5rem;text-align:right;"
    "border-bottom:1px solid var(--rule)}th{color:var(--dim);font-weight:600;"
    "vertical-align:bottom}th:first-child,td:first-child{text-align:left;"
    "min-width:8.5rem;overflow-wrap:anywhere}"
    "tr.best td{font-weight:700}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;padding:0;margin:.6rem 0;"
    "font-size:.9rem}.legend svg{display:inline-block;width:2.2rem;height:.8rem;"
    "margin-right:.45rem;vertical-align:-.05rem}"
    ".legend .square{width:.8rem}\n"
    "svg text{fill:var(--ink);font-size:13px}svg .mid{text-anchor:middle}svg .end{text-anchor:end}"
    "svg .value{font-size:11px;fill:var(--dim)}svg .dim{fill:var(--dim)}"
    ".grid{stroke:var(--rule);fill:none}.axis{stroke:var(--ink);fill:none}"
    ".chance{stroke:var(--dim);stroke-dasharray:2 4;fill:none}"
    ".line{fill:none;stroke-width:2.2;stroke-linejoin:round}\n"
    ".line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}"
    ".line.s3{stroke:var(--s3)}.line.s4{stroke:var(--s4);stroke-dasharray:7 3}"
    ".line.s5{stroke:var(--s5);stroke-dasharray:7 3}.line.s6{stroke:var(--s6);stroke-dasharray:2 2}"
    ".line.s7{stroke:var(--s7);stroke-dasharray:2 2}\n"
    ".bar.s0{fill:var(--s0)}.bar.s1{fill:var(--s1)}.bar.s2{fill:var(--s2)}.bar.s3{fill:var(--s3)}"
    ".bar.s4{fill:var(--s4)}.bar.s5{fill:var(--s5)}.bar.s6{fill:var(--s6)}.bar.s7{fill:var(--s7)}\n"
    "@media print{body{max-width:none;padding:0;font-size:11pt}.scroll{overflow:visible}"
    "table{font-size:.75rem}h2{break-after:avoid}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n"
    "@page{margin:15mm}\n";

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* ---- what was evaluated ---- */

static void write_head(FILE *out, const json_t *document)
{
    const json_t *traces = json_object_get(document, "traces");
    const char *labels[] = {"training", "validation", "normal", "attack"};
    const char *dataset = text_of(document, "dataset");
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width\">\n"
            "<title>Detectors on %s</title>\n<style>\n%s</style>\n</head>\n<body>\n"
            "<h1>Detectors on %s</h1>\n<p>",
            dataset, STYLE, dataset);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        fprintf(out, "%lld %s%s", json_integer_value(json_object_get(traces, labels[i])), labels[i],
                i < 3 ? ", " : " traces");
    fprintf(out,
            "; %lld calls. %lld traces repeat another's calls, %lld attacks have the calls of a "
            "normal trace.</p>\n",
            json_integer_value(json_object_get(traces, "calls")),
            json_integer_value(json_object_get(traces, "repeated")),
            json_integer_value(json_object_get(traces, "attacks_like_normal")));
}

static void write_protocol(FILE *out, const json_t *document)
{
    const json_t *method = json_object_get(document, "method");
    bool largest = strcmp(text_of(method, "score"), "max") == 0;
    fprintf(out, "<h2>How it was measured</h2>\n<p><b>%s.</b> ", text_of(document, "protocol"));
    chart_escape(out, text_of(document, "protocol_words"));
    fprintf(
        out,
        " What is judged scores as the %s of its calls' scores; the calls of one %s are one "
        "stream. The threshold was chosen so that at most %g %% of normal data alarm; no attack "
        "had a part in it.%s The intervals are 95 %% percentiles of a bootstrap of %lld "
        "rounds.</p>\n",
        largest ? "largest" : "mean", text_of(method, "scope"),
        100 * json_number_value(json_object_get(method, "false_alarms")),
        json_is_true(json_object_get(method, "distinct"))
            ? " Traces whose calls another one has were left out."
            : "",
        json_integer_value(json_object_get(method, "bootstrap")));
}

/* ---- tables ---- */

/* A detector's row begins. */
static void write_label(FILE *out, const json_t *detector, bool best)
{
    char name[CELL_LABEL];
    fprintf(out, "<tr%s><td>", best ? " class=\"best\"" : "");
    chart_escape(out, cell_label(name, detector));
    fprintf(out, "</td>");
}

static void write_decimal(FILE *out, const json_t *value, int digits)
{
    char text[CELL_TEXT];
    fprintf(out, "<td>%s</td>", cell_decimal(text, value, digits));
}

static void write_amount(FILE *out, const json_t *value)
{
    char text[CELL_TEXT];
    fprintf(out, "<td>%s</td>", cell_amount(text, value));
}

static double area(const json_t *detector)
{
    return json_number_value(json_object_get(detector, "auc"));
}

static void write_curves(FILE *out, const json_t *detectors, double best)
{
    size_t i;
    json_t *detector;
    char low[CELL_TEXT], high[CELL_TEXT];
    fputs(
        "<section>\n<h2>Over all thresholds</h2>\n<div class=\"scroll\"><table id=\"curves\">\n<tr>"
        "<th>detector<th>AUC<th>95 % interval<th>found at 1 %<br>false alarms<th>at 5 %"
        "<th>at 15 %<th>false alarms when<br>90 % are found</tr>\n",
        out);
    json_array_foreach (detectors, i, detector) {
        const json_t *interval = json_object_get(detector, "auc_interval");
        const json_t *found = json_object_get(detector, "tpr_at_fpr");
        write_label(out, detector, area(detector) >= best);
        write_decimal(out, json_object_get(detector, "auc"), 4);
        fprintf(out, "<td>%s&#8202;–&#8202;%s</td>",
                cell_decimal(low, json_array_get(interval, 0), 4),
                cell_decimal(high, json_array_get(interval, 1), 4));
        write_decimal(out, json_object_get(found, "0.01"), 3);
        write_decimal(out, json_object_get(found, "0.05"), 3);
        write_decimal(out, json_object_get(found, "0.15"), 3);
        write_decimal(out, json_object_get(detector, "fpr_at_tpr90"), 3);
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n</section>\n", out);
}

static void write_alarms(FILE *out, const json_t *alarms)
{
    write_decimal(out, json_object_get(alarms, "threshold"), 4);
    write_decimal(out, json_object_get(alarms, "precision"), 3);
    write_decimal(out, json_object_get(alarms, "recall"), 3);
    write_decimal(out, json_object_get(alarms, "f1"), 3);
    write_amount(out, json_object_get(alarms, "false_alarms"));
    write_amount(out, json_object_get(alarms, "false_alarms_per_hour"));
    write_amount(out, json_object_get(alarms, "false_alarms_per_million_calls"));
    write_amount(out, json_object_get(alarms, "calls_to_detection"));
    write_amount(out, json_object_get(alarms, "seconds_to_detection"));
    fputs("</tr>\n", out);
}

static void write_thresholds(FILE *out, const json_t *detectors)
{
    size_t i, j;
    json_t *detector, *given;
    fputs("<section>\n<h2>At the threshold that normal data chose</h2>\n<div class=\"scroll\">"
          "<table id=\"thresholds\">\n<tr><th>detector<th>threshold<th>precision<th>recall<th>F1"
          "<th>false<br>alarms<th>an hour<th>per 10<sup>6</sup><br>calls<th>calls to<br>detection"
          "<th>seconds to<br>detection</tr>\n",
          out);
    json_array_foreach (detectors, i, detector) {
        write_label(out, detector, false);
        write_alarms(out, json_object_get(detector, "at_threshold"));
        json_array_foreach (json_object_get(detector, "at_given_thresholds"), j, given) {
            fputs("<tr><td class=\"dim\">given</td>", out);
            write_alarms(out, given);
        }
    }
    fputs("</table></div>\n</section>\n", out);
}

static void write_costs(FILE *out, const json_t *detectors)
{
    size_t i;
    json_t *detector;
    fputs(
        "<section>\n<h2>What it costs, on one core</h2>\n<div class=\"scroll\"><table id=\"costs\">\n<tr>"
        "<th>detector<th>calls judged<br>a second<th>bytes of<br>memory<th>patterns"
        "<th>seconds of<br>training</tr>\n",
        out);
    json_array_foreach (detectors, i, detector) {
        const json_t *cost = json_object_get(detector, "cost");
        write_label(out, detector, false);
        write_amount(out, json_object_get(cost, "calls_per_second"));
        write_amount(out, json_object_get(cost, "memory"));
        write_amount(out, json_object_get(cost, "patterns"));
        write_decimal(out, json_object_get(cost, "training_seconds"), 3);
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n</section>\n", out);
}

/* ---- pictures ---- */

static int by_area(const void *a, const void *b)
{
    double one = area(*(const json_t *const *)a), two = area(*(const json_t *const *)b);
    return (one < two) - (one > two);
}

/* The detectors of the largest areas, the best first. */
static struct series choose_series(const json_t *detectors)
{
    struct series series = {0};
    size_t count = json_array_size(detectors);
    const json_t **sorted = calloc(count + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = json_array_get(detectors, i);
    if (sorted)
        qsort(sorted, count, sizeof *sorted, by_area);
    for (; sorted && series.count < count && series.count < CHART_SERIES; series.count++)
        series.detector[series.count] = sorted[series.count];
    free(sorted);
    return series;
}

static void write_legend(FILE *out, const struct series *series, bool bars)
{
    char name[CELL_LABEL];
    fputs("<ul class=\"legend\">", out);
    for (size_t i = 0; i < series->count; i++) {
        fprintf(out,
                bars ? "<li><svg class=\"square\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">"
                       "<rect class=\"bar s%zu\" width=\"12\" height=\"12\"/></svg>"
                     : "<li><svg viewBox=\"0 0 36 12\" aria-hidden=\"true\">"
                       "<path class=\"line s%zu\" d=\"M1 6 H35\"/></svg>",
                i);
        chart_escape(out, cell_label(name, series->detector[i]));
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void write_pictures(FILE *out, const json_t *detectors)
{
    struct series series = choose_series(detectors);
    fputs("<section>\n<h2>Attacks found, and what that costs in false alarms</h2>\n", out);
    if (json_array_size(detectors) > series.count)
        fprintf(out, "<p class=\"dim\">Drawn are the %zu detectors of the largest area.</p>\n",
                series.count);
    write_legend(out, &series, false);
    fputs("<div class=\"pair\"><figure id=\"roc\">\n", out);
    chart_roc(out, &series, 1);
    fputs("<figcaption>ROC curves; dotted is chance.</figcaption></figure>\n"
          "<figure id=\"roc-left\">\n",
          out);
    chart_roc(out, &series, 0.2);
    fputs("<figcaption>The part with few false alarms.</figcaption></figure></div>\n</section>\n"
          "<section>\n<h2>Attacks found at 5 % false alarms, by kind</h2>\n",
          out);
    write_legend(out, &series, true);
    fputs("<figure id=\"attacks\">\n", out);
    chart_attacks(out, &series);
    fputs("<figcaption>Beside each kind: how many were judged.</figcaption></figure>\n</section>\n"
          "<section>\n<h2>How the profiles grew</h2>\n",
          out);
    write_legend(out, &series, false);
    fputs("<figure id=\"growth\">\n", out);
    chart_growth(out, &series);
    fputs("<figcaption>Distinct patterns over the calls learned.</figcaption></figure>\n"
          "</section>\n",
          out);
}

void report_write(const json_t *document, FILE *out)
{
    const json_t *detectors = json_object_get(document, "detectors");
    size_t i;
    json_t *detector;
    double best = 0;
    json_array_foreach (detectors, i, detector)
        best = area(detector) > best ? area(detector) : best;
    write_head(out, document);
    write_curves(out, detectors, best);
    write_pictures(out, detectors);
    write_thresholds(out, detectors);
    write_costs(out, detectors);
    write_protocol(out, document);
    fputs("</body>\n</html>\n", out);
}
