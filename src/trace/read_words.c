/*
 * Calls as words between blanks, one trace a file: numbers, or names as skink prints them. So are
 * the traces of ADFA-LD (Creech & Hu 2013): numbers of 32-bit x86, one process each.
 */
#include <string.h>

#include "base/parse.h"
#include "trace/text.h"

#define PROBE_WORDS 16

static int put_call(struct text *text, uint16_t number)
{
    struct call call = {.tid = 1, .pid = 1, .number = number};
    queue_put(&text->queue, &call, false);
    return 0;
}

static int take_word(struct text *text, char *word, size_t length)
{
    const char *at = word, *end = word + length;
    bool i386 = text->reader->options.i386;
    uint64_t number;
    if (parse_digits(&at, end, 10, &number) && at == end)
        return put_call(text, text_number(number, i386));
    for (at = word; at < end && (is_name_char(*at) || *at == '/' || *at == '#'); at++) {
    }
    if (at != end || length >= CALL_NAME || (*word >= '0' && *word <= '9'))
        return text_fault(text, "neither the number nor the name of a call", word, length);
    int named = text_call(text, word, length, i386);
    return named < 0 ? -1 : put_call(text, (uint16_t)named);
}

static int plain_open(struct trace_reader *reader, struct error *err)
{
    return text_open_words(reader, sizeof(struct text), take_word, err);
}

static int adfa_ld_open(struct trace_reader *reader, struct error *err)
{
    reader->options.i386 = true;
    return plain_open(reader, err);
}

static bool is_call(const char *word, size_t length)
{
    char name[CALL_NAME + sizeof "/32"];
    const char *at = word, *end = word + length;
    uint64_t number;
    if (parse_digits(&at, end, 10, &number) && at == end)
        return true;
    if (length >= CALL_NAME)
        return false;
    memcpy(name, word, length);
    name[length] = '\0';
    if (call_by_name(name) >= 0)
        return true;
    memcpy(name + length, "/32", sizeof "/32");
    return call_by_name(name) >= 0;
}

/* Do the first words name calls? A last word that may have been cut off says nothing. */
static int plain_probe(const struct sample *sample)
{
    struct sample rest = *sample;
    const char *at, *end;
    size_t words = 0;
    while (words < PROBE_WORDS && sample_line(&rest, &at, &end))
        for (skip_spaces(&at, end); at < end && words < PROBE_WORDS; skip_spaces(&at, end)) {
            const char *stop = word_end(at, end);
            if (!is_call(at, (size_t)(stop - at)))
                return 0;
            words++;
            at = stop;
        }
    return words ? 40 : 0;
}

/* UTD-0001.txt, UVD-0001.txt, UAD-Adduser-1-1371.txt: training, validation, attack data. */
static int adfa_ld_probe(const struct sample *sample)
{
    const char *slash = strrchr(sample->path, '/'), *name = slash ? slash + 1 : sample->path;
    bool named = strncmp(name, "UTD-", 4) == 0 || strncmp(name, "UVD-", 4) == 0 ||
                 strncmp(name, "UAD-", 4) == 0;
    return named && plain_probe(sample) ? 90 : 0;
}

const struct trace_format format_plain = {
    .name = "plain",
    .probe = plain_probe,
    .open = plain_open,
    .read = text_read,
    .close = text_close,
};

const struct trace_format format_adfa_ld = {
    .name = "adfa-ld",
    .probe = adfa_ld_probe,
    .open = adfa_ld_open,
    .read = text_read,
    .close = text_close,
};
