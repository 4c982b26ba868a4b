/* An answer as tokens: a run of letters, digits, +/-_ and bytes beyond ASCII is one, any other byte
 * one of its own. */
#ifndef SKINK_VOTE_TOKEN_H
#define SKINK_VOTE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_NOISE  256 /* bytes that a token of noise may have */
#define TOKEN_DIGITS 20  /* of a number */
#define TOKEN_RANDOM 8   /* letters that may be random; fewer are a word */

/* Borrowed. */
struct token {
    const char *text;
    size_t length;
};

/* The token at *at, which is moved behind it; false at the end. */
bool token_next(const char **at, const char *end, struct token *token);

/* The token that ends at *at, which is moved to its beginning; false at the beginning of the text.
 */
bool token_before(const char *text, const char **at, struct token *token);

/* The last place within the first `size` bytes at which a token ends, whatever follows them. */
size_t token_boundary(const char *text, size_t size);

size_t token_count(const char *text, size_t size);

bool token_same(const struct token *a, const struct token *b);

/* Could both be the same thing, made at two times? Two numbers; or two runs of one length that are
 * no mere words: one has a digit, or they are long. */
bool token_same_shape(const struct token *a, const struct token *b);

/* Nothing but digits, and not too many of them? */
bool token_is_number(const struct token *token);

/* Has it a digit in it? */
bool token_counts(const struct token *token);

#endif
