#include "vote/noise.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "vote/token.h"

#define CONTEXTS (1U << 14)
#define BEFORE   8  /* tokens before the noise that are its context, and one behind it */
#define REACH    64 /* bytes of each that count */

/* A later context takes the place of an earlier one with the same low bits. */
struct noise {
    _Atomic uint64_t context[CONTEXTS];
};

struct noise *noise_new(void)
{
    return memory_must(calloc(1, sizeof(struct noise)));
}

void noise_free(struct noise *noise)
{
    free(noise);
}

struct noise_text noise_text(const char *text, size_t size)
{
    return (struct noise_text){size ? text : "", size, size ? token_count(text, size) : 0};
}

/* ---- contexts ---- */

/* A token of a text that is walked through. */
struct walk {
    const char *text, *at, *end;
    struct token token;
};

static struct walk walk_begin(const struct noise_text *text)
{
    return (struct walk){.text = text->text, .at = text->text, .end = text->text + text->size};
}

static bool walk_next(struct walk *walk)
{
    return token_next(&walk->at, walk->end, &walk->token);
}

static size_t left(const struct walk *walk)
{
    return (size_t)(walk->end - walk->at);
}

/* How many of the next bytes are the same, at most so many. */
static size_t same_bytes(const struct walk *a, const struct walk *b, size_t most)
{
    size_t same = 0;
    most = left(a) < most ? left(a) : most;
    most = left(b) < most ? left(b) : most;
    while (same + 8 <= most && memcmp(a->at + same, b->at + same, 8) == 0)
        same += 8;
    while (same < most && a->at[same] == b->at[same])
        same++;
    return same;
}

/* Moves all of them behind the tokens that are the same in all, as nearly all are. */
static void skip_same(struct walk *const *walks, size_t n)
{
    size_t same = left(walks[0]);
    for (size_t i = 1; i < n; i++)
        same = same_bytes(walks[0], walks[i], same);
    same = token_boundary(walks[0]->at, same);
    for (size_t i = 0; i < n; i++)
        walks[i]->at += same;
}

/* The next tokens of two texts; false at the end. */
static bool next_of_two(struct walk *a, struct walk *b)
{
    skip_same((struct walk *const[]){a, b}, 2);
    return walk_next(a) && walk_next(b);
}

/* What has digits may be noise itself: it counts as that it is there. */
static size_t put(char *place, const struct token *token)
{
    size_t length = token->length < REACH ? token->length : REACH;
    if (token_counts(token))
        length = 0;
    memcpy(place, token->text, length);
    place[length] = '\0';
    return length + 1;
}

static uint64_t context_of(const struct walk *walk)
{
    char text[(BEFORE + 1) * (REACH + 1)];
    size_t size = 0;
    struct token token;
    const char *before = walk->token.text, *behind = walk->at;
    for (int i = 0; i < BEFORE && token_before(walk->text, &before, &token); i++)
        size += put(text + size, &token);
    if (token_next(&behind, walk->end, &token))
        size += put(text + size, &token);
    return XXH3_64bits(text, size) | 1; /* never that of an empty place */
}

static bool is_remembered(const struct noise *noise, const struct walk *walk)
{
    uint64_t context = context_of(walk);
    return atomic_load_explicit(&noise->context[context / 2 % CONTEXTS], memory_order_relaxed) ==
           context;
}

/* ---- comparing ---- */

bool noise_pair(const struct noise_text *a, const struct noise_text *b)
{
    struct walk one = walk_begin(a), other = walk_begin(b);
    if (a->tokens != b->tokens)
        return false;
    while (next_of_two(&one, &other))
        if (!token_same(&one.token, &other.token) && !token_same_shape(&one.token, &other.token))
            return false;
    return true;
}

static bool is_along(const struct noise_pair *pair, const struct noise_text *text)
{
    return pair && pair->a->tokens == text->tokens;
}

size_t noise_distance(const struct noise *noise, const struct noise_pair *pair,
                      const struct noise_text *x, const struct noise_text *y)
{
    size_t distance = 0;
    if (x->tokens != y->tokens)
        return NOISE_UNLIKE;
    bool along = is_along(pair, x);
    struct walk one = walk_begin(x), other = walk_begin(y);
    struct walk a = walk_begin(along ? pair->a : x), b = walk_begin(along ? pair->b : y);
    for (;;) {
        skip_same((struct walk *const[]){&one, &other, &a, &b}, 4);
        if (!walk_next(&one) || !walk_next(&other) || !walk_next(&a) || !walk_next(&b))
            return distance;
        bool masked = along && !token_same(&a.token, &b.token);
        if (token_same(&one.token, &other.token))
            continue;
        if (++distance > NOISE_TOKENS || !token_same_shape(&one.token, &other.token))
            return NOISE_UNLIKE;
        if (!masked && !is_remembered(noise, &one) && !is_remembered(noise, &other))
            return NOISE_UNLIKE;
    }
}

void noise_learn(struct noise *noise, const struct noise_pair *pair)
{
    struct walk a = walk_begin(pair->a), b = walk_begin(pair->b);
    while (next_of_two(&a, &b)) {
        if (token_same(&a.token, &b.token))
            continue;
        uint64_t context = context_of(&a);
        atomic_store_explicit(&noise->context[context / 2 % CONTEXTS], context,
                              memory_order_relaxed);
    }
}
