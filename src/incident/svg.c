/* An incident as a picture: the services in the order in which they call one another, the path of
 * the intruder among them, and below them when each raised its alerts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/drawing.h"

enum {
    MARGIN = 40,
    TOP = 62, /* and a line more for each of the title */
    WIDTH = 900,
    TITLE = 84, /* characters of a line of the title */
    TITLE_LINE = 22,
    NAME = 14, /* characters of a service's name in its box */
    BOX_W = 130,
    BOX_H = 44,
    GAP_X = 90,
    GAP_Y = 34,
    LINE = 26,
    COLUMNS = 8
};

struct node {
    const char *name;
    size_t column, row;
    bool alarmed, entry;
};

struct picture {
    const json_t *incident;
    struct node *node;
    size_t nodes, columns, rows;
    int top; /* where the services begin */
};

/* ---- where everything lies ---- */

static struct node *find(const struct picture *picture, const char *name)
{
    for (size_t i = 0; i < picture->nodes; i++)
        if (strcmp(picture->node[i].name, name) == 0)
            return &picture->node[i];
    return NULL;
}

static struct node *obtain(struct picture *picture, const char *name)
{
    struct node *node = find(picture, name);
    if (node)
        return node;
    picture->node =
        memory_must(reallocarray(picture->node, picture->nodes + 1, sizeof *picture->node));
    node = &picture->node[picture->nodes++];
    *node = (struct node){.name = name};
    return node;
}

static bool along(const struct picture *picture, const json_t *flow)
{
    size_t i;
    const json_t *step;
    json_array_foreach (json_object_get(picture->incident, "path"), i, step)
        if (strcmp(text_of(step, "from"), text_of(flow, "from")) == 0 &&
            strcmp(text_of(step, "to"), text_of(flow, "to")) == 0)
            return true;
    return false;
}

/* Does the flow say who stands left of whom? What is new does only where the intruder took it. */
static bool orders(const struct picture *picture, const json_t *flow)
{
    return strcmp(text_of(flow, "from"), "(outside)") == 0 ||
           !json_is_true(json_object_get(flow, "new")) || along(picture, flow);
}

/* Is there nobody left of it? */
static bool is_first(const struct picture *picture, const struct node *node)
{
    size_t i;
    const json_t *flow;
    json_array_foreach (json_object_get(picture->incident, "flows"), i, flow)
        if (orders(picture, flow) && strcmp(text_of(flow, "to"), node->name) == 0 &&
            strcmp(text_of(flow, "from"), node->name) != 0)
            return strcmp(node->name, "(outside)") == 0;
    return true;
}

/* A service's column: how many calls it is away from where calls begin. */
static void place_columns(struct picture *picture)
{
    size_t i;
    const json_t *flow;
    for (i = 0; i < picture->nodes; i++)
        picture->node[i].column = is_first(picture, &picture->node[i]) ? 0 : COLUMNS;
    for (size_t round = 0; round < COLUMNS; round++)
        json_array_foreach (json_object_get(picture->incident, "flows"), i, flow) {
            const struct node *from = find(picture, text_of(flow, "from"));
            struct node *to = find(picture, text_of(flow, "to"));
            if (orders(picture, flow) && to->column > from->column + 1)
                to->column = from->column + 1;
        }
    for (i = 0; i < picture->nodes; i++)
        picture->node[i].column %= COLUMNS; /* a circle that nobody calls into */
}

static void place(struct picture *picture)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(picture->incident, "flows"), i, one) {
        obtain(picture, text_of(one, "from"));
        obtain(picture, text_of(one, "to"));
    }
    json_array_foreach (json_object_get(picture->incident, "alerts"), i, one)
        obtain(picture, text_of(one, "service"))->alarmed = true;
    struct node *entry = find(picture, text_of(picture->incident, "entry"));
    if (entry)
        entry->entry = true;
    place_columns(picture);
    for (struct node *node = picture->node; node < picture->node + picture->nodes; node++) {
        for (const struct node *before = picture->node; before < node; before++)
            node->row += before->column == node->column;
        picture->columns = node->column >= picture->columns ? node->column + 1 : picture->columns;
        picture->rows = node->row >= picture->rows ? node->row + 1 : picture->rows;
    }
}

static int left_of(const struct node *node)
{
    return MARGIN + (int)node->column * (BOX_W + GAP_X);
}

static int top_of(const struct picture *picture, const struct node *node)
{
    return picture->top + (int)node->row * (BOX_H + GAP_Y);
}

/* ---- drawing ---- */

static void draw_flow(FILE *out, const struct picture *picture, const json_t *flow)
{
    const struct node *from = find(picture, text_of(flow, "from"));
    const struct node *to = find(picture, text_of(flow, "to"));
    bool path = along(picture, flow);
    bool novel = json_is_true(json_object_get(flow, "new"));
    if (from == to)
        return;
    /* Ahead from side to side; else out of the right side and back into it. */
    bool ahead = to->column > from->column;
    int x1 = left_of(from) + BOX_W, y1 = top_of(picture, from) + BOX_H / 2 + (ahead ? 0 : 8);
    int x2 = left_of(to) + (ahead ? 0 : BOX_W),
        y2 = top_of(picture, to) + BOX_H / 2 - (ahead ? 0 : 8);
    int bend = GAP_X / 2;
    fprintf(out,
            "<path class=\"flow%s%s\" d=\"M%d %d C%d %d %d %d %d %d\" "
            "marker-end=\"url(#%s)\"/>\n",
            path ? " path" : "", novel ? " new" : "", x1, y1, x1 + bend, y1,
            ahead ? x2 - bend : x2 + bend, y2, x2, y2, path ? "hot" : "tip");
}

static void draw_node(FILE *out, const struct picture *picture, const struct node *node)
{
    double sure = json_number_value(json_object_get(picture->incident, "probability"));
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" class=\"box%s%s\"/>",
            left_of(node), top_of(picture, node), BOX_W, BOX_H, node->alarmed ? " alarmed" : "",
            node->entry ? " entry" : "");
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", left_of(node) + BOX_W / 2,
            top_of(picture, node) + (node->entry ? 20 : 27));
    drawing_text(out, node->name, NAME);
    fprintf(out, "</text>\n");
    if (node->entry)
        fprintf(out,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"small\">entry, %.0f %%"
                "</text>\n",
                left_of(node) + BOX_W / 2, top_of(picture, node) + 37, 100 * sure);
}

/* Alerts in the order of their first foreign call, how suspicious each is as a bar. */
static void draw_alerts(FILE *out, const struct picture *picture, int top)
{
    size_t i;
    const json_t *alert;
    json_array_foreach (json_object_get(picture->incident, "alerts"), i, alert) {
        int y = top + LINE * (int)i;
        double score = json_number_value(json_object_get(alert, "score"));
        fprintf(out,
                "<rect x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"14\" class=\"bar\"/>"
                "<text x=\"%d\" y=\"%d\" class=\"small\">",
                MARGIN, y - 12, 80 * score, MARGIN + 90, y);
        drawing_text(out, text_of(alert, "first_seen"), 32);
        fputs("  ", out);
        drawing_text(out, text_of(alert, "service"), 32);
        fputs(", replica ", out);
        drawing_text(out, text_of(alert, "replica"), 32);
        fprintf(out, "</text>\n");
    }
}

/* The next line of a text that is broken between words: how long it is. */
static size_t line_length(const char *text)
{
    size_t length = strlen(text), blank = 0;
    for (size_t i = 0; i < length && i <= TITLE; i++)
        if (text[i] == ' ')
            blank = i;
    return length <= TITLE || blank == 0 ? length : blank;
}

static int title_lines(const char *text)
{
    int lines = 0;
    for (; *text; lines++) {
        text += line_length(text);
        text += *text == ' ';
    }
    return lines;
}

static void draw_title(FILE *out, const char *text)
{
    for (int y = 34; *text; y += TITLE_LINE) {
        size_t length = line_length(text);
        autofree char *line = memory_must(strndup(text, length));
        fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"title\">", MARGIN, y);
        drawing_text(out, line, 2 * TITLE);
        fprintf(out, "</text>\n");
        text += length;
        text += *text == ' ';
    }
}

static void draw_head(FILE *out, const struct picture *picture, int width, int height)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"14\" fill=\"#222\">\n"
            "<style>.title{font-size:17px;font-weight:bold}.small{font-size:13px}"
            ".flow{fill:none;stroke:#9a9a9a;stroke-width:1.3}.new{stroke-dasharray:6 4}"
            ".path{stroke:#d62828;stroke-width:3}"
            ".box{fill:#fff;stroke:#222}.alarmed{fill:#fbe3e3;stroke:#d62828}"
            ".curve{fill:none;stroke:#d62828;stroke-width:2}.axis{stroke:#c8c8c8}"
            ".entry{stroke-width:3}.bar{fill:#d62828}</style>\n"
            "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" "
            "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#9a9a9a\"/>"
            "</marker><marker id=\"hot\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
            "markerWidth=\"5\" markerHeight=\"5\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" "
            "fill=\"#d62828\"/></marker></defs>\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
            width, height, width, height, width, height);
    draw_title(out, text_of(picture->incident, "message"));
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"small\">incident ", MARGIN, picture->top - 26);
    drawing_text(out, text_of(picture->incident, "id"), 40);
    fprintf(out, ", ");
    drawing_text(out, text_of(picture->incident, "state"), 16);
    fprintf(out, "; red: alarmed, thick: the path, dashed: a new flow</text>\n");
}

char *incident_svg(const json_t *incident)
{
    char *svg = NULL;
    size_t size, i;
    const json_t *flow;
    struct picture picture = {
        .incident = incident,
        .top = TOP + TITLE_LINE * title_lines(text_of(incident, "message")),
    };
    place(&picture);
    int alerts = (int)json_array_size(json_object_get(incident, "alerts"));
    int width = 2 * MARGIN + (int)picture.columns * (BOX_W + GAP_X) - GAP_X;
    int bottom = picture.top + (int)picture.rows * (BOX_H + GAP_Y);
    int list = bottom + svg_growth_height(incident) + LINE;
    width = width > WIDTH ? width : WIDTH;
    FILE *out = memory_must(open_memstream(&svg, &size));
    draw_head(out, &picture, width, list + alerts * LINE + MARGIN / 2);
    json_array_foreach (json_object_get(incident, "flows"), i, flow)
        draw_flow(out, &picture, flow);
    for (i = 0; i < picture.nodes; i++)
        draw_node(out, &picture, &picture.node[i]);
    svg_growth(out, incident, MARGIN, bottom, width - 2 * MARGIN);
    draw_alerts(out, &picture, list);
    fprintf(out, "</svg>\n");
    free(picture.node);
    if (fclose(out) != 0)
        memory_must(NULL);
    return svg;
}
