/*
 * The text of `sysdig -p "%evt.type %evt.args"`: an event a line, of which nobody says whether it
 * begins or ends a call, when that was, or whose call.
 *
 *     read fd=12(<f>/etc/hosts) size=512
 *     read res=174 data=127.0.0.1
 *
 * All is taken for one thread's, and a call stands where it began. Which event is an end is told by
 * its first argument; where there is none, the second event of a name ends what the first began.
 */
#include <string.h>

#include "profile/pattern.h"
#include "trace/lives.h"

struct bare {
    struct text text;             /* first */
    uint32_t running[CALL_CODES]; /* calls that have begun and not ended */
    bool told[CALL_CODES];        /* an end of this call is known by its argument */
};

struct event {
    const char *name, *name_end, *argument, *end;
};

static bool parse_event(const char *at, const char *end, struct event *event)
{
    skip_spaces(&at, end);
    event->name = at;
    while (at < end && is_name_char(*at))
        at++;
    event->name_end = at;
    skip_spaces(&at, end);
    event->argument = at;
    event->end = end;
    const char *equals = memchr(at, '=', (size_t)(word_end(at, end) - at));
    return event->name_end > event->name && (at == end || (equals && equals > at && at[-1] == ' '));
}

static bool argument_is(const struct event *event, const char *name)
{
    size_t length = strlen(name);
    return (size_t)(event->end - event->argument) >= length &&
           memcmp(event->argument, name, length) == 0;
}

/* "res=0"; what a call that makes a descriptor has made; what getuid and its kin return. */
static bool is_told_end(const struct event *event)
{
    static const char *const makers[] = {"open", "openat", "creat", "socket", "accept", "accept4"};
    if (argument_is(event, "res="))
        return true;
    size_t length = (size_t)(event->name_end - event->name);
    if (length > 3 && memcmp(event->name, "get", 3) == 0)
        return argument_is(event, "uid=") || argument_is(event, "euid=") ||
               argument_is(event, "gid=") || argument_is(event, "egid=");
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (length == strlen(makers[i]) && memcmp(event->name, makers[i], length) == 0)
            return argument_is(event, "fd=");
    return false;
}

static bool is_end(struct bare *bare, const struct event *event, uint32_t code)
{
    if (is_told_end(event)) {
        bare->told[code] = true;
        return true;
    }
    return event->argument == event->end && bare->running[code] > 0 && !bare->told[code];
}

static int take_line(struct text *text, char *line, size_t length)
{
    struct bare *bare = (struct bare *)text;
    struct event event;
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\r'))
        length--;
    if (length == 0)
        return 0;
    if (!parse_event(line, line + length, &event))
        return text_fault(text, "not an event of sysdig", line, length);
    int number = text_call(text, event.name, (size_t)(event.name_end - event.name),
                           text->reader->options.i386);
    if (number < 0)
        return -1;
    uint32_t code = call_number_code((uint16_t)number);
    bool end = is_end(bare, &event, code), begun = bare->running[code] > 0;
    if (end && begun)
        bare->running[code]--;
    if (!end)
        bare->running[code]++;
    /* An end alone: its beginning was before the trace. A child's, which its parent has begun. */
    bool child = end && call_forks((uint16_t)number) && argument_is(&event, "res=0 ");
    if ((end && begun) || child)
        return 0;
    struct call call = {.tid = 1, .pid = 1, .number = (uint16_t)number};
    queue_put(&text->queue, &call, false);
    return 0;
}

static int bare_open(struct trace_reader *reader, struct error *err)
{
    return text_open_lines(reader, sizeof(struct bare), take_line, err);
}

/* Every line is an event, and one at least has an argument: names alone are plain. */
static int bare_probe(const struct sample *sample)
{
    struct sample rest = *sample;
    const char *line, *end;
    struct event event;
    bool argument = false;
    while (sample_line(&rest, &line, &end)) {
        if (!parse_event(line, end, &event))
            return 0;
        argument |= argument_is(&event, "res=") || argument_is(&event, "fd=");
    }
    return argument ? 50 : 0;
}

const struct trace_format format_sysdig_bare = {
    .name = "sysdig-bare",
    .probe = bare_probe,
    .open = bare_open,
    .read = text_read,
    .close = text_close,
};
