#include "vote/answer.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/parse.h"

void answer_reset(struct answer *answer)
{
    free(answer->canonical);
    answer->canonical = NULL;
    answer->canonical_size = 0;
    answer->status = 0;
    answer->head.size = answer->body.size = answer->head_seen = 0;
}

void answer_free(struct answer *answer)
{
    free(answer->canonical);
    free(answer->head.data);
    free(answer->body.data);
}

static void append(struct answer_bytes *bytes, const char *data, size_t size)
{
    if (size == 0)
        return;
    if (!bytes->data || bytes->size + size > bytes->room) {
        bytes->room = 2 * (bytes->size + size);
        bytes->data = memory_must(realloc(bytes->data, bytes->room));
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static bool begin(struct answer *answer, const char *line, size_t size)
{
    const char *blank = memchr(line, ' ', size), *at = blank ? blank + 1 : line;
    uint64_t status = 0;
    if (!blank || !parse_digits(&at, line + size, 10, &status) || status < 100 || status > 599)
        return false;
    answer->status = (unsigned)status;
    answer->head.size = 0;
    return true;
}

static bool is_named(const char *line, size_t size, const char *name)
{
    size_t length = strlen(name);
    return size > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

/* A media type means the same in upper and lower case and with or without blanks (RFC 9110 8.3.1).
 */
static void append_type(struct answer_bytes *bytes, const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char small = (char)tolower((unsigned char)value[i]);
        if (small != ' ' && small != '\t')
            append(bytes, &small, 1);
    }
}

static void keep(struct answer *answer, const char *name, const char *value, size_t size)
{
    while (size > 0 && strchr(" \t", value[0]))
        value++, size--;
    while (size > 0 && strchr(" \t\r\n", value[size - 1]))
        size--;
    append(&answer->head, name, strlen(name));
    append(&answer->head, ": ", 2);
    if (strcmp(name, "content-type") == 0)
        append_type(&answer->head, value, size);
    else
        append(&answer->head, value, size);
    append(&answer->head, "\n", 1);
}

bool answer_line(struct answer *answer, const char *line, size_t size)
{
    answer->head_seen += size;
    if (answer->head_seen > ANSWER_HEAD || memchr(line, '\0', size))
        return false;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0)
        return begin(answer, line, size);
    for (const char *const *name = answer->header; *name; name++) {
        size_t length = strlen(*name) + 1;
        if (is_named(line, size, *name))
            keep(answer, *name, line + length, size - length);
    }
    return true;
}

bool answer_body(struct answer *answer, const char *data, size_t size)
{
    if (size > answer->limit || answer->body.size > answer->limit - size)
        return false;
    append(&answer->body, data, size);
    return true;
}

void answer_settle(struct answer *answer)
{
    struct answer_bytes sorted = {0};
    if (answer->head.size == 0)
        return;
    const char *end = answer->head.data + answer->head.size;
    for (const char *const *name = answer->header; *name; name++)
        for (const char *line = answer->head.data, *next; line < end; line = next) {
            next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
            if (is_named(line, (size_t)(next - line), *name))
                append(&sorted, line, (size_t)(next - line));
        }
    free(answer->head.data);
    answer->head = sorted;
}

static bool is_json(const struct answer *answer)
{
    static const char TYPE[] = "content-type: application/json";
    const char *at = answer->head.data;
    size_t length = strlen(TYPE);
    for (size_t left = answer->head.size; left > length; at++, left--)
        if (memcmp(at, TYPE, length) == 0)
            return true;
    return false;
}

void answer_canonical(struct answer *answer)
{
    if (answer->canonical || !is_json(answer) || answer->body.size == 0)
        return;
    json_t *json = json_loadb(answer->body.data, answer->body.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!json)
        return;
    answer->canonical = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    answer->canonical_size = answer->canonical ? strlen(answer->canonical) : 0;
    json_decref(json);
}
