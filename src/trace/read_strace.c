/*
 * The text that strace (4.x to 6.x) writes, with and without process ids and times:
 *
 *     [pid  71] 10:00:00.000123 read(3, "abc"..., 4096) = 3 <0.000010>
 *     71    1574370749.000123 <... futex resumed>) = -1 EAGAIN (Resource temporarily unavailable)
 */
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "trace/errnos.h"
#include "trace/lives.h"

#define ANONYMOUS 1            /* the thread that strace does not name, while it is alone */
#define EPOCH     100000000ULL /* s; times of fewer are those of -r, since the line before */

struct strace {
    struct text text; /* first */
    struct lives lives;
    struct errnos errnos;
    uint32_t alias;   /* the id by which strace names the anonymous thread once there are others */
    uint32_t held;    /* the thread whose line a message of strace has cut in two; 0: none */
    uint64_t elapsed; /* ns, the sum of the times of -r */
};

/* A line and what its beginning says. */
struct line {
    const char *at, *end;
    uint64_t tid; /* 0: not said */
    enum text_time clock;
    uint64_t time; /* ns by that clock; then, as struct call has it */
};

static bool take_prefix(const char **at, const char *end, const char *prefix)
{
    size_t length = strlen(prefix);
    if ((size_t)(end - *at) < length || memcmp(*at, prefix, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool take_suffix(const char *at, const char **end, const char *suffix)
{
    size_t length = strlen(suffix);
    if ((size_t)(*end - at) < length || memcmp(*end - length, suffix, length) != 0)
        return false;
    *end -= length;
    return true;
}

/* ---- the beginning of a line ---- */

static bool take_id(const char **at, const char *end, uint64_t *tid)
{
    return parse_digits(at, end, 10, tid) && *tid > 0 && *tid <= UINT32_MAX;
}

/* "[pid  71] " or "71    ". */
static bool take_thread(const char **at, const char *end, uint64_t *tid)
{
    const char *p = *at;
    bool bracket = take_prefix(&p, end, "[pid ");
    if (bracket)
        skip_spaces(&p, end);
    if (!take_id(&p, end, tid) || (bracket && !take_prefix(&p, end, "]")) || p == end || *p != ' ')
        return false;
    skip_spaces(&p, end);
    *at = p;
    return true;
}

/* The times of -r, -t, -tt, -ttt, and of -r together with one of the others. */
static void take_time(struct line *line)
{
    uint64_t delta;
    line->clock = text_time(&line->at, line->end, &line->time);
    if (line->clock == TIME_NONE) {
        line->time = 0;
        return;
    }
    skip_spaces(&line->at, line->end);
    const char *at = line->at;
    if (!take_prefix(&at, line->end, "(+"))
        return;
    skip_spaces(&at, line->end);
    const char *close = memchr(at, ')', (size_t)(line->end - at));
    if (close && text_time(&at, close, &delta) == TIME_SECONDS && at == close) {
        line->at = close + 1;
        skip_spaces(&line->at, line->end);
    }
}

static void take_start(struct line *line)
{
    if (!take_thread(&line->at, line->end, &line->tid))
        line->tid = 0;
    skip_spaces(&line->at, line->end);
    take_time(line);
}

static void settle_time(struct strace *strace, struct line *line)
{
    if (line->clock == TIME_NONE)
        return;
    if (line->clock == TIME_OF_DAY)
        line->time = text_of_day(&strace->text, line->time);
    else if (line->time < EPOCH * NS_PER_S)
        line->time = strace->elapsed += line->time;
    if (line->time == 0) /* that would say that there are no times */
        line->time = 1;
}

/*
 * Whose line it is. strace names no thread while there is but one: the first stays anonymous until
 * others come, and is then recognised by being named without having been announced.
 */
static struct life *line_life(struct strace *strace, const struct line *line)
{
    struct lives *lives = &strace->lives;
    struct life *life = NULL;
    if (!line->tid) {
        life = lives_only(lives);
        return life ? life : lives_get(lives, ANONYMOUS, 0, line->time);
    }
    uint32_t tid = (uint32_t)line->tid;
    bool ends = line->end - line->at > 4 && memcmp(line->at, "<...", 4) == 0;
    if (!strace->alias && lives_find(lives, ANONYMOUS) && !lives_find(lives, tid) &&
        (ends || !lives->forking))
        strace->alias = tid;
    return lives_get(lives, tid == strace->alias ? ANONYMOUS : tid, 0, line->time);
}

/* ---- the end of a line ---- */

/* What a call returned: "3", "0x7f00", "022", "-1 ENOENT (…)", "? ERESTARTSYS (…)", "?". */
static bool parse_value(struct strace *strace, const char *at, const char *end, bool *has_value,
                        int64_t *value)
{
    bool unknown = take_prefix(&at, end, "?"), minus = !unknown && take_prefix(&at, end, "-");
    uint64_t number = 0;
    if (!unknown) {
        bool hex = take_prefix(&at, end, "0x");
        unsigned base = hex ? 16 : at < end && *at == '0' ? 8 : 10;
        if (!parse_digits(&at, end, base, &number) || (at < end && *at != ' ' && *at != '<'))
            return false;
    }
    *has_value = !unknown;
    *value = (int64_t)(minus ? 0 - number : number);
    const char *name = at < end ? at + 1 : end, *behind = word_end(name, end);
    if ((!unknown && *value != -1) || behind - name < 2 || *name != 'E')
        return true;
    int error = errnos_find(&strace->errnos, name, (size_t)(behind - name));
    if (error) {
        *has_value = true;
        *value = -error;
    }
    return true;
}

/* Finds the result behind the call's last parenthesis: ") = 3", padded with blanks. */
static bool find_result(struct strace *strace, const char *at, const char *end, bool *has_value,
                        int64_t *value)
{
    const char *equals = end;
    while ((equals = memrchr(at, '=', (size_t)(equals - at)))) {
        const char *before = equals;
        while (before > at && before[-1] == ' ')
            before--;
        if (before == equals || before == at || before[-1] != ')' || end - equals < 3 ||
            equals[1] != ' ')
            continue;
        return parse_value(strace, equals + 2, end, has_value, value);
    }
    return false;
}

/* ---- what a line says ---- */

static int bad_line(struct strace *strace, const struct line *line)
{
    return text_fault(&strace->text, "not a line of strace", line->at,
                      (size_t)(line->end - line->at));
}

/* "exited with 0 +++", "killed by SIGKILL +++", "superseded by execve in pid 72 +++". */
static int take_end(struct strace *strace, struct line *line, struct life *life)
{
    uint64_t tid;
    if (!take_suffix(line->at, &line->end, " +++"))
        return bad_line(strace, line);
    if (!take_prefix(&line->at, line->end, "superseded by execve in pid ")) {
        lives_exit(&strace->lives, life, line->time);
        return 0;
    }
    struct life *other = NULL;
    if (take_id(&line->at, line->end, &tid))
        other = lives_find(&strace->lives, (uint32_t)tid);
    if (other && other != life)
        lives_supersede(&strace->lives, life, other, line->time);
    return 0;
}

/* The number of the call at the line's beginning, which moves behind its parenthesis; -1: a fault.
 */
static int take_name(struct strace *strace, struct line *line, bool i386)
{
    const char *name = line->at, *at = name;
    uint64_t number = 0;
    while (at < line->end && (is_name_char(*at) || *at == '?'))
        at++;
    if (at == name || at == line->end || *at != '(')
        return bad_line(strace, line);
    line->at = at + 1;
    if (!take_prefix(&name, at, "syscall_0x"))
        return text_call(&strace->text, name, (size_t)(at - name), i386);
    if (!parse_digits(&name, at, 16, &number) || name != at)
        return bad_line(strace, line);
    return text_number(number, i386);
}

static int take_call(struct strace *strace, struct line *line, struct life *life, bool cut)
{
    struct text *text = &strace->text;
    bool has_value = false, ends_apart = cut;
    int64_t value = 0;
    const char *end = line->end;
    struct line body = *line;
    /* The whole line is looked at before anything of it is believed. */
    int number = take_name(strace, &body, text->reader->options.i386 || life->i386);
    if (number < 0)
        return -1;
    if (take_suffix(body.at, &end, "<unfinished ...>"))
        ends_apart = true;
    else if (!cut && !take_suffix(body.at, &end, "<detached ...>") &&
             !find_result(strace, body.at - 1, end, &has_value, &value))
        return bad_line(strace, line);
    struct call call = {
        .tid = life->tid, .pid = life->pid, .time = line->time, .number = (uint16_t)number};
    lives_call(&strace->lives, life, &call, ends_apart);
    life->threads = call_forks(call.number) &&
                    memmem(body.at, (size_t)(end - body.at), "CLONE_THREAD", 12) != NULL;
    if (!ends_apart)
        lives_return(&strace->lives, life, line->time, has_value, value);
    return 0;
}

/* "futex resumed>) = 0": the end of a call, whose beginning may have been before the trace. */
static int take_resumed(struct strace *strace, struct line *line, struct life *life, bool cut)
{
    struct text *text = &strace->text;
    bool has_value = false;
    int64_t value = 0;
    const char *name = line->at, *behind = word_end(name, line->end), *at = behind;
    if (!take_prefix(&at, line->end, " resumed>"))
        return bad_line(strace, line);
    bool again = cut || take_suffix(at, &line->end, "<unfinished ...>") ||
                 take_suffix(at, &line->end, "<detached ...>");
    if (!again && !find_result(strace, at, line->end, &has_value, &value))
        return bad_line(strace, line);
    if (!life->calling) {
        bool i386 = text->reader->options.i386 || life->i386;
        int number = text_call(text, name, (size_t)(behind - name), i386);
        if (number < 0)
            return -1;
        struct call call = {
            .tid = life->tid, .pid = life->pid, .time = line->time, .number = (uint16_t)number};
        lives_call(&strace->lives, life, &call, true);
    }
    if (!again)
        lives_return(&strace->lives, life, line->time, has_value, value);
    return 0;
}

/* The rest of a line that a message had cut in two. */
static int take_rest(struct strace *strace, const struct line *line)
{
    struct life *life = lives_find(&strace->lives, strace->held);
    bool has_value = false;
    int64_t value = 0;
    const char *end = line->end;
    strace->held = 0;
    if (!life || take_suffix(line->at, &end, "<unfinished ...>"))
        return 0;
    if (!find_result(strace, line->at, end, &has_value, &value))
        return bad_line(strace, line);
    lives_return(&strace->lives, life, line->time, has_value, value);
    return 0;
}

static int take_body(struct strace *strace, struct line *line, bool cut)
{
    if (line->at == line->end)
        return 0;
    struct life *life = line_life(strace, line);
    if (!life)
        return -1;
    if (cut)
        strace->held = life->tid;
    if (take_prefix(&line->at, line->end, "--- "))
        return take_suffix(line->at, &line->end, " ---") ? 0 : bad_line(strace, line);
    if (take_prefix(&line->at, line->end, "+++ "))
        return take_end(strace, line, life);
    if (take_prefix(&line->at, line->end, "<... "))
        return take_resumed(strace, line, life, cut);
    return take_call(strace, line, life, cut);
}

/* ---- what strace says besides ---- */

/* "[ Process PID=71 runs in 32 bit mode. ]" */
static bool take_mode(struct strace *strace, const char *at, const char *end)
{
    uint64_t tid;
    if (!take_prefix(&at, end, "[ Process PID=") || !take_id(&at, end, &tid) ||
        !take_prefix(&at, end, " runs in "))
        return false;
    bool narrow = take_prefix(&at, end, "32 bit mode");
    struct line line = {.at = at, .end = end, .tid = tid};
    struct life *life = line_life(strace, &line);
    if (life)
        life->i386 = narrow;
    return true;
}

/* "Process 71 attached": a new thread, of the one that is forking if one is. */
static bool take_message(struct strace *strace, const char *at, const char *end)
{
    uint64_t tid;
    bool strace_says = take_prefix(&at, end, "strace: ");
    if (take_mode(strace, at, end))
        return true;
    if (!take_prefix(&at, end, "Process ") || !take_id(&at, end, &tid))
        return strace_says;
    if (take_prefix(&at, end, " attached") && (uint32_t)tid != strace->alias)
        lives_get(&strace->lives, (uint32_t)tid, 0, 0);
    return true;
}

/* The message at the end of a line which it cuts in two; NULL: none. */
static const char *find_message(const char *at, const char *end)
{
    const char *rest = end;
    if (!take_suffix(at, &rest, " attached"))
        return NULL;
    while (rest > at && rest[-1] >= '0' && rest[-1] <= '9')
        rest--;
    const char *digits = rest;
    return take_suffix(at, &rest, "strace: Process ") && digits < end ? rest : NULL;
}

static int take_line(struct text *text, char *data, size_t length)
{
    struct strace *strace = (struct strace *)text;
    struct line line = {.at = data, .end = data + length};
    strace->lives.text = text;
    if (strace->held)
        return take_rest(strace, &line);
    if (take_message(strace, line.at, line.end))
        return 0;
    const char *message = find_message(line.at, line.end), *end = line.end;
    if (message)
        line.end = message;
    take_start(&line);
    settle_time(strace, &line);
    int failed = take_body(strace, &line, message != NULL);
    if (message)
        take_message(strace, message, end);
    return failed;
}

static int strace_open(struct trace_reader *reader, struct error *err)
{
    reader->head.results = true;
    return text_open_lines(reader, sizeof(struct strace), take_line, err);
}

static void strace_close(struct trace_reader *reader)
{
    struct strace *strace = reader->state;
    if (strace)
        lives_free(&strace->lives);
    text_close(reader);
}

/* Behind thread and time, one of the first lines is "name(…" or one of strace's own marks. */
static int strace_probe(const struct sample *sample)
{
    struct sample rest = *sample;
    struct line line;
    for (int i = 0; i < 3 && sample_line(&rest, &line.at, &line.end); i++) {
        take_start(&line);
        const char *at = line.at;
        if (take_prefix(&at, line.end, "<... ") || take_prefix(&at, line.end, "--- SIG") ||
            take_prefix(&at, line.end, "+++ "))
            return 80;
        while (at < line.end && is_name_char(*at))
            at++;
        if (at > line.at && at < line.end && *at == '(')
            return 80;
    }
    return 0;
}

const struct trace_format format_strace = {
    .name = "strace",
    .probe = strace_probe,
    .open = strace_open,
    .read = text_read,
    .close = strace_close,
};
