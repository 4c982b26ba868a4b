/*
 * The text of sysdig, and of the sets that were recorded with it: an event a line, one where a call
 * begins (>) and one where it ends (<).
 *
 *     sysdig       NUMBER TIME CPU PROCESS (TID) > CALL ARGUMENTS
 *     LID-DS 2019  NUMBER TIME CPU USER PROCESS TID > CALL ARGUMENTS       (Grimmer et al. 2019)
 *     LID-DS 2021  TIME USER PID PROCESS TID CALL > ARGUMENTS              (Grimmer et al. 2022)
 *
 * A process may have blanks in its name: the event is found by its direction.
 */
#include <string.h>

#include "base/parse.h"
#include "trace/lives.h"

/* Where a format has its columns. */
struct layout {
    int before;      /* columns before the process's name */
    int time, pid;   /* which of them, from 0; -1: it has none */
    bool parens;     /* the thread stands in parentheses */
    bool call_first; /* the call stands before the direction */
};

static const struct layout SYSDIG = {.before = 3, .time = 1, .pid = -1, .parens = true};
static const struct layout LID_DS_2019 = {.before = 4, .time = 1, .pid = -1};
static const struct layout LID_DS_2021 = {.before = 3, .time = 0, .pid = 2, .call_first = true};

struct sysdig {
    struct text text; /* first */
    struct lives lives;
    const struct layout *layout;
};

struct event {
    uint64_t time, pid, tid;
    const char *call, *call_end, *args, *end;
    bool begins;
};

struct piece {
    const char *at, *end;
};

/* ---- the columns ---- */

static bool next_piece(const char **at, const char *end, struct piece *piece)
{
    skip_spaces(at, end);
    piece->at = *at;
    piece->end = *at = word_end(*at, end);
    return piece->at < piece->end;
}

static bool piece_number(struct piece piece, uint64_t max, uint64_t *number)
{
    return parse_digits(&piece.at, piece.end, 10, number) && piece.at == piece.end &&
           *number <= max;
}

static bool piece_thread(const struct layout *layout, struct piece piece, uint64_t *tid)
{
    if (!layout->parens)
        return piece_number(piece, UINT32_MAX, tid);
    if (piece.end - piece.at < 3 || *piece.at != '(' || piece.end[-1] != ')')
        return false;
    return piece_number((struct piece){piece.at + 1, piece.end - 1}, UINT32_MAX, tid);
}

static bool piece_call(struct piece piece)
{
    for (; piece.at < piece.end; piece.at++)
        if (!is_name_char(*piece.at) && *piece.at != '<' && *piece.at != '>')
            return false;
    return true;
}

static bool is_direction(struct piece piece)
{
    return piece.end - piece.at == 1 && (*piece.at == '>' || *piece.at == '<');
}

/* From three pieces in a row: thread, then direction and call in the layout's order. */
static bool take_event(const struct layout *layout, const struct piece piece[3],
                       struct event *event)
{
    struct piece direction = piece[layout->call_first ? 2 : 1];
    struct piece call = piece[layout->call_first ? 1 : 2];
    if (!is_direction(direction) || !piece_call(call) ||
        !piece_thread(layout, piece[0], &event->tid))
        return false;
    event->begins = *direction.at == '>';
    event->call = call.at;
    event->call_end = call.end;
    event->args = piece[2].end;
    return true;
}

/* "10:02:03.000000004", "1574370749.000000004" or ns since 1970. */
static enum text_time piece_time(struct piece piece, uint64_t *ns)
{
    if (piece_number(piece, UINT64_MAX, ns))
        return TIME_SECONDS;
    enum text_time kind = text_time(&piece.at, piece.end, ns);
    return piece.at == piece.end ? kind : TIME_NONE;
}

static bool parse_event(const struct layout *layout, const char *at, const char *end,
                        struct event *event, enum text_time *clock)
{
    struct piece row[4], piece[3];
    for (int i = 0; i < layout->before; i++)
        if (!next_piece(&at, end, &row[i]))
            return false;
    *clock = piece_time(row[layout->time], &event->time);
    event->pid = 0;
    event->end = end;
    if (*clock == TIME_NONE ||
        (layout->pid >= 0 && !piece_number(row[layout->pid], UINT32_MAX, &event->pid)))
        return false;
    struct piece name; /* of the process: one word at least */
    if (!next_piece(&at, end, &name) || !next_piece(&at, end, &piece[0]) ||
        !next_piece(&at, end, &piece[1]))
        return false;
    while (next_piece(&at, end, &piece[2])) {
        if (take_event(layout, piece, event))
            return true;
        piece[0] = piece[1];
        piece[1] = piece[2];
    }
    return false;
}

/* ---- the arguments ---- */

static bool named(const struct event *event, const char *name)
{
    size_t length = (size_t)(event->call_end - event->call);
    return length == strlen(name) && memcmp(event->call, name, length) == 0;
}

/* Calls whose result sysdig writes as an address: hexadecimal without 0x. */
static bool returns_address(const struct event *event)
{
    return named(event, "mmap") || named(event, "mmap2") || named(event, "brk") ||
           named(event, "mremap");
}

/* A result is the first argument: "res=-2(ENOENT)", "fd=3(<f>/etc/hosts)", "res=7F2E925FF000". */
static bool parse_result(const struct event *event, int64_t *value)
{
    const char *at = event->args;
    uint64_t number;
    skip_spaces(&at, event->end);
    size_t left = (size_t)(event->end - at);
    if (left > 4 && memcmp(at, "res=", 4) == 0)
        at += 4;
    else if (left > 3 && memcmp(at, "fd=", 3) == 0)
        at += 3;
    else
        return false;
    bool minus = *at == '-';
    at += minus;
    if (!parse_digits(&at, event->end, !minus && returns_address(event) ? 16 : 10, &number))
        return false;
    *value = (int64_t)(minus ? 0 - number : number);
    return true;
}

/* The number after " NAME=", 0 when there is none. */
static uint32_t parse_argument(const struct event *event, const char *name)
{
    uint64_t number;
    const char *at = memmem(event->args, (size_t)(event->end - event->args), name, strlen(name));
    if (!at)
        return 0;
    at += strlen(name);
    return parse_digits(&at, event->end, 10, &number) && number <= UINT32_MAX ? (uint32_t)number
                                                                              : 0;
}

/* ---- what an event says ---- */

/* What sysdig tells besides calls: the scheduler's and its own doings. */
static bool is_no_call(const struct event *event)
{
    static const char *const others[] = {
        "switch",  "signaldeliver", "procinfo",   "page_fault",  "container", "notification",
        "cpuinfo", "cpu_hotplug",   "scapevent",  "tracer",      "infra",     "k8s",
        "mesos",   "userevent",     "asyncevent", "sysdigevent",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (named(event, others[i]))
            return true;
    return false;
}

static int take_end(struct sysdig *sysdig, struct life *life, const struct event *event,
                    uint16_t number)
{
    int64_t value = 0;
    bool has_value = parse_result(event, &value);
    struct call call = {.tid = life->tid, .pid = life->pid, .time = event->time, .number = number};
    /* Its beginning was before the trace, or was lost. */
    if (!life->calling || life->number != number)
        lives_call(&sysdig->lives, life, &call, true);
    lives_return(&sysdig->lives, life, event->time, has_value, value);
    return 0;
}

/* A child begins with the end of the call that made it, which there returned 0. */
static bool is_child(const struct sysdig *sysdig, const struct event *event, uint16_t number)
{
    int64_t value;
    const struct life *life = lives_find(&sysdig->lives, (uint32_t)event->tid);
    return !event->begins && call_forks(number) && parse_result(event, &value) && value == 0 &&
           (!life || !life->calling);
}

static int take_child(struct sysdig *sysdig, const struct event *event)
{
    uint32_t tid = (uint32_t)event->tid, parent = parse_argument(event, " ptid=");
    uint32_t pid = event->pid ? (uint32_t)event->pid : parse_argument(event, " pid=");
    struct life *life = lives_find(&sysdig->lives, tid);
    if (!life)
        life = lives_child(&sysdig->lives, tid, pid, parent, event->time);
    if (life && pid)
        life->pid = pid;
    return life ? 0 : -1;
}

static int take_call(struct sysdig *sysdig, const struct event *event)
{
    struct text *text = &sysdig->text;
    int number = text_call(text, event->call, (size_t)(event->call_end - event->call),
                           text->reader->options.i386);
    if (number < 0)
        return -1;
    if (is_child(sysdig, event, (uint16_t)number))
        return take_child(sysdig, event);
    struct life *life =
        lives_get(&sysdig->lives, (uint32_t)event->tid, (uint32_t)event->pid, event->time);
    if (!life)
        return -1;
    if (!event->begins)
        return take_end(sysdig, life, event, (uint16_t)number);
    struct call call = {
        .tid = life->tid, .pid = life->pid, .time = event->time, .number = (uint16_t)number};
    lives_call(&sysdig->lives, life, &call, true);
    return 0;
}

static int take_line(struct text *text, char *line, size_t length)
{
    struct sysdig *sysdig = (struct sysdig *)text;
    struct event event;
    enum text_time clock;
    const char *at = line, *end = line + length;
    skip_spaces(&at, end);
    if (at == end)
        return 0;
    if (!parse_event(sysdig->layout, at, end, &event, &clock))
        return text_fault(text, "not an event of sysdig", line, length);
    if (clock == TIME_OF_DAY)
        event.time = text_of_day(text, event.time);
    event.time += event.time == 0; /* 0 would say that there are no times */
    sysdig->lives.text = text;
    if (named(&event, "drop")) {
        struct call lost = {.kind = CALL_LOST, .time = event.time, .value = event.begins};
        queue_put(&text->queue, &lost, false);
        return 0;
    }
    if (named(&event, "procexit")) {
        struct life *life = lives_find(&sysdig->lives, (uint32_t)event.tid);
        if (life && event.begins)
            lives_exit(&sysdig->lives, life, event.time);
        return 0;
    }
    return is_no_call(&event) ? 0 : take_call(sysdig, &event);
}

/* ---- the formats ---- */

static int open_layout(struct trace_reader *reader, const struct layout *layout, struct error *err)
{
    reader->head.results = true;
    if (text_open_lines(reader, sizeof(struct sysdig), take_line, err) < 0)
        return -1;
    ((struct sysdig *)reader->state)->layout = layout;
    return 0;
}

static int sysdig_open(struct trace_reader *reader, struct error *err)
{
    return open_layout(reader, &SYSDIG, err);
}

static int lid_ds_2019_open(struct trace_reader *reader, struct error *err)
{
    return open_layout(reader, &LID_DS_2019, err);
}

static int lid_ds_2021_open(struct trace_reader *reader, struct error *err)
{
    return open_layout(reader, &LID_DS_2021, err);
}

static void sysdig_close(struct trace_reader *reader)
{
    struct sysdig *sysdig = reader->state;
    if (sysdig)
        lives_free(&sysdig->lives);
    text_close(reader);
}

static int probe_layout(const struct sample *sample, const struct layout *layout)
{
    struct sample rest = *sample;
    const char *line, *end;
    struct event event;
    enum text_time clock;
    return sample_line(&rest, &line, &end) && parse_event(layout, line, end, &event, &clock);
}

/* In this order: what is taken for the user by 2019 may be the beginning of a process's name. */
static int sysdig_probe(const struct sample *sample)
{
    return probe_layout(sample, &SYSDIG) ? 90 : 0;
}

static int lid_ds_2019_probe(const struct sample *sample)
{
    return probe_layout(sample, &LID_DS_2019) ? 85 : 0;
}

static int lid_ds_2021_probe(const struct sample *sample)
{
    return probe_layout(sample, &LID_DS_2021) ? 85 : 0;
}

const struct trace_format format_sysdig = {
    .name = "sysdig",
    .probe = sysdig_probe,
    .open = sysdig_open,
    .read = text_read,
    .close = sysdig_close,
};

const struct trace_format format_lid_ds_2019 = {
    .name = "lid-ds-2019",
    .probe = lid_ds_2019_probe,
    .open = lid_ds_2019_open,
    .read = text_read,
    .close = sysdig_close,
};

const struct trace_format format_lid_ds_2021 = {
    .name = "lid-ds-2021",
    .probe = lid_ds_2021_probe,
    .open = lid_ds_2021_open,
    .read = text_read,
    .close = sysdig_close,
};
