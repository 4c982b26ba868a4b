/*
 * The entry by all the ways at once. An intrusion spreads as a tree: the entry is its root, and
 * every other service that was taken was taken from one before. Given the entry s, the likelihood
 * of what was seen is the sum over all such trees of the product of their steps, where a service
 * may instead be explained by chance (a false alarm). A step to v is worth
 *
 *     P(v shows this | taken) * weight(u -> v) * exp(-d / 40 s) when v alarmed d before u
 *
 * and chance P(v shows this | not taken). Where the caller is named on whose connection v did it,
 * each of the three ways to v, as the entry, by a step, by chance, is also worth the likelihood of
 * that name (weight_unled, weight_entered). By the matrix-tree theorem for directed graphs (Tutte,
 * The dissection of equilateral triangles into equilateral triangles, 1948) that sum over
 * exponentially many trees is one determinant, and the probability of a step in it two entries of
 * the inverse.
 *
 * Where every alarm is explained by a path of its own, as rank_paths.c does it, a chain of services
 * pays for its first steps again with every service behind it, which favours the middle of the
 * chain. A tree pays for each step once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/rankers.h"
#include "incident/weight.h"

/* P(a flow never seen before | its caller was taken), P(the same | it was not). */
static const double NOVEL_TAKEN = 0.5, NOVEL_CHANCE = 0.05;
static const double NO_ENTRY = 0.05; /* prior of "no common entry" */

struct trees {
    const struct rank_case *given;
    size_t services;
    size_t *suspect; /* the services that show anything, `count` of them */
    size_t count;
    double *taken, *chance; /* of each service: P(what it shows | taken), P(the same | not) */
    double *step;           /* services x services: what a step is worth */
    size_t *before;         /* on the best way over silent services: the last but one */
    double *prior;
};

/* Did it call where it never had, at about the time of the incident? */
static bool reached_out(const struct rank_case *given, size_t service)
{
    for (const struct rank_flow *flow = given->flow; flow < given->flow + given->flows; flow++)
        if (flow->from == service && flow->novel && given->service[flow->to].alarmed)
            return true;
    return false;
}

static void weigh_evidence(struct trees *trees)
{
    const struct rank_case *given = trees->given;
    for (size_t i = 0; i < trees->services; i++) {
        const struct rank_service *service = &given->service[i];
        bool reached = !service->alarmed && reached_out(given, i);
        trees->taken[i] = service->alarmed ? DETECTION * service->score
                                           : (1 - DETECTION) * (reached ? NOVEL_TAKEN : 1);
        trees->chance[i] = service->alarmed ? weight_noise(service->score) * weight_unled(given, i)
                           : reached        ? NOVEL_CHANCE
                                            : 1;
        if (service->alarmed || reached)
            trees->suspect[trees->count++] = i;
    }
}

/* Ways between suspects lead over services that show nothing, each of which was then missed. */
static void weigh_steps(struct trees *trees)
{
    size_t n = trees->services;
    autofree double *through = memory_must(calloc(n + 1, sizeof *through));
    for (size_t i = 0; i < n; i++)
        through[i] = 1 - DETECTION;
    for (size_t i = 0; i < trees->count; i++)
        through[trees->suspect[i]] = 0;
    weight_close(trees->step, n, through, trees->before);
    for (size_t i = 0; i < n * n; i++) {
        const struct rank_service *from = &trees->given->service[i / n];
        const struct rank_service *to = &trees->given->service[i % n];
        trees->step[i] *= trees->taken[i % n];
        if (from->alarmed && to->alarmed)
            trees->step[i] *= weight_backwards(to->time, from->time);
    }
}

static void trees_grow(struct trees *trees, const struct rank_case *given)
{
    size_t n = given->services;
    *trees = (struct trees){.given = given, .services = n};
    trees->suspect = memory_must(calloc(n + 1, sizeof *trees->suspect));
    trees->taken = memory_must(calloc(n + 1, sizeof *trees->taken));
    trees->chance = memory_must(calloc(n + 1, sizeof *trees->chance));
    trees->prior = memory_must(calloc(n + 1, sizeof *trees->prior));
    trees->before = memory_must(calloc(n * n + 1, sizeof *trees->before));
    trees->step = weight_matrix(given, true);
    weight_prior(given, trees->prior);
    weigh_evidence(trees);
    weigh_steps(trees);
}

static void trees_fell(struct trees *trees)
{
    free(trees->suspect);
    free(trees->taken);
    free(trees->chance);
    free(trees->prior);
    free(trees->before);
    free(trees->step);
}

/*
 * The Laplacian of the suspects but the entry, by columns: what all steps to a service are worth
 * on its diagonal, minus each of them elsewhere. others[] gets the services in the order of the
 * matrix; their number is returned.
 */
static size_t laplacian(const struct trees *trees, size_t entry, double *matrix, size_t *others)
{
    size_t n = trees->services, m = 0;
    for (size_t i = 0; i < trees->count; i++)
        if (trees->suspect[i] != entry)
            others[m++] = trees->suspect[i];
    for (size_t j = 0; j < m; j++) {
        double sum = trees->chance[others[j]];
        if (entry != RANK_NOBODY)
            sum += at(trees->step, n, entry, others[j]);
        for (size_t i = 0; i < m; i++) {
            double step = i == j ? 0 : at(trees->step, n, others[i], others[j]);
            at(matrix, m, i, j) = -step;
            sum += step;
        }
        at(matrix, m, j, j) = sum;
    }
    return m;
}

/*
 * Gauss-Jordan in place: matrix becomes its inverse; its log determinant is returned. Every column
 * outweighs its other entries by what chance and the entry add, so no pivot can vanish.
 */
static double invert(double *matrix, size_t m)
{
    double determinant = 0;
    for (size_t k = 0; k < m; k++) {
        double pivot = at(matrix, m, k, k);
        determinant += log(pivot);
        at(matrix, m, k, k) = 1;
        for (size_t j = 0; j < m; j++)
            at(matrix, m, k, j) /= pivot;
        for (size_t i = 0; i < m; i++) {
            double factor = at(matrix, m, i, k);
            if (i == k)
                continue;
            at(matrix, m, i, k) = 0;
            for (size_t j = 0; j < m; j++)
                at(matrix, m, i, j) -= factor * at(matrix, m, k, j);
        }
    }
    return determinant;
}

void rank_by_trees(const struct rank_case *given, double *probability)
{
    struct trees trees;
    size_t n = given->services;
    trees_grow(&trees, given);
    autofree double *matrix = memory_must(calloc(trees.count * trees.count + 1, sizeof *matrix));
    autofree size_t *others = memory_must(calloc(trees.count + 1, sizeof *others));
    autofree double *likelihood = memory_must(calloc(n + 1, sizeof *likelihood));
    for (size_t s = 0; s < n; s++)
        likelihood[s] = log(trees.prior[s]) + log(trees.taken[s]) + log(weight_entered(given, s)) +
                        invert(matrix, laplacian(&trees, s, matrix, others));
    likelihood[n] = log(NO_ENTRY) + invert(matrix, laplacian(&trees, RANK_NOBODY, matrix, others));
    weight_softmax(likelihood, n + 1, probability);
    trees_fell(&trees);
}

/* ---- the way ---- */

/* Does v lie above u in what has been decided so far? */
static bool above(const struct rank_step *step, size_t v, size_t u)
{
    while (u != v && step[u].from != RANK_NOBODY)
        u = step[u].from;
    return u == v;
}

/* Writes the way from u to v, over the silent services between them. */
static void walk(const struct trees *trees, struct rank_step *step, size_t u, size_t v,
                 double belief)
{
    while (v != u && step[v].from == RANK_NOBODY) {
        size_t from = at(trees->before, trees->services, u, v);
        if (above(step, v, from))
            return;
        step[v] = (struct rank_step){from, belief};
        v = from;
    }
}

/* The likeliest step that neither gives a service a second origin nor closes a circle. */
static bool best_step(const struct rank_step *step, const double *belief, size_t n, size_t entry,
                      size_t *from, size_t *to)
{
    double most = 0;
    for (size_t u = 0; u < n; u++)
        for (size_t v = 0; v < n; v++)
            if (at(belief, n, u, v) > most && v != entry && step[v].from == RANK_NOBODY &&
                !above(step, v, u)) {
                most = at(belief, n, u, v);
                *from = u;
                *to = v;
            }
    return most > 0;
}

/* The probability of each step between suspects, given the entry; services x services. */
static void believe(const struct trees *trees, size_t entry, double *belief)
{
    size_t n = trees->services;
    autofree double *matrix = memory_must(calloc(trees->count * trees->count + 1, sizeof *matrix));
    autofree size_t *others = memory_must(calloc(trees->count + 1, sizeof *others));
    size_t m = laplacian(trees, entry, matrix, others);
    invert(matrix, m);
    for (size_t j = 0; j < m; j++) {
        size_t v = others[j];
        double chance = trees->chance[v] * at(matrix, m, j, j);
        at(belief, n, entry, v) = at(trees->step, n, entry, v) * at(matrix, m, j, j);
        for (size_t i = 0; i < m; i++)
            if (i != j)
                at(belief, n, others[i], v) =
                    at(trees->step, n, others[i], v) * (at(matrix, m, j, j) - at(matrix, m, j, i));
        for (size_t u = 0; u < n; u++) /* what chance explains better is no step */
            if (at(belief, n, u, v) < chance)
                at(belief, n, u, v) = 0;
    }
}

void rank_path(const struct rank_case *given, size_t entry, struct rank_step *step)
{
    struct trees trees;
    size_t n = given->services, from = 0, to = 0;
    autofree double *belief = memory_must(calloc(n * n + 1, sizeof *belief));
    for (size_t i = 0; i < n; i++)
        step[i] = (struct rank_step){RANK_NOBODY, 0};
    trees_grow(&trees, given);
    believe(&trees, entry, belief);
    while (best_step(step, belief, n, entry, &from, &to)) {
        double sure = at(belief, n, from, to);
        at(belief, n, from, to) = 0;
        walk(&trees, step, from, to, sure);
    }
    trees_fell(&trees);
}
