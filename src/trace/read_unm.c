/*
 * The sets of the University of New Mexico (Forrest et al. 1996): lines of a process and a number.
 * Most were recorded on SunOS; the numbers stay what they are, and no name of Linux fits them.
 */
#include <stdio.h>

#include "base/parse.h"
#include "trace/text.h"

/* "PID NUMBER" and nothing else. */
static bool parse_pair(const char *at, const char *end, uint64_t *pid, uint64_t *number)
{
    skip_spaces(&at, end);
    if (!parse_digits(&at, end, 10, pid) || *pid > UINT32_MAX || at == end ||
        word_end(at, end) != at)
        return false;
    skip_spaces(&at, end);
    if (!parse_digits(&at, end, 10, number))
        return false;
    skip_spaces(&at, end);
    return at == end;
}

static int take_line(struct text *text, char *line, size_t length)
{
    const char *at = line, *end = line + length;
    uint64_t pid, number;
    skip_spaces(&at, end);
    if (at == end)
        return 0;
    if (!parse_pair(line, end, &pid, &number))
        return text_fault(text, "not a process and the number of a call", line, length);
    struct call call = {.tid = (uint32_t)pid,
                        .pid = (uint32_t)pid,
                        .number = text_number(number, text->reader->options.i386)};
    queue_put(&text->queue, &call, false);
    return 0;
}

static int unm_open(struct trace_reader *reader, struct error *err)
{
    return text_open_lines(reader, sizeof(struct text), take_line, err);
}

/* Plain numbers, two on every line, could be meant otherwise: so it is not quite sure. */
static int unm_probe(const struct sample *sample)
{
    struct sample rest = *sample;
    const char *line, *end;
    uint64_t pid, number;
    size_t lines = 0;
    for (; sample_line(&rest, &line, &end); lines++)
        if (!parse_pair(line, end, &pid, &number))
            return 0;
    return lines ? 60 : 0;
}

const struct trace_format format_unm = {
    .name = "unm",
    .probe = unm_probe,
    .open = unm_open,
    .read = text_read,
    .close = text_close,
};
