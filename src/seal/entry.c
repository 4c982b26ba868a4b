#include "seal/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"

#define PREV  ",\"prev\":\""
#define MAC   "\",\"mac\":\""
#define END   "\"}"
#define TAIL  (strlen(PREV) + SEAL_HEX + strlen(MAC) + SEAL_HEX + strlen(END))
#define WORDS "abcdefghijklmnopqrstuvwxyz"

/* Moves *at behind the text; false when it is not there. */
static bool take(const char **at, const char *end, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(end - *at) < length || memcmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

/* A string of these characters, up to its closing quotation mark. */
static bool take_word(const char **at, const char *end, const char *characters, const char **word,
                      size_t *length)
{
    *word = *at;
    while (*at < end && **at && strchr(characters, **at))
        (*at)++;
    *length = (size_t)(*at - *word);
    return *length > 0 && take(at, end, "\"");
}

static bool take_hex(const char **at, const char *end, uint8_t bytes[SEAL_BYTES])
{
    if (end - *at < SEAL_HEX || !hex_read(*at, bytes))
        return false;
    for (int i = 0; i < SEAL_HEX; i++)
        if ((*at)[i] >= 'A' && (*at)[i] <= 'F')
            return false;
    *at += SEAL_HEX;
    return true;
}

bool entry_parse(const char *line, size_t length, struct entry *entry)
{
    const char *at = line;
    const char *end = line + length;
    if (length < TAIL || !take(&at, end, "{\"seq\":"))
        return false;
    bool zeros = at < end - 1 && at[0] == '0' && at[1] != ',';
    if (zeros || !parse_digits(&at, end, 10, &entry->number) || !take(&at, end, ",\"time\":\"") ||
        !take_word(&at, end, "0123456789-:.TZ", &entry->time, &entry->time_length) ||
        !take(&at, end, ",\"kind\":\"") ||
        !take_word(&at, end, WORDS, &entry->kind, &entry->kind_length) ||
        !take(&at, end, ",\"body\":{"))
        return false;
    const char *tail = end - TAIL;
    if (tail < at || tail[-1] != '}' || memchr(at, '\n', (size_t)(tail - at)))
        return false;
    return take(&tail, end, PREV) && take_hex(&tail, end, entry->prev) &&
           (entry->sealed = (size_t)(tail - line) + 1, take(&tail, end, MAC)) &&
           take_hex(&tail, end, entry->mac) && take(&tail, end, END);
}

char *entry_make(uint64_t number, uint64_t time, const char *kind, const char *body,
                 const uint8_t prev[SEAL_BYTES], const struct seal_key *key)
{
    char before[SEAL_HEX + 1];
    char mac[SEAL_HEX + 1];
    char when[CLOCK_TEXT];
    uint8_t code[SEAL_BYTES];
    char *sealed = NULL;
    char *line = NULL;
    hex_write(prev, before);
    int length = asprintf(
        &sealed, "{\"seq\":%" PRIu64 ",\"time\":\"%s\",\"kind\":\"%s\",\"body\":%s" PREV "%s\"",
        number, clock_format(time, when), kind, body, before);
    if (length < 0)
        memory_must(NULL);
    key_seal(key, sealed, (size_t)length, code);
    hex_write(code, mac);
    if (asprintf(&line, "%s%s%s" END "\n", sealed, &MAC[1], mac) < 0)
        memory_must(NULL);
    free(sealed);
    return line;
}

bool entry_is(const struct entry *entry, const char *kind)
{
    return entry->kind_length == strlen(kind) && memcmp(entry->kind, kind, entry->kind_length) == 0;
}
