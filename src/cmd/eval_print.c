/* What `skink eval` prints for people. */
#include <stdio.h>
#include <string.h>

#include "cmd/eval.h"
#include "cmd/terminal.h"
#include "lab/cell.h"

#define KIND_COLUMNS 6 /* detectors beside each other in the table of attacks */

/* Characters that the labels take. */
static int label_width(const json_t *detectors)
{
    size_t width = strlen("DETECTOR"), i;
    json_t *detector;
    char text[CELL_LABEL];
    json_array_foreach (detectors, i, detector)
        width = strlen(cell_label(text, detector)) > width ? strlen(text) : width;
    return (int)width;
}

static void print_title(const char *text)
{
    putchar('\n');
    terminal_print(stdout, PAINT_BOLD, text);
    putchar('\n');
}

/* ---- tables ---- */

static void print_head(const json_t *document)
{
    const json_t *traces = json_object_get(document, "traces");
    const char *kinds[] = {"training", "validation", "normal", "attack"};
    printf("%s:", json_string_value(json_object_get(document, "dataset")));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        printf(" %lld %s%s", json_integer_value(json_object_get(traces, kinds[i])), kinds[i],
               i < 3 ? "," : "");
    printf(" traces, %lld calls\n", json_integer_value(json_object_get(traces, "calls")));
    printf("%lld traces repeat another's calls; %lld attacks have the calls of a normal trace\n",
           json_integer_value(json_object_get(traces, "repeated")),
           json_integer_value(json_object_get(traces, "attacks_like_normal")));
    long long faults = json_integer_value(json_object_get(traces, "faults"));
    if (faults)
        printf("%lld malformed lines passed over, or calls of unknown name\n", faults);
    printf("protocol %s. %s\n", json_string_value(json_object_get(document, "protocol")),
           json_string_value(json_object_get(document, "protocol_words")));
}

static void print_curves(const json_t *detectors, int width)
{
    size_t i;
    json_t *detector;
    char name[CELL_LABEL], a[CELL_TEXT], b[CELL_TEXT], c[CELL_TEXT], d[CELL_TEXT], e[CELL_TEXT],
        f[CELL_TEXT], g[CELL_TEXT];
    print_title("Over all thresholds: area under the curve, attacks found at shares of false "
                "alarms, and back");
    printf("%-*s  %6s  %-15s  %6s  %6s  %6s  %9s\n", width, "DETECTOR", "AUC", "95 % INTERVAL",
           "AT 1 %", "AT 5 %", "AT 15%", "FPR AT 90");
    json_array_foreach (detectors, i, detector) {
        const json_t *interval = json_object_get(detector, "auc_interval");
        const json_t *found = json_object_get(detector, "tpr_at_fpr");
        printf("%-*s  %6s  %6s - %6s  %6s  %6s  %6s  %9s\n", width, cell_label(name, detector),
               cell_decimal(a, json_object_get(detector, "auc"), 4),
               cell_decimal(b, json_array_get(interval, 0), 4),
               cell_decimal(c, json_array_get(interval, 1), 4),
               cell_decimal(d, json_object_get(found, "0.01"), 3),
               cell_decimal(e, json_object_get(found, "0.05"), 3),
               cell_decimal(f, json_object_get(found, "0.15"), 3),
               cell_decimal(g, json_object_get(detector, "fpr_at_tpr90"), 3));
    }
}

static void print_alarms(const char *name, int width, const json_t *alarms)
{
    char a[CELL_TEXT], b[CELL_TEXT], c[CELL_TEXT], d[CELL_TEXT], e[CELL_TEXT], f[CELL_TEXT],
        g[CELL_TEXT], h[CELL_TEXT], i[CELL_TEXT];
    printf("%-*s  %9s  %9s  %6s  %5s  %8s  %8s  %8s  %8s  %8s\n", width, name,
           cell_decimal(a, json_object_get(alarms, "threshold"), 4),
           cell_decimal(b, json_object_get(alarms, "precision"), 3),
           cell_decimal(c, json_object_get(alarms, "recall"), 3),
           cell_decimal(d, json_object_get(alarms, "f1"), 3),
           cell_amount(e, json_object_get(alarms, "false_alarms")),
           cell_amount(f, json_object_get(alarms, "false_alarms_per_hour")),
           cell_amount(g, json_object_get(alarms, "false_alarms_per_million_calls")),
           cell_amount(h, json_object_get(alarms, "calls_to_detection")),
           cell_amount(i, json_object_get(alarms, "seconds_to_detection")));
}

static void print_thresholds(const json_t *detectors, int width)
{
    size_t i, j;
    json_t *detector, *given;
    char name[CELL_LABEL];
    print_title("At the threshold that normal data chose, and at those given");
    printf("%-*s  %9s  %9s  %6s  %5s  %8s  %8s  %8s  %8s  %8s\n", width, "", "", "", "", "",
           "FALSE", "AN", "PER 10^6", "CALLS TO", "SECONDS");
    printf("%-*s  %9s  %9s  %6s  %5s  %8s  %8s  %8s  %8s  %8s\n", width, "DETECTOR", "THRESHOLD",
           "PRECISION", "RECALL", "F1", "ALARMS", "HOUR", "CALLS", "DETECT", "TO DETECT");
    json_array_foreach (detectors, i, detector) {
        print_alarms(cell_label(name, detector), width, json_object_get(detector, "at_threshold"));
        json_array_foreach (json_object_get(detector, "at_given_thresholds"), j, given)
            print_alarms("", width, given);
    }
}

static void print_costs(const json_t *detectors, int width)
{
    size_t i;
    json_t *detector;
    char name[CELL_LABEL], a[CELL_TEXT], b[CELL_TEXT], c[CELL_TEXT], d[CELL_TEXT];
    print_title("What it costs, on one core");
    printf("%-*s  %8s  %8s  %8s  %10s\n", width, "DETECTOR", "CALLS/S", "MEMORY", "PATTERNS",
           "TRAINING S");
    json_array_foreach (detectors, i, detector) {
        const json_t *cost = json_object_get(detector, "cost");
        printf("%-*s  %8s  %8s  %8s  %10s\n", width, cell_label(name, detector),
               cell_amount(a, json_object_get(cost, "calls_per_second")),
               cell_amount(b, json_object_get(cost, "memory")),
               cell_amount(c, json_object_get(cost, "patterns")),
               cell_decimal(d, json_object_get(cost, "training_seconds"), 3));
    }
}

/* Detectors from `first` on, as many as stand beside each other. */
static void print_kinds_of(const json_t *detectors, const json_t *kinds, size_t first)
{
    size_t end = json_array_size(detectors), i;
    const json_t *kind;
    char name[CELL_LABEL], text[CELL_TEXT];
    end = end - first < KIND_COLUMNS ? end : first + KIND_COLUMNS;
    printf("%-24s  %7s", "KIND", "SAMPLES");
    for (size_t d = first; d < end; d++)
        printf("  %16.16s", cell_label(name, json_array_get(detectors, d)));
    putchar('\n');
    json_array_foreach (kinds, i, kind) {
        terminal_print(stdout, PAINT_NONE, json_string_value(json_object_get(kind, "kind")));
        size_t length = strlen(json_string_value(json_object_get(kind, "kind")));
        printf("%*s  %7lld", length < 24 ? (int)(24 - length) : 0, "",
               json_integer_value(json_object_get(kind, "samples")));
        for (size_t d = first; d < end; d++) {
            const json_t *attacks = json_object_get(json_array_get(detectors, d), "attacks");
            const json_t *found = json_object_get(json_array_get(attacks, i), "tpr_at_fpr5");
            printf("  %16s", cell_decimal(text, found, 3));
        }
        putchar('\n');
    }
}

static void print_kinds(const json_t *detectors)
{
    const json_t *kinds = json_object_get(json_array_get(detectors, 0), "attacks");
    print_title("Attacks found at 5 % false alarms, by kind");
    for (size_t first = 0; first < json_array_size(detectors); first += KIND_COLUMNS)
        print_kinds_of(detectors, kinds, first);
}

void eval_print(const json_t *document)
{
    const json_t *detectors = json_object_get(document, "detectors");
    int width = label_width(detectors);
    print_head(document);
    print_curves(detectors, width);
    print_thresholds(detectors, width);
    print_costs(detectors, width);
    print_kinds(detectors);
}
