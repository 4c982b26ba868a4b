/*
 * Aliases: what each replica calls the same thing. Sessions, form tokens and the like are invented
 * by each replica for itself. The client is given one replica's, and comes back with it; each of
 * the others is then asked with its own (as RDDR does: Espinoza et al., DSN 2022).
 */
#ifndef SKINK_VOTE_ALIAS_H
#define SKINK_VOTE_ALIAS_H

#include <stddef.h>

#include "vote/noise.h"

#define ALIAS_LEAST 10 /* letters and digits: fewer may be anything */

/* Pages with a token in them are many: they are not to make sessions be forgotten. */
enum alias_kind { ALIAS_COOKIE, ALIAS_TOKEN, ALIAS_KINDS };

/* 65536 of each kind, those used last; safe to use from many threads. */
struct aliases;

struct aliases *aliases_new(void);

/* NULL is allowed. */
void aliases_free(struct aliases *aliases);

/* What this replica calls things is known no longer: another has taken its seat. */
void aliases_forget(struct aliases *aliases, size_t replica);

/* The client is given one text, and the replica gave another that differs from it in noise. */
void aliases_learn(struct aliases *aliases, enum alias_kind kind, size_t replica,
                   const struct noise_text *given, const struct noise_text *own);

/* The text with each token that has an alias replaced by the replica's own, which is as long; NULL:
 * there is none. Caller frees. */
char *aliases_translate(struct aliases *aliases, size_t replica, const char *text, size_t size);

#endif
