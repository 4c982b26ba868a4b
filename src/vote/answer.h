/* An answer of a replica, as it comes in: bounded, and of its headers only those that are compared.
 */
#ifndef SKINK_VOTE_ANSWER_H
#define SKINK_VOTE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_HEAD 65536 /* bytes of headers */

/* Bytes that grow. */
struct answer_bytes {
    char *data;
    size_t size, room;
};

struct answer {
    const char *const *header; /* names of those that are compared, NULL-ended; borrowed */
    size_t limit;              /* bytes of its body */
    unsigned status;           /* 0: none has come yet */
    struct answer_bytes head; /* lines "name: value\n", names in lower case, in order of `header` */
    struct answer_bytes body;
    char *canonical; /* of JSON, once answer_canonical was called; else NULL */
    size_t canonical_size;
    size_t head_seen; /* bytes of headers, compared or not */
};

/* Empties it for the next one; keeps its memory. */
void answer_reset(struct answer *answer);

void answer_free(struct answer *answer);

/* A line of the head, with its end. Another status line begins anew (interim answers, RFC 9110
 * 15.2). False: refused, since it is too long or makes no sense. */
bool answer_line(struct answer *answer, const char *line, size_t size);

/* More of the body; false when it gets too long. */
bool answer_body(struct answer *answer, const char *data, size_t size);

/* The head is complete: puts it in the order of the names. */
void answer_settle(struct answer *answer);

/* Finds the form that all bodies have that mean the same: JSON without blanks, its members sorted.
 */
void answer_canonical(struct answer *answer);

#endif
