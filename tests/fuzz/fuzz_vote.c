/* Answers of compromised replicas: up to eight of them, one behind the other with a zero byte in
 * between, read line by line and put to the vote. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vote/alias.h"
#include "vote/answer.h"
#include "vote/ballot.h"

static const char *const HEADERS[] = {"content-type", "set-cookie", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines up to an empty one, then the body. False: refused. */
static bool receive(struct answer *answer, const char *text, size_t size)
{
    const char *end = text + size, *newline;
    for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
        if (newline == text)
            break;
        if (!answer_line(answer, text, (size_t)(newline - text) + 1))
            return false;
    }
    answer_settle(answer);
    return answer_body(answer, text, (size_t)(end - text));
}

/* What holds whatever was answered. */
static void check(const struct ballot *ballot, const struct ballot_answer *answers, size_t n)
{
    size_t agree = 0;
    if (ballot->winner == BALLOT_NOBODY)
        return;
    for (size_t i = 0; i < n; i++)
        agree += answers[i].given && !ballot->dissents[i];
    if (!answers[ballot->winner].given || ballot->dissents[ballot->winner] ||
        agree != ballot->support || agree < ballot_majority(n))
        abort();
}

/* The first one's names for the second's, over both. */
static void translate(const struct ballot_answer *one, const struct ballot_answer *other)
{
    static struct aliases *aliases; /* its table is too large to be made each time */
    aliases = aliases ? aliases : aliases_new();
    struct noise_text given = noise_text(one->body, one->body_size);
    struct noise_text own = noise_text(other->body, other->body_size);
    aliases_learn(aliases, ALIAS_TOKEN, 1, &given, &own);
    free(aliases_translate(aliases, 1, given.text, given.size));
    free(aliases_translate(aliases, 1, own.text, own.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answer[8] = {0};
    struct ballot_answer given[8] = {0};
    const struct ballot_pair pair = {0, 1, size % 2 == 1};
    const char *at = (const char *)data, *end = at + size, *zero;
    struct noise *noise = noise_new();
    size_t n = 0;
    for (; n < 8 && at <= end; n++, at = zero + 1) {
        zero = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        zero = zero ? zero : end;
        answer[n] = (struct answer){.header = HEADERS, .limit = 4096};
        given[n].given = receive(&answer[n], at, (size_t)(zero - at));
        answer_canonical(&answer[n]);
        given[n].status = answer[n].status;
        given[n].head = answer[n].head.data;
        given[n].head_size = answer[n].head.size;
        given[n].body = answer[n].body.data;
        given[n].body_size = answer[n].body.size;
        given[n].canonical = answer[n].canonical;
        given[n].canonical_size = answer[n].canonical_size;
    }
    for (int round = 0; n >= 2 && round < 2; round++) { /* the second one with what was learned */
        struct ballot ballot = ballot_count(noise, given, n, &pair, true);
        check(&ballot, given, n);
    }
    if (n >= 2)
        translate(&given[0], &given[1]);
    for (size_t i = 0; i < n; i++)
        answer_free(&answer[i]);
    noise_free(noise);
    return 0;
}
