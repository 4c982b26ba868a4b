/* The growth of suspicion: for each alarmed service the highest score of its alerts so far, with a
 * dot where an alert began. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/drawing.h"

enum { ROW = 34, CURVE = 24, HEAD = 30, FOOT = 24, LABEL = 150, NAME = 18 };

/* A moment of one of a service's alerts. */
struct moment {
    double after_s, score;
    bool first;
};

struct panel {
    FILE *out;
    int left, width;
    double span_s;
};

static double real_of(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

/* Has the service of this alert had none before? */
static bool is_first(const json_t *alerts, size_t alert)
{
    const char *service = text_of(json_array_get(alerts, alert), "service");
    for (size_t i = 0; i < alert; i++)
        if (strcmp(text_of(json_array_get(alerts, i), "service"), service) == 0)
            return false;
    return true;
}

static size_t count_services(const json_t *alerts)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(alerts); i++)
        count += is_first(alerts, i);
    return count;
}

int svg_growth_height(const json_t *incident)
{
    return HEAD + ROW * (int)count_services(json_object_get(incident, "alerts")) + FOOT;
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a;
    const struct moment *y = b;
    return (x->after_s > y->after_s) - (x->after_s < y->after_s);
}

/* All moments of a service's alerts in their order. Caller frees. */
static struct moment *find_moments(const json_t *alerts, const char *service, size_t *count)
{
    size_t i, k;
    const json_t *alert;
    const json_t *at;
    struct moment *moments =
        memory_must(calloc(json_array_size(alerts) * INCIDENT_GROWTH + 1, sizeof *moments));
    *count = 0;
    json_array_foreach (alerts, i, alert)
        if (strcmp(text_of(alert, "service"), service) == 0)
            json_array_foreach (json_object_get(alert, "growth"), k, at)
                if (k < INCIDENT_GROWTH)
                    moments[(*count)++] =
                        (struct moment){real_of(at, "after_s"), real_of(at, "score"), k == 0};
    qsort(moments, *count, sizeof *moments, by_time);
    return moments;
}

static double span_of(const json_t *alerts)
{
    size_t i, k;
    const json_t *alert;
    const json_t *at;
    double span = 1;
    json_array_foreach (alerts, i, alert)
        json_array_foreach (json_object_get(alert, "growth"), k, at)
            span = fmax(span, real_of(at, "after_s"));
    return span;
}

static double x_of(const struct panel *panel, double after_s)
{
    return panel->left + LABEL + (panel->width - LABEL) * after_s / panel->span_s;
}

static void draw_row(const struct panel *panel, const json_t *alerts, const char *service, int top)
{
    size_t count;
    double level = 0;
    int bottom = top + CURVE;
    autofree struct moment *moments = find_moments(alerts, service, &count);
    fprintf(panel->out, "<text x=\"%d\" y=\"%d\" class=\"small\">", panel->left, bottom - 4);
    drawing_text(panel->out, service, NAME);
    fprintf(panel->out, "</text><path class=\"axis\" d=\"M%d %dH%d\"/>", panel->left + LABEL,
            bottom, panel->left + panel->width);
    fprintf(panel->out, "<path class=\"curve\" d=\"M%d %d", panel->left + LABEL, bottom);
    for (const struct moment *at = moments; at < moments + count; at++) {
        level = fmax(level, at->score);
        fprintf(panel->out, "H%.1fV%.1f", x_of(panel, at->after_s), bottom - CURVE * level);
    }
    fprintf(panel->out, "H%d\"/>\n", panel->left + panel->width);
    for (const struct moment *at = moments; at < moments + count; at++)
        if (at->first)
            fprintf(panel->out, "<circle cx=\"%.1f\" cy=\"%d\" r=\"4\" class=\"bar\"/>\n",
                    x_of(panel, at->after_s), bottom);
}

static void draw_axis(const struct panel *panel, const json_t *incident, int y)
{
    bool minutes = panel->span_s >= 300;
    fprintf(panel->out, "<text x=\"%d\" y=\"%d\" class=\"small\">", panel->left + LABEL, y);
    drawing_text(panel->out, text_of(incident, "first_seen"), 32);
    fprintf(panel->out,
            "</text><text x=\"%d\" y=\"%d\" class=\"small\" text-anchor=\"end\">%.*f %s later"
            "</text>\n",
            panel->left + panel->width, y, minutes ? 0 : 1,
            minutes ? panel->span_s / 60 : panel->span_s, minutes ? "min" : "s");
}

void svg_growth(FILE *out, const json_t *incident, int left, int top, int width)
{
    const json_t *alerts = json_object_get(incident, "alerts");
    const struct panel panel = {out, left, width, span_of(alerts)};
    fprintf(
        out,
        "<text x=\"%d\" y=\"%d\" class=\"small\">suspicion over time: the score of each alarmed "
        "service, 0 to 1; a dot where an alert began</text>\n",
        left, top + 14);
    top += HEAD;
    for (size_t i = 0; i < json_array_size(alerts); i++) {
        if (!is_first(alerts, i))
            continue;
        draw_row(&panel, alerts, text_of(json_array_get(alerts, i), "service"), top);
        top += ROW;
    }
    draw_axis(&panel, incident, top + 10);
}
