#include "vote/alias.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "vote/ballot.h"
#include "vote/token.h"

#define SETS 8192
#define WAYS 8 /* places of a set: the one that was used longest ago makes room */

/* One thing: its name for the client, and each replica's. */
struct alias {
    char *given, *own[BALLOT_REPLICAS]; /* all of one length; own NULL: nobody knows */
    size_t length;
    uint64_t used;
};

struct aliases {
    pthread_mutex_t lock;
    uint64_t uses;
    struct alias alias[ALIAS_KINDS * SETS * WAYS];
};

struct aliases *aliases_new(void)
{
    struct aliases *aliases = memory_must(calloc(1, sizeof *aliases));
    pthread_mutex_init(&aliases->lock, NULL);
    return aliases;
}

static void forget(struct alias *alias)
{
    free(alias->given);
    for (size_t i = 0; i < BALLOT_REPLICAS; i++)
        free(alias->own[i]);
    *alias = (struct alias){0};
}

void aliases_free(struct aliases *aliases)
{
    if (!aliases)
        return;
    for (size_t i = 0; i < ALIAS_KINDS * SETS * WAYS; i++)
        forget(&aliases->alias[i]);
    pthread_mutex_destroy(&aliases->lock);
    free(aliases);
}

void aliases_forget(struct aliases *aliases, size_t replica)
{
    pthread_mutex_lock(&aliases->lock);
    for (size_t i = 0; i < ALIAS_KINDS * SETS * WAYS; i++) {
        free(aliases->alias[i].own[replica]);
        aliases->alias[i].own[replica] = NULL;
    }
    pthread_mutex_unlock(&aliases->lock);
}

static bool may_be_alias(const struct token *token)
{
    return token->length >= ALIAS_LEAST && token->length <= TOKEN_NOISE && !token_is_number(token);
}

static struct alias *set_of(struct aliases *aliases, enum alias_kind kind,
                            const struct token *given)
{
    size_t set = XXH3_64bits(given->text, given->length) % SETS;
    return &aliases->alias[(kind * SETS + set) * WAYS];
}

static struct alias *find(struct aliases *aliases, enum alias_kind kind, const struct token *given)
{
    struct alias *set = set_of(aliases, kind, given);
    for (struct alias *alias = set; alias < set + WAYS; alias++)
        if (alias->given && token_same(&(struct token){alias->given, alias->length}, given)) {
            alias->used = ++aliases->uses;
            return alias;
        }
    return NULL;
}

static char *copy(const struct token *token)
{
    return memory_must(strndup(token->text, token->length));
}

static struct alias *make(struct aliases *aliases, enum alias_kind kind, const struct token *given)
{
    struct alias *set = set_of(aliases, kind, given), *oldest = set;
    for (struct alias *alias = set; alias < set + WAYS; alias++)
        oldest = alias->used < oldest->used ? alias : oldest;
    forget(oldest);
    oldest->given = copy(given);
    oldest->length = given->length;
    oldest->used = ++aliases->uses;
    return oldest;
}

static void note(struct aliases *aliases, enum alias_kind kind, size_t replica,
                 const struct token *given, const struct token *own)
{
    pthread_mutex_lock(&aliases->lock);
    struct alias *alias = find(aliases, kind, given);
    if (!alias)
        alias = make(aliases, kind, given);
    free(alias->own[replica]);
    alias->own[replica] = copy(own);
    pthread_mutex_unlock(&aliases->lock);
}

void aliases_learn(struct aliases *aliases, enum alias_kind kind, size_t replica,
                   const struct noise_text *given, const struct noise_text *own)
{
    struct token one, other;
    const char *at = given->text, *with = own->text;
    while (token_next(&at, given->text + given->size, &one) &&
           token_next(&with, own->text + own->size, &other))
        if (may_be_alias(&one) && one.length == other.length && !token_same(&one, &other))
            note(aliases, kind, replica, &one, &other);
}

/* Writes the replica's own name over the client's. */
static bool replace(struct aliases *aliases, size_t replica, const struct token *given, char *place)
{
    pthread_mutex_lock(&aliases->lock);
    const struct alias *alias = find(aliases, ALIAS_COOKIE, given);
    if (!alias)
        alias = find(aliases, ALIAS_TOKEN, given);
    const char *own = alias ? alias->own[replica] : NULL;
    if (own)
        memcpy(place, own, given->length);
    pthread_mutex_unlock(&aliases->lock);
    return own != NULL;
}

char *aliases_translate(struct aliases *aliases, size_t replica, const char *text, size_t size)
{
    bool replaced = false;
    struct token token;
    char *translated = memory_must(malloc(size + 1));
    if (size > 0)
        memcpy(translated, text, size);
    translated[size] = '\0';
    for (const char *at = text; token_next(&at, text + size, &token);)
        if (may_be_alias(&token))
            replaced |= replace(aliases, replica, &token, translated + (token.text - text));
    if (!replaced) {
        free(translated);
        return NULL;
    }
    return translated;
}
