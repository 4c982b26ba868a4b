#include "cmd/alert_print.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/ask.h"
#include "cmd/terminal.h"

#define PATTERNS_SHOWN 8 /* the JSON has the others */

/* The calls of a pattern, one blank between them. Caller frees. */
static char *join(const json_t *calls)
{
    char *text = NULL;
    size_t size, i;
    const json_t *call;
    FILE *out = memory_must(open_memstream(&text, &size));
    json_array_foreach (calls, i, call)
        fprintf(out, "%s%s", i ? " " : "", json_string_value(call) ? json_string_value(call) : "?");
    fclose(out);
    return memory_must(text);
}

static void print_detector(const json_t *alert, FILE *out)
{
    const char *detector = ask_text(alert, "detector");
    long long score = ask_number(alert, "score");
    long long threshold = ask_number(alert, "threshold");
    long long of = ask_number(alert, "of");
    if (strcmp(detector, "stide") == 0)
        terminal_field(
            out, PAINT_NONE, "detector",
            "STIDE: %lld of the last %lld windows of a thread were unknown (threshold %lld)", score,
            of, threshold);
    else if (strcmp(detector, "bosc") == 0)
        terminal_field(out, PAINT_NONE, "detector",
                       "BoSC: %lld bags of an epoch of %lld calls were unknown (threshold %lld)",
                       score, of, threshold);
    else if (strcmp(detector, "siblings") == 0)
        terminal_field(out, PAINT_NONE, "detector",
                       "siblings: %lld patterns that none of the %lld other replicas shows "
                       "(threshold %lld)",
                       score, ask_number(json_object_get(alert, "siblings"), "replicas"),
                       threshold);
    else if (strcmp(detector, "vote") == 0)
        terminal_field(out, PAINT_NONE, "detector",
                       "vote: outvoted by the other replicas, told %lld time%s", score,
                       score == 1 ? "" : "s");
    else if (strcmp(detector, "loss") != 0)
        terminal_field(out, PAINT_NONE, "detector",
                       "%s: %lld thing%s that the service never did (threshold %lld)", detector,
                       score, score == 1 ? "" : "s", threshold);
    else
        terminal_field(out, PAINT_NONE, "detector",
                       "loss: what could not be watched may hide anything");
}

static void print_tree(const json_t *tree, FILE *out)
{
    size_t i;
    const json_t *process;
    json_array_foreach (tree, i, process) {
        const char *arguments = ask_text(process, "arguments");
        terminal_field(out, PAINT_NONE, i ? "" : "processes", "%*s%s[%lld]  %s%s%s", (int)(2 * i),
                       "", ask_text(process, "command"), (long long)ask_number(process, "pid"),
                       ask_text(process, "program"), *arguments ? ": " : "", arguments);
    }
}

/* What was new, and the last known window before it, so that one sees what is foreign in it. */
static void print_unknown(const json_t *unknown, FILE *out)
{
    autofree char *calls = join(json_object_get(unknown, "calls"));
    const json_t *known = json_object_get(unknown, "known_before");
    long long count = ask_number(unknown, "count");
    if (json_is_array(known)) {
        autofree char *before = join(known);
        terminal_field(out, PAINT_DIM, "known", "%s", before);
    }
    terminal_field(out, PAINT_RED,
                   strcmp(ask_text(unknown, "kind"), "bag") == 0 ? "new bag" : "new", "%s", calls);
    terminal_field(out, PAINT_DIM, "", "by %s[%lld] at %s, %lld time%s",
                   ask_text(unknown, "command"), (long long)ask_number(unknown, "pid"),
                   ask_text(unknown, "time"), count, count == 1 ? "" : "s");
}

/* What was done that never was while the service was learned. */
static void print_facts(const json_t *facts, FILE *out)
{
    size_t i;
    const json_t *fact;
    json_array_foreach (facts, i, fact) {
        if (i >= PATTERNS_SHOWN)
            break;
        bool flow = strcmp(ask_text(fact, "kind"), "flow") == 0;
        if (strcmp(ask_text(fact, "kind"), "vote") == 0) {
            terminal_field(out, PAINT_RED, "outvoted", "%s: %s, at %s", ask_text(fact, "request"),
                           ask_text(fact, "why"), ask_text(fact, "time"));
            continue;
        }
        terminal_field(out, PAINT_RED, i ? "" : "never done", "%s %s by %s[%lld] at %s",
                       flow ? "call" : ask_text(fact, "access"),
                       ask_text(fact, flow ? "peer" : "path"), ask_text(fact, "command"),
                       (long long)ask_number(fact, "pid"), ask_text(fact, "time"));
    }
}

static void print_unknowns(const json_t *unknown, FILE *out)
{
    size_t i;
    const json_t *pattern;
    json_array_foreach (unknown, i, pattern)
        if (i < PATTERNS_SHOWN)
            print_unknown(pattern, out);
    if (i > PATTERNS_SHOWN)
        terminal_field(out, PAINT_NONE, "", "and %zu unknown patterns more (--json)",
                       i - PATTERNS_SHOWN);
}

static void print_head(const json_t *alert, FILE *out)
{
    const char *state = ask_text(alert, "state");
    enum paint paint = strcmp(state, "closed") == 0 ? PAINT_DIM : PAINT_RED;
    terminal_print(out, PAINT_NONE, ask_text(alert, "time"));
    fputs("  ", out);
    terminal_print(out, paint, state);
    fputs("  ", out);
    terminal_print(out, PAINT_BOLD, ask_text(alert, "message"));
    fputc('\n', out);
}

void alert_print(const json_t *alert, FILE *out)
{
    const json_t *replica = json_object_get(alert, "replica");
    const json_t *first = json_object_get(alert, "first_unknown");
    long long lost = ask_number(alert, "lost");
    print_head(alert, out);
    terminal_field(out, PAINT_NONE, "alert", "%s, first seen %s, last seen %s",
                   ask_text(alert, "id"), ask_text(alert, "first_seen"),
                   ask_text(alert, "last_seen"));
    terminal_field(out, PAINT_NONE, "replica", "%s of %s version %s (%s %.12s, pid %lld)",
                   ask_text(replica, "name"), ask_text(alert, "service"),
                   ask_text(alert, "version"), ask_text(replica, "engine"), ask_text(replica, "id"),
                   (long long)ask_number(replica, "pid"));
    print_detector(alert, out);
    if (json_is_object(first))
        terminal_field(out, PAINT_NONE, "first", "%s by %s[%lld] at %s, told %.1f ms later",
                       ask_text(first, "call"), ask_text(first, "command"),
                       (long long)ask_number(first, "pid"), ask_text(first, "time"),
                       ask_real(alert, "latency_ms"));
    print_tree(json_object_get(alert, "process_tree"), out);
    if (json_is_string(json_object_get(alert, "on_behalf_of")))
        terminal_field(out, PAINT_NONE, "", "on a connection of %s",
                       ask_text(alert, "on_behalf_of"));
    print_facts(json_object_get(alert, "facts"), out);
    print_unknowns(json_object_get(alert, "unknown"), out);
    terminal_field(out, PAINT_NONE, "in all", "%lld unknown patterns, met %lld times; profile %s",
                   (long long)ask_number(alert, "novelties"),
                   (long long)ask_number(alert, "mismatches"), ask_text(alert, "profile"));
    if (lost > 0)
        terminal_field(out, PAINT_YELLOW, "lost", "%lld reports: there may be more", lost);
    fputc('\n', out);
}
