/* The curve of a profile's growth as a picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/markup.h"
#include "base/memory.h"
#include "profile/growth.h"

enum { WIDTH = 900, HEIGHT = 520, LEFT = 86, RIGHT = 870, TOP = 76, BOTTOM = 450 };
#define DOTS_MAX 400

static const char *const COLOURS[] = {
    [GROWTH_UNSTEADY] = "#9a9a9a",
    [GROWTH_STEADY] = "#1f6fd1",
    [GROWTH_ROW] = "#2a9d3a",
    [GROWTH_END] = "#d62828",
};

/* One axis: value * scale is what its ticks say. */
struct axis {
    const char *title;
    double scale, step, end; /* step and end as the ticks say them */
};

/* 1, 2 or 5 times a power of ten, so that about seven ticks cover the range. */
static double nice_step(double range)
{
    double power = pow(10, floor(log10(range / 7)));
    double factor = range / 7 / power;
    return power * (factor < 1.5 ? 1 : factor < 3 ? 2 : factor < 7 ? 5 : 10);
}

static struct axis axis_make(const char *title, double scale, double max)
{
    double range = max > 0 ? max * scale : 1;
    double step = nice_step(range);
    return (struct axis){title, scale, step, range};
}

static struct axis time_axis(double seconds)
{
    if (seconds <= 7200)
        return axis_make("training time (s)", 1, seconds);
    if (seconds <= 2 * 86400.0)
        return axis_make("training time (h)", 1 / 3600.0, seconds);
    return axis_make("training time (days)", 1 / 86400.0, seconds);
}

static struct axis call_axis(double calls)
{
    if (calls < 1e4)
        return axis_make("calls", 1, calls);
    if (calls < 1e7)
        return axis_make("calls (thousands)", 1e-3, calls);
    return axis_make("calls (millions)", 1e-6, calls);
}

static double position(const struct growth *growth, const struct growth_point *point)
{
    return growth->rule.interval_ns ? (double)point->elapsed_ns / (double)NS_PER_S
                                    : (double)point->calls;
}

static double place_x(const struct axis *x, double value)
{
    return LEFT + value * x->scale / x->end * (RIGHT - LEFT);
}

static double place_y(const struct axis *y, double value)
{
    return BOTTOM - value * y->scale / y->end * (BOTTOM - TOP);
}

static void draw_x_axis(FILE *out, const struct axis *x)
{
    for (int i = 0; i * x->step <= x->end * 1.0001; i++) {
        double at = LEFT + i * x->step / x->end * (RIGHT - LEFT);
        fprintf(out,
                "<path class=\"axis\" d=\"M%.1f %d v6\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                at, BOTTOM, at, BOTTOM + 22, i * x->step);
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (LEFT + RIGHT) / 2,
            HEIGHT - 18, x->title);
}

static void draw_y_axis(FILE *out, const struct axis *y)
{
    for (int i = 0; i * y->step <= y->end * 1.0001; i++) {
        double at = BOTTOM - i * y->step / y->end * (BOTTOM - TOP);
        fprintf(out,
                "<path class=\"grid\" d=\"M%d %.1f H%d\"/><path class=\"axis\" d=\"M%d %.1f h-6\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.10g</text>\n",
                LEFT, at, RIGHT, LEFT, at, LEFT - 10, at + 4.5, i * y->step);
    }
    fprintf(out,
            "<text transform=\"translate(22 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            (TOP + BOTTOM) / 2, y->title);
}

static void draw_head(FILE *out, const struct growth *growth, const char *title)
{
    const struct growth_rule *rule = &growth->rule;
    fprintf(out, "<text x=\"%d\" y=\"30\" class=\"title\">", LEFT);
    markup_print(out, title);
    fprintf(out, "</text>\n<text x=\"%d\" y=\"52\" class=\"small\">", LEFT);
    if (rule->interval_ns)
        fprintf(out, "intervals of %g s, steady from 0 to %g patterns a second",
                (double)rule->interval_ns / (double)NS_PER_S, rule->sigma);
    else
        fprintf(out, "intervals of %llu calls, steady from 0 to %g patterns per 1000 calls",
                (unsigned long long)rule->interval_calls, rule->sigma);
    if (growth->learned)
        fprintf(out, "; learned with %llu patterns",
                (unsigned long long)growth->points[growth->learned_at].patterns);
    else
        fprintf(out, "; not learned yet (%u of %u in a row)", growth->in_a_row, rule->needed);
    fprintf(out, "</text>\n");
}

/* One line for each run of intervals of one colour. */
static void draw_curve(FILE *out, const struct growth *growth, const struct axis *x,
                       const struct axis *y)
{
    for (size_t i = 1, run = 1; i < growth->count; i = run) {
        enum growth_mark mark = growth_mark(growth, i);
        while (run < growth->count && growth_mark(growth, run) == mark)
            run++;
        fprintf(out, "<polyline stroke=\"%s\" points=\"", COLOURS[mark]);
        for (const struct growth_point *p = &growth->points[i - 1]; p < &growth->points[run]; p++)
            fprintf(out, "%.1f,%.1f ", place_x(x, position(growth, p)),
                    place_y(y, (double)p->patterns));
        fprintf(out, "\"/>\n");
    }
}

/* On a crowded curve only the dot that ended the learning. */
static void draw_dots(FILE *out, const struct growth *growth, const struct axis *x,
                      const struct axis *y)
{
    double radius = growth->count > 100 ? 2.5 : 4;
    for (size_t i = 1; i < growth->count; i++) {
        const struct growth_point *point = &growth->points[i];
        enum growth_mark mark = growth_mark(growth, i);
        if (mark == GROWTH_END || growth->count <= DOTS_MAX)
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\"/>\n",
                    place_x(x, position(growth, point)), place_y(y, (double)point->patterns),
                    mark == GROWTH_END ? 5.5 : radius, COLOURS[mark]);
    }
}

static void draw_legend(FILE *out, uint32_t needed)
{
    enum { LINE = 22, MARKS = GROWTH_END + 1, LEFT_EDGE = RIGHT - 184 };
    char before[48];
    const char *meaning[] = {
        [GROWTH_UNSTEADY] = "not steady",
        [GROWTH_STEADY] = "steady",
        [GROWTH_ROW] = before,
        [GROWTH_END] = "ends the learning",
    };
    int top = BOTTOM - 16 - MARKS * LINE;
    snprintf(before, sizeof before, "the %u before the last", needed - 1);
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"174\" height=\"%d\" class=\"legend\"/>\n",
            LEFT_EDGE, top, MARKS * LINE + 8);
    for (int i = 0; i < MARKS; i++)
        fprintf(out,
                "<circle cx=\"%d\" cy=\"%d\" r=\"4.5\" fill=\"%s\"/>"
                "<text x=\"%d\" y=\"%d\" class=\"small\">%s</text>\n",
                LEFT_EDGE + 16, top + 15 + i * LINE, COLOURS[i], LEFT_EDGE + 30,
                top + 20 + i * LINE, meaning[i]);
}

char *growth_svg(const struct growth *growth, const char *title)
{
    char *svg = NULL;
    size_t size;
    double last = 0, most = 0;
    for (size_t i = 0; i < growth->count; i++) {
        last = fmax(last, position(growth, &growth->points[i]));
        most = fmax(most, (double)growth->points[i].patterns);
    }
    struct axis x = growth->rule.interval_ns ? time_axis(last) : call_axis(last);
    struct axis y = axis_make("patterns in the profile", 1, fmax(most, 5));
    y.end = ceil(y.end / y.step) * y.step;
    FILE *out = memory_must(open_memstream(&svg, &size));
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"14\" fill=\"#222\">\n"
            "<style>.title{font-size:19px;font-weight:bold}.small{font-size:13px}"
            ".axis{stroke:#222;fill:none}.grid{stroke:#e6e6e6}"
            "polyline{fill:none;stroke-width:2.5;stroke-linejoin:round;stroke-linecap:round}"
            ".legend{fill:#fff;fill-opacity:.85;stroke:#ccc}</style>\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    draw_head(out, growth, title);
    draw_x_axis(out, &x);
    draw_y_axis(out, &y);
    fprintf(out, "<path class=\"axis\" d=\"M%d %d V%d H%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
    draw_curve(out, growth, &x, &y);
    draw_dots(out, growth, &x, &y);
    draw_legend(out, growth->rule.needed);
    fprintf(out, "</svg>\n");
    if (fclose(out) != 0)
        memory_must(NULL);
    return svg;
}
