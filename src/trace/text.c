#include "trace/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"

#define EXCERPT 40
#define BATCH   256 /* lines or words between two looks at the queue */

static int open_text(struct trace_reader *reader, size_t size, struct error *err)
{
    struct text *text = calloc(1, size);
    reader->state = text;
    if (!text)
        return error_set(err, EXIT_MACHINE, ENOMEM, "%s", reader->path);
    text->reader = reader;
    return 0;
}

int text_open_lines(struct trace_reader *reader, size_t size,
                    int (*take)(struct text *text, char *line, size_t length), struct error *err)
{
    if (open_text(reader, size, err) < 0)
        return -1;
    struct text *text = reader->state;
    text->take = take;
    text->next = input_line;
    return 0;
}

int text_open_words(struct trace_reader *reader, size_t size,
                    int (*take)(struct text *text, char *word, size_t length), struct error *err)
{
    if (open_text(reader, size, err) < 0)
        return -1;
    struct text *text = reader->state;
    text->take = take;
    text->next = input_word;
    return 0;
}

void text_close(struct trace_reader *reader)
{
    free(reader->state);
}

int text_fault(struct text *text, const char *what, const char *at, size_t length)
{
    char excerpt[EXCERPT + 1];
    size_t shown = length < EXCERPT ? length : EXCERPT;
    for (size_t i = 0; i < shown; i++)
        excerpt[i] = isprint((unsigned char)at[i]) ? at[i] : '?';
    excerpt[shown] = '\0';
    snprintf(text->why, sizeof text->why, "%s: \"%s%s\"", what, excerpt, shown < length ? "…" : "");
    return -1;
}

static void note_first(struct text *text)
{
    struct trace_faults *faults = &text->reader->faults;
    if (faults->skipped + faults->unnamed == 0)
        snprintf(faults->first, sizeof faults->first, "%s: line %llu: %s", text->reader->path,
                 (unsigned long long)text->line, text->why);
}

int text_call(struct text *text, const char *name, size_t length, bool i386)
{
    int number = names_find(&text->names, name, length, i386);
    if (number >= 0)
        return number;
    text_fault(text, "no call has this name", name, length);
    if (!text->reader->options.lenient)
        return -1;
    note_first(text);
    text->reader->faults.unnamed++;
    return text_number(CALL_NUMBER_OTHER, i386);
}

/* What is malformed: an error, or counted and left out. */
static void take_fault(struct text *text)
{
    if (text->reader->options.lenient) {
        note_first(text);
        text->reader->faults.skipped++;
        return;
    }
    error_set(&text->failure, EXIT_USAGE, 0, "%s: line %llu: %s (--lenient goes on without it)",
              text->reader->path, (unsigned long long)text->line, text->why);
    text->state = TEXT_FAILED;
}

static void take_next(struct text *text)
{
    char *at;
    size_t length;
    int got = text->next(text->reader->input, &at, &length, &text->line, &text->failure);
    if (got <= 0) {
        text->state = got < 0 ? TEXT_FAILED : TEXT_ENDED;
        return;
    }
    if (length > 0 && at[length - 1] == '\r')
        at[--length] = '\0';
    if (text->take(text, at, length) < 0)
        take_fault(text);
}

/* A failure is reported after the calls that were read before it, and then for good. */
int text_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err)
{
    struct text *text = reader->state;
    size_t filled = 0;
    max = max < INT_MAX ? max : INT_MAX;
    while (filled < max) {
        bool ended = text->state != TEXT_READING;
        filled += queue_take(&text->queue, calls + filled, max - filled, ended);
        if (ended || filled == max)
            break;
        if (queue_room(&text->queue) < TEXT_RECORDS)
            queue_release(&text->queue);
        for (size_t i = 0;
             i < BATCH && text->state == TEXT_READING && queue_room(&text->queue) >= TEXT_RECORDS;
             i++)
            take_next(text);
    }
    if (filled == 0 && text->state == TEXT_FAILED) {
        *err = text->failure;
        return -1;
    }
    return (int)filled;
}

/* The digits behind a decimal point, as ns. */
static uint64_t fraction(const char **at, const char *end)
{
    uint64_t ns = 0, scale = NS_PER_S;
    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        scale /= 10;
        ns += (uint64_t)(**at - '0') * scale;
    }
    return ns;
}

/* Two digits and what follows them. */
static bool two_digits(const char **at, const char *end, uint64_t *value)
{
    const char *begin = *at;
    return parse_digits(at, end, 10, value) && *at == begin + 2 && *value < 60;
}

enum text_time text_time(const char **at, const char *end, uint64_t *ns)
{
    const char *p = *at;
    uint64_t number, minutes, seconds;
    enum text_time kind = TIME_SECONDS;
    if (!parse_digits(&p, end, 10, &number) || p == end)
        return TIME_NONE;
    if (*p == ':') {
        kind = TIME_OF_DAY;
        if (p - *at != 2 || number > 23 || !two_digits((p++, &p), end, &minutes) || p == end ||
            *p != ':' || !two_digits((p++, &p), end, &seconds))
            return TIME_NONE;
        number = (number * 60 + minutes) * 60 + seconds;
    }
    if (number > UINT64_MAX / NS_PER_S / 2 || (kind == TIME_SECONDS && *p != '.'))
        return TIME_NONE;
    *ns = number * NS_PER_S;
    if (p < end && *p == '.') {
        p++;
        *ns += fraction(&p, end);
    }
    if (p < end && *p != ' ')
        return TIME_NONE;
    *at = p;
    return kind;
}

uint64_t text_of_day(struct text *text, uint64_t ns)
{
    const uint64_t day = 86400 * NS_PER_S;
    if (ns + day / 2 < text->of_day)
        text->day += day;
    text->of_day = ns;
    return text->day + ns;
}

bool sample_line(struct sample *sample, const char **line, const char **end)
{
    while (sample->size > 0) {
        const char *stop = memchr(sample->data, '\n', sample->size);
        const char *next = stop ? stop + 1 : sample->data + sample->size;
        *line = sample->data;
        *end = stop ? stop : next;
        sample->size -= (size_t)(next - sample->data);
        sample->data = next;
        while (*end > *line && isspace((unsigned char)(*end)[-1]))
            --*end;
        if (*end > *line)
            return true;
    }
    return false;
}
