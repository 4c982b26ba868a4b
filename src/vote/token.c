#include "vote/token.h"

#include <stdint.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* All bytes of an answer come by here: a bit for each. */
static bool is_run(char c)
{
    static const uint32_t RUN[8] = {
        [1] = 0x03ffa800, /* + - / 0 to 9 */
        [2] = 0x87fffffe, /* A to Z _ */
        [3] = 0x07fffffe, /* a to z */
        [4] = UINT32_MAX, [5] = UINT32_MAX, [6] = UINT32_MAX, [7] = UINT32_MAX,
    };
    unsigned char byte = (unsigned char)c;
    return RUN[byte / 32] >> byte % 32 & 1;
}

bool token_next(const char **at, const char *end, struct token *token)
{
    const char *from = *at;
    if (from >= end)
        return false;
    const char *to = from + 1;
    while (is_run(*from) && to < end && is_run(*to))
        to++;
    *token = (struct token){from, (size_t)(to - from)};
    *at = to;
    return true;
}

bool token_before(const char *text, const char **at, struct token *token)
{
    const char *to = *at;
    if (to <= text)
        return false;
    const char *from = to - 1;
    while (is_run(*from) && from > text && is_run(from[-1]))
        from--;
    *token = (struct token){from, (size_t)(to - from)};
    *at = from;
    return true;
}

size_t token_boundary(const char *text, size_t size)
{
    while (size > 0 && is_run(text[size - 1]))
        size--;
    return size;
}

size_t token_count(const char *text, size_t size)
{
    size_t count = 0;
    struct token token;
    for (const char *at = text; token_next(&at, text + size, &token);)
        count++;
    return count;
}

bool token_same(const struct token *a, const struct token *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

bool token_counts(const struct token *token)
{
    for (size_t i = 0; i < token->length; i++)
        if (is_digit(token->text[i]))
            return true;
    return false;
}

bool token_is_number(const struct token *token)
{
    size_t digits = 0;
    while (digits < token->length && is_digit(token->text[digits]))
        digits++;
    return digits == token->length && digits <= TOKEN_DIGITS;
}

bool token_same_shape(const struct token *a, const struct token *b)
{
    if (!is_run(a->text[0]) || !is_run(b->text[0]))
        return false;
    if (token_is_number(a) && token_is_number(b))
        return true;
    if (a->length != b->length || a->length > TOKEN_NOISE)
        return false;
    return a->length >= TOKEN_RANDOM || token_counts(a) || token_counts(b);
}
