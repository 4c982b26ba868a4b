#include "vote/token.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_run(char c)
{
    unsigned char letter = (unsigned char)(c | 0x20);
    return (letter >= 'a' && letter <= 'z') || is_digit(c) || (unsigned char)c >= 0x80 ||
           c == '_' || c == '-' || c == '+' || c == '/';
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

static bool is_number(const struct token *token)
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
    if (is_number(a) && is_number(b))
        return true;
    if (a->length != b->length || a->length > TOKEN_NOISE)
        return false;
    return a->length >= TOKEN_RANDOM || token_counts(a) || token_counts(b);
}
