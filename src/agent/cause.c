#include "agent/cause.h"

#include <string.h>

#include "base/clock.h"

/* The process of a report and those that it descends from, down to the service's own. */
struct line {
    uint32_t pid[PROCESS_TREE_DEPTH];
    size_t count;
};

static struct line line_of(const struct alert_cause *cause, struct process_table *processes,
                           const struct report *report)
{
    struct line line;
    line.count = process_line(processes, report->head.pid, report->head.replica, cause->since,
                              line.pid, PROCESS_TREE_DEPTH);
    return line;
}

/* Where the process is among the cause's, or their number. */
static size_t find(const struct alert_cause *cause, uint32_t pid)
{
    size_t i = 0;
    while (i < cause->count && cause->pid[i] != pid)
        i++;
    return i;
}

/* Those that were met longest ago make room: who started many short ones is met with each of them.
 */
static void remember(struct alert_cause *cause, uint32_t pid)
{
    size_t gone = find(cause, pid);
    if (gone == CAUSE_PROCESSES)
        gone = 0;
    if (gone < cause->count)
        memmove(&cause->pid[gone], &cause->pid[gone + 1],
                (--cause->count - gone) * sizeof *cause->pid);
    cause->pid[cause->count++] = pid;
}

static bool begins(const struct alert_cause *cause, const struct line *line,
                   const struct report *report)
{
    for (size_t i = 0; i < line->count; i++)
        if (find(cause, line->pid[i]) < cause->count)
            return false;
    return line->count > 0 || report->flags & REPORT_NEW;
}

void cause_begin(struct alert_cause *cause, uint64_t time)
{
    if (cause->count == 0)
        cause->since = time > CAUSE_CHAIN ? time - CAUSE_CHAIN : 0;
    cause->latest = time;
}

bool cause_is_another(const struct alert_cause *cause, struct process_table *processes,
                      const struct report *report)
{
    const struct line line = line_of(cause, processes, report);
    return clock_passed(report->head.time, cause->latest) > CAUSE_QUIET &&
           begins(cause, &line, report);
}

void cause_take(struct alert_cause *cause, struct process_table *processes,
                const struct report *report)
{
    const struct line line = line_of(cause, processes, report);
    if (begins(cause, &line, report) && report->head.time > cause->latest)
        cause->latest = report->head.time;
    for (size_t i = 0; i < line.count; i++)
        remember(cause, line.pid[i]);
}
