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

/* ---- walking ---- */

struct walk {
    const char *at, *end;
    struct token token, before[BEFORE]; /* a ring */
    size_t count;
};

static struct walk walk_begin(const struct noise_text *text)
{
    return (struct walk){.at = text->text, .end = text->text + text->size};
}

static bool walk_next(struct walk *walk)
{
    if (walk->count > 0)
        walk->before[(walk->count - 1) % BEFORE] = walk->token;
    walk->count++;
    return token_next(&walk->at, walk->end, &walk->token);
}

/* ---- contexts ---- */

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
    struct token behind;
    const char *at = walk->at;
    size_t before = walk->count - 1 < BEFORE ? walk->count - 1 : BEFORE;
    for (size_t i = before; i > 0; i--)
        size += put(text + size, &walk->before[(walk->count - 1 - i) % BEFORE]);
    if (token_next(&at, walk->end, &behind))
        size += put(text + size, &behind);
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
    while (walk_next(&one) && walk_next(&other))
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
    static const struct noise_text NOTHING = {.text = ""};
    size_t distance = 0;
    if (x->tokens != y->tokens)
        return NOISE_UNLIKE;
    bool along = is_along(pair, x);
    struct walk one = walk_begin(x), other = walk_begin(y);
    struct walk a = walk_begin(along ? pair->a : &NOTHING);
    struct walk b = walk_begin(along ? pair->b : &NOTHING);
    while (walk_next(&one) && walk_next(&other)) {
        bool masked = along && walk_next(&a) && walk_next(&b) && !token_same(&a.token, &b.token);
        if (token_same(&one.token, &other.token))
            continue;
        if (++distance > NOISE_TOKENS || !token_same_shape(&one.token, &other.token))
            return NOISE_UNLIKE;
        if (!masked && !is_remembered(noise, &one) && !is_remembered(noise, &other))
            return NOISE_UNLIKE;
    }
    return distance;
}

void noise_learn(struct noise *noise, const struct noise_pair *pair)
{
    struct walk a = walk_begin(pair->a), b = walk_begin(pair->b);
    while (walk_next(&a) && walk_next(&b)) {
        if (token_same(&a.token, &b.token))
            continue;
        uint64_t context = context_of(&a);
        atomic_store_explicit(&noise->context[context / 2 % CONTEXTS], context,
                              memory_order_relaxed);
    }
}
