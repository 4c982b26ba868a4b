/*
 * What all formats of lines or words share: their stream, their faults, names and times. Private to
 * the trace room. The state of such a format begins with a struct text.
 */
#ifndef SKINK_TRACE_TEXT_H
#define SKINK_TRACE_TEXT_H

#include "trace/names.h"
#include "trace/queue.h"
#include "trace/reader.h"

#define TEXT_RECORDS 4 /* the most that one line or word may put into the queue */

struct text {
    struct trace_reader *reader;
    /* Takes a line or word, which it may change and which ends in a NUL besides. -1: text_fault. */
    int (*take)(struct text *text, char *at, size_t length);
    int (*next)(struct input *, char **, size_t *, uint64_t *, struct error *);
    uint64_t line; /* its number, from 1 */
    struct queue queue;
    struct names names;
    uint64_t day, of_day; /* ns: midnights passed since the first time, and the last time */
    char why[128];        /* what text_fault said */
    enum { TEXT_READING, TEXT_ENDED, TEXT_FAILED } state;
    struct error failure; /* why, once TEXT_FAILED */
};

/* Allocates a state of that size, which begins with a struct text, for lines or words. */
int text_open_lines(struct trace_reader *reader, size_t size,
                    int (*take)(struct text *text, char *line, size_t length), struct error *err);
int text_open_words(struct trace_reader *reader, size_t size,
                    int (*take)(struct text *text, char *word, size_t length), struct error *err);

/* trace_format's read and close, where the state has nothing of its own to free. */
int text_read(struct trace_reader *reader, struct call *calls, size_t max, struct error *err);
void text_close(struct trace_reader *reader);

/* Says what is malformed, "what" and an excerpt of where; returns -1. */
int text_fault(struct text *text, const char *what, const char *at, size_t length);

/* The number of a named call as struct call carries it; -1 and a fault when there is none. */
int text_call(struct text *text, const char *name, size_t length, bool i386);

/* A number that the trace gives, as struct call carries it. */
static inline uint16_t text_number(uint64_t number, bool i386)
{
    uint16_t kept = number < CALL_NUMBER_OTHER ? (uint16_t)number : CALL_NUMBER_OTHER;
    return i386 ? kept | CALL_NUMBER_COMPAT : kept;
}

enum text_time { TIME_NONE, TIME_OF_DAY, TIME_SECONDS };

/* Reads "10:02:03", "10:02:03.004" or "123.004" at *at as ns and moves *at behind it. */
enum text_time text_time(const char **at, const char *end, uint64_t *ns);

/* A time of day as time since the midnight before the first one; a jump back is a new day. */
uint64_t text_of_day(struct text *text, uint64_t ns);

static inline void skip_spaces(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
}

/* The end of the word at `at`. */
static inline const char *word_end(const char *at, const char *end)
{
    while (at < end && *at != ' ' && *at != '\t')
        at++;
    return at;
}

static inline bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c >= 'A' && c <= 'Z');
}

/* Takes the next line that is not empty off the sample; false when there is none. */
bool sample_line(struct sample *sample, const char **line, const char **end);

#endif
