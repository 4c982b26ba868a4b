/*
 * Noise: where answers to the same request differ although nobody is compromised, since they hold a
 * time, an id, a token. It is told from a difference that matters by two replicas of the same build
 * (RDDR: Espinoza et al., Back to the future: N-versioning of microservices, DSN 2022, which
 * calls them the filter pair): what differs between these two is noise. Skink also remembers in
 * which contexts it was, for when one of the two is silent or compromised.
 */
#ifndef SKINK_VOTE_NOISE_H
#define SKINK_VOTE_NOISE_H

#include <stdbool.h>
#include <stddef.h>

#define NOISE_TOKENS 4096         /* of one answer; one that has more is unlike any other */
#define NOISE_UNLIKE ((size_t)-1) /* a difference that is no noise */

/* Borrowed text and the number of its tokens. */
struct noise_text {
    const char *text;
    size_t size, tokens;
};

/* The pair's two answers; NULL when they cannot tell what is noise (noise_pair). */
struct noise_pair {
    const struct noise_text *a, *b;
};

/* The contexts of noise seen so far; safe to use from many threads. */
struct noise;

struct noise *noise_new(void);

/* NULL is allowed. */
void noise_free(struct noise *noise);

struct noise_text noise_text(const char *text, size_t size);

/* Do the pair's answers differ in noise alone? Else they are of no use as a pair. */
bool noise_pair(const struct noise_text *a, const struct noise_text *b);

/*
 * In how many tokens x and y differ, all of them noise; NOISE_UNLIKE: in more than noise. A
 * differing token is noise when both are of the same shape, and either the pair differs at the same
 * place or its context is a remembered one.
 */
size_t noise_distance(const struct noise *noise, const struct noise_pair *pair,
                      const struct noise_text *x, const struct noise_text *y);

/* Remembers where the pair differs. Only for answers that nobody disputes. */
void noise_learn(struct noise *noise, const struct noise_pair *pair);

#endif
