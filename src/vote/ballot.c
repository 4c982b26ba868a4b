#include "vote/ballot.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What noise is looked for in: the head and the body of an answer, each as tokens. */
struct paper {
    struct noise_text head, body;
};

struct count {
    const struct noise *noise;
    const struct ballot_answer *answers;
    const struct ballot_pair *pair;
    size_t n;
    struct paper paper[BALLOT_REPLICAS];
    bool paired; /* the pair tells what is noise */
    struct noise_pair head, body;
    size_t distance[BALLOT_REPLICAS][BALLOT_REPLICAS];
};

size_t ballot_majority(size_t n)
{
    return n / 2 + 1;
}

static bool same_text(const char *a, size_t a_size, const char *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same(const struct ballot_answer *a, const struct ballot_answer *b)
{
    return a->status == b->status && same_text(a->head, a->head_size, b->head, b->head_size) &&
           same_text(a->body, a->body_size, b->body, b->body_size);
}

static size_t first_given(const struct ballot_answer *answers, size_t n)
{
    size_t first = 0;
    while (first < n && !answers[first].given)
        first++;
    return first;
}

bool ballot_unanimous(const struct ballot_answer *answers, size_t n)
{
    size_t first = first_given(answers, n);
    for (size_t i = first + 1; i < n; i++)
        if (answers[i].given && !same(&answers[first], &answers[i]))
            return false;
    return true;
}

static struct paper paper_of(const struct ballot_answer *answer)
{
    if (!answer->given)
        return (struct paper){noise_text("", 0), noise_text("", 0)};
    return (struct paper){noise_text(answer->head, answer->head_size),
                          answer->canonical ? noise_text(answer->canonical, answer->canonical_size)
                                            : noise_text(answer->body, answer->body_size)};
}

/* The papers, and whether the pair's tell what is noise. */
static void look_closely(struct count *count)
{
    const struct ballot_pair *pair = count->pair;
    for (size_t i = 0; i < count->n; i++)
        count->paper[i] = paper_of(&count->answers[i]);
    if (pair->a == BALLOT_NOBODY)
        return;
    const struct ballot_answer *a = &count->answers[pair->a], *b = &count->answers[pair->b];
    const struct paper *one = &count->paper[pair->a], *other = &count->paper[pair->b];
    count->head = (struct noise_pair){&one->head, &other->head};
    count->body = (struct noise_pair){&one->body, &other->body};
    count->paired = a->given && b->given && a->status == b->status &&
                    noise_pair(&one->head, &other->head) && noise_pair(&one->body, &other->body);
}

/* In how many tokens two answers differ; NOISE_UNLIKE: they are two answers. */
static size_t distance(const struct count *count, size_t i, size_t j)
{
    const struct ballot_answer *a = &count->answers[i], *b = &count->answers[j];
    if (!a->given || !b->given || a->status != b->status)
        return NOISE_UNLIKE;
    if (same(a, b))
        return 0;
    const struct paper *one = &count->paper[i], *other = &count->paper[j];
    size_t head =
        noise_distance(count->noise, count->paired ? &count->head : NULL, &one->head, &other->head);
    if (head == NOISE_UNLIKE)
        return NOISE_UNLIKE;
    size_t body =
        noise_distance(count->noise, count->paired ? &count->body : NULL, &one->body, &other->body);
    return body == NOISE_UNLIKE ? NOISE_UNLIKE : head + body;
}

/* How many are alike with i, itself included, and how far from it they are in all. */
static size_t support(const struct count *count, size_t i, size_t *far)
{
    size_t alike = 0;
    *far = 0;
    for (size_t j = 0; j < count->n; j++)
        if (count->distance[i][j] != NOISE_UNLIKE) {
            alike++;
            *far += count->distance[i][j];
        }
    return alike;
}

/* Is it of one build, which may have been broken into in one way? */
static bool is_refused(const struct count *count, size_t i)
{
    const struct ballot_pair *pair = count->pair;
    if (!pair->is_one_vote || pair->a == BALLOT_NOBODY)
        return false;
    for (size_t j = 0; j < count->n; j++)
        if (count->distance[i][j] != NOISE_UNLIKE && j != pair->a && j != pair->b)
            return false;
    return true;
}

static struct ballot elect(const struct count *count)
{
    struct ballot ballot = {.winner = BALLOT_NOBODY};
    size_t best = BALLOT_NOBODY, least = 0;
    for (size_t i = 0; i < count->n; i++) {
        size_t far, alike = support(count, i, &far);
        if (alike > ballot.support || (alike == ballot.support && far < least)) {
            ballot.support = alike;
            least = far;
            best = i;
        }
    }
    if (ballot.support < ballot_majority(count->n) || is_refused(count, best))
        return ballot;
    ballot.winner = best;
    for (size_t i = 0; i < count->n; i++)
        ballot.dissents[i] = count->answers[i].given && count->distance[best][i] == NOISE_UNLIKE;
    return ballot;
}

struct ballot ballot_count(struct noise *noise, const struct ballot_answer *answers, size_t n,
                           const struct ballot_pair *pair, bool learn)
{
    struct count count = {.noise = noise, .answers = answers, .pair = pair, .n = n};
    bool unanimous = ballot_unanimous(answers, n);
    if (!unanimous)
        look_closely(&count);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            count.distance[i][j] = count.distance[j][i] = distance(&count, i, j);
    struct ballot ballot = elect(&count);
    ballot.unanimous = unanimous;
    if (learn && count.paired && ballot.support == n) {
        noise_learn(noise, &count.head);
        noise_learn(noise, &count.body);
    }
    return ballot;
}
