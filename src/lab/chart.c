#include "lab/chart.h"

#include <math.h>
#include <string.h>

#include "lab/cell.h"

void chart_escape(FILE *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            fputs(entity, out);
        else if ((unsigned char)*text >= ' ')
            fputc(*text, out);
    }
}

/* ---- axes ---- */

enum { WIDTH = 470, WIDE = 940, HEIGHT = 360, LEFT = 62, TOP = 14, BOTTOM = 302 };

struct axis {
    const char *title;
    double end, step;
    const char *unit; /* behind the numbers of its ticks, which are the values over `scale` */
    double scale;
    int right; /* of a horizontal axis: where it ends */
};

/* 1, 2 or 5 times a power of ten, so that about five ticks cover the range. */
static double nice_step(double range)
{
    double power = pow(10, floor(log10(range / 5)));
    double factor = range / 5 / power;
    return power * (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10);
}

/* From 0 to the tick at or above most. */
static struct axis count_axis(const char *title, double most)
{
    double step = nice_step(fmax(most, 5)), end = ceil(fmax(most, 5) / step) * step;
    double scale = end >= 2e6 ? 1e6 : end >= 2e4 ? 1e3 : 1;
    return (struct axis){title, end,      step, scale >= 1e6 ? " M" : scale > 1 ? " k" : "",
                         scale, WIDE - 26};
}

static struct axis share_axis(const char *title, double end)
{
    return (struct axis){title, end, nice_step(end), " %", 0.01, WIDTH - 26};
}

static double place_x(const struct axis *x, double value)
{
    return LEFT + value / x->end * (x->right - LEFT);
}

static double place_y(const struct axis *y, double value)
{
    return BOTTOM - value / y->end * (BOTTOM - TOP);
}

static void draw_axes(FILE *out, const struct axis *x, const struct axis *y)
{
    for (int i = 0; i * x->step <= x->end * 1.0001; i++) {
        double at = place_x(x, i * x->step);
        fprintf(out,
                "<path class=\"grid\" d=\"M%.1f %d V%d\"/>"
                "<text x=\"%.1f\" y=\"%d\" class=\"mid\">%g%s</text>\n",
                at, BOTTOM, TOP, at, BOTTOM + 19, i * x->step / x->scale, x->unit);
    }
    for (int i = 0; i * y->step <= y->end * 1.0001; i++) {
        double at = place_y(y, i * y->step);
        fprintf(out,
                "<path class=\"grid\" d=\"M%d %.1f H%d\"/>"
                "<text x=\"%d\" y=\"%.1f\" class=\"end\">%g%s</text>\n",
                LEFT, at, x->right, LEFT - 8, at + 4.5, i * y->step / y->scale, y->unit);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%d %d V%d H%d\"/>\n", LEFT, TOP, BOTTOM, x->right);
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"mid\">%s</text>\n", (LEFT + x->right) / 2,
            BOTTOM + 44, x->title);
    fprintf(out, "<text transform=\"translate(14 %d) rotate(-90)\" class=\"mid\">%s</text>\n",
            (TOP + BOTTOM) / 2, y->title);
}

static void begin(FILE *out, int width, int height, const char *what)
{
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", width, height,
            what);
}

/* ---- curves ---- */

static double number_at(const json_t *point, size_t index)
{
    return json_number_value(json_array_get(point, index));
}

void chart_roc(FILE *out, const struct series *series, double most)
{
    struct axis x = share_axis("false alarms", most), y = share_axis("attacks found", 1);
    begin(out, WIDTH, HEIGHT, "ROC curves");
    draw_axes(out, &x, &y);
    fprintf(out, "<path class=\"chance\" d=\"M%d %d L%d %.1f\"/>\n", LEFT, BOTTOM, x.right,
            place_y(&y, most));
    for (size_t i = 0; i < series->count; i++) {
        const json_t *curve = json_object_get(series->detector[i], "roc");
        fprintf(out, "<polyline class=\"line s%zu\" points=\"%d,%d ", i, LEFT, BOTTOM);
        for (size_t j = 0; j < json_array_size(curve); j++) {
            const json_t *point = json_array_get(curve, j);
            if (number_at(point, 0) <= most)
                fprintf(out, "%.1f,%.1f ", place_x(&x, number_at(point, 0)),
                        place_y(&y, number_at(point, 1)));
        }
        fprintf(out, "\"/>\n");
    }
    fprintf(out, "</svg>\n");
}

void chart_growth(FILE *out, const struct series *series)
{
    double calls = 0, patterns = 0;
    for (size_t i = 0; i < series->count; i++) {
        const json_t *curve = json_object_get(series->detector[i], "growth");
        const json_t *last = json_array_get(curve, json_array_size(curve) - 1);
        calls = fmax(calls, number_at(last, 0));
        patterns = fmax(patterns, number_at(last, 1));
    }
    struct axis x = count_axis("calls learned", calls), y = count_axis("patterns", patterns);
    begin(out, WIDE, HEIGHT, "Growth curves");
    draw_axes(out, &x, &y);
    for (size_t i = 0; i < series->count; i++) {
        const json_t *curve = json_object_get(series->detector[i], "growth");
        fprintf(out, "<polyline class=\"line s%zu\" points=\"%d,%d ", i, LEFT, BOTTOM);
        for (size_t j = 0; j < json_array_size(curve); j++) {
            const json_t *point = json_array_get(curve, j);
            fprintf(out, "%.1f,%.1f ", place_x(&x, number_at(point, 0)),
                    place_y(&y, number_at(point, 1)));
        }
        fprintf(out, "\"/>\n");
    }
    fprintf(out, "</svg>\n");
}

/* ---- bars ---- */

enum { BAR = 13, GROUP_GAP = 14, BARS_WIDTH = 940, BARS_LEFT = 210, BARS_RIGHT = 880 };

static void draw_group(FILE *out, const struct series *series, size_t kind, int top)
{
    const json_t *first = json_array_get(json_object_get(series->detector[0], "attacks"), kind);
    int middle = top + (int)series->count * BAR / 2;
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"end\">", BARS_LEFT - 10, middle + 4);
    chart_escape(out, json_string_value(json_object_get(first, "kind")));
    fprintf(out, " <tspan class=\"dim\">%lld</tspan></text>\n",
            json_integer_value(json_object_get(first, "samples")));
    for (size_t i = 0; i < series->count; i++) {
        const json_t *attacks = json_object_get(series->detector[i], "attacks");
        double found =
            json_number_value(json_object_get(json_array_get(attacks, kind), "tpr_at_fpr5"));
        double width = found * (BARS_RIGHT - BARS_LEFT);
        int y = top + (int)i * BAR;
        fprintf(out,
                "<rect class=\"bar s%zu\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>"
                "<text x=\"%.1f\" y=\"%d\" class=\"value\">%.0f %%</text>\n",
                i, BARS_LEFT, y + 1, fmax(width, 1), BAR - 2, BARS_LEFT + fmax(width, 1) + 5,
                y + BAR - 3, 100 * found);
    }
}

void chart_attacks(FILE *out, const struct series *series)
{
    size_t kinds = json_array_size(json_object_get(series->detector[0], "attacks"));
    int group = (int)series->count * BAR + GROUP_GAP, height = (int)kinds * group + 8;
    begin(out, BARS_WIDTH, height + 26, "Attacks found, by kind");
    for (int i = 0; i <= 4; i++) {
        int at = BARS_LEFT + i * (BARS_RIGHT - BARS_LEFT) / 4;
        fprintf(out,
                "<path class=\"grid\" d=\"M%d 0 V%d\"/>"
                "<text x=\"%d\" y=\"%d\" class=\"mid\">%d %%</text>\n",
                at, height, at, height + 19, 25 * i);
    }
    for (size_t i = 0; i < kinds; i++)
        draw_group(out, series, i, (int)i * group + GROUP_GAP / 2);
    fprintf(out, "<path class=\"axis\" d=\"M%d 0 V%d\"/>\n</svg>\n", BARS_LEFT, height);
}
