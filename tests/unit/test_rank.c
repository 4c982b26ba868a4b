/* rank: against sums over all trees and all paths, one by one, and against values by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "incident/rank.h"
#include "incident/weight.h"

#define MANY 6

struct world {
    struct rank_service service[MANY];
    struct rank_flow flow[3 * MANY];
    struct rank_case given;
};

static double uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*seed >> 11) / (double)(1ULL << 53);
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(uniform(seed) * (double)n);
}

static void make_world(struct world *world, uint64_t *seed)
{
    size_t n = 2 + below(seed, MANY - 1);
    size_t flows = below(seed, 3 * MANY);
    memset(world, 0, sizeof *world);
    for (size_t i = 0; i < n; i++)
        world->service[i] = (struct rank_service){
            .outside = uniform(seed) < 0.3,
            .alarmed = uniform(seed) < 0.6,
            .score = uniform(seed),
            .time = (uint64_t)(200 * uniform(seed) * (double)NS_PER_S),
            .alarms = 1 + (uint32_t)below(seed, 3),
        };
    for (size_t i = 0; i < flows; i++) {
        uint64_t first = (uint64_t)(200 * uniform(seed) * (double)NS_PER_S);
        world->flow[i] = (struct rank_flow){
            .from = below(seed, n),
            .to = below(seed, n),
            .first = first,
            .last = first + (uint64_t)(100 * uniform(seed) * (double)NS_PER_S),
            .novel = uniform(seed) < 0.4,
            .carried = uniform(seed) < 0.3,
            .database = uniform(seed) < 0.3,
        };
    }
    world->given = (struct rank_case){world->service, n, world->flow, flows};
}

static void assert_near(double a, double b)
{
    if (fabs(a - b) > 1e-9 * fmax(1, fabs(b)))
        fail_msg("%.17g is not %.17g", a, b);
}

/* The best product over all simple paths from `from` to `to`, each tried. */
static double best_path(const double *weight, size_t n, const double *through, size_t from,
                        size_t to, unsigned seen)
{
    double best = at(weight, n, from, to);
    for (size_t k = 0; k < n; k++)
        if (!(seen >> k & 1) && k != to && through[k] > 0)
            best = fmax(best, at(weight, n, from, k) * through[k] *
                                  best_path(weight, n, through, k, to, seen | 1U << k));
    return best;
}

static void the_best_paths_are_those_of_all_paths(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 200; round++) {
        struct world world;
        double through[MANY];
        make_world(&world, &seed);
        size_t n = world.given.services;
        for (size_t i = 0; i < n; i++)
            through[i] = uniform(&seed) < 0.3 ? 0 : uniform(&seed);
        double *weight = weight_matrix(&world.given, round & 1);
        double *closed = weight_matrix(&world.given, round & 1);
        size_t before[MANY * MANY];
        weight_close(closed, n, through, before);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                if (i == j)
                    continue;
                assert_near(at(closed, n, i, j), best_path(weight, n, through, i, j, 1U << i));
                size_t k = at(before, n, i, j); /* and the way that is told is worth as much */
                double told = k == i ? at(weight, n, i, j)
                                     : at(closed, n, i, k) * through[k] * at(weight, n, k, j);
                assert_near(at(closed, n, i, j), told);
            }
        }
        free(weight);
        free(closed);
    }
}

/* ---- all trees ---- */

struct forest {
    size_t entry, n;
    const double *step;
    const double *chance;
    bool suspect[MANY];
    size_t parent[MANY];
    double sum;
    double through[MANY][MANY]; /* sum of the forests that hold the step */
};

static bool has_circle(const struct forest *forest, size_t v)
{
    size_t steps = 0;
    while (v != RANK_NOBODY && v != forest->entry && steps++ <= MANY)
        v = forest->parent[v];
    return steps > MANY;
}

static void all_forests(struct forest *forest, size_t v, double worth)
{
    if (v == forest->n) {
        for (size_t i = 0; i < forest->n; i++)
            if (forest->suspect[i] && i != forest->entry && has_circle(forest, i))
                return;
        forest->sum += worth;
        for (size_t i = 0; i < forest->n; i++)
            if (forest->suspect[i] && i != forest->entry && forest->parent[i] != RANK_NOBODY)
                forest->through[forest->parent[i]][i] += worth;
        return;
    }
    if (!forest->suspect[v] || v == forest->entry) {
        all_forests(forest, v + 1, worth);
        return;
    }
    forest->parent[v] = RANK_NOBODY;
    all_forests(forest, v + 1, worth * forest->chance[v]);
    for (size_t u = 0; u < forest->n; u++) {
        if (u == v || (!forest->suspect[u] && u != forest->entry))
            continue;
        forest->parent[v] = u;
        all_forests(forest, v + 1, worth * at(forest->step, forest->n, u, v));
    }
}

/* P(the callers that are named | no service led the intruder there), by counting pairs. */
static double unled(const struct rank_case *given, size_t service)
{
    size_t callers = given->service[service].outside;
    bool named = false;
    for (size_t u = 0; u < given->services; u++) {
        bool calls = false;
        for (size_t f = 0; f < given->flows; f++) {
            bool theirs = given->flow[f].from == u && given->flow[f].to == service && u != service;
            calls |= theirs;
            named |= theirs && given->flow[f].carried;
        }
        callers += calls;
    }
    return named && given->service[service].alarmed ? 1 / (double)callers : 1;
}

/* The same, when the service is the entry: on a database's connection by mistake. */
static double entered(const struct rank_case *given, size_t service)
{
    double value = unled(given, service);
    for (size_t f = 0; f < given->flows; f++) {
        const struct rank_flow *flow = &given->flow[f];
        if (flow->to == service && flow->from != service && flow->carried && flow->database &&
            given->service[service].alarmed)
            return value / 10;
    }
    return value;
}

/* What the ranker says it computes, written down once more. */
struct evidence {
    double taken[MANY], chance[MANY], step[MANY * MANY];
    bool suspect[MANY];
};

static void weigh(const struct rank_case *given, struct evidence *evidence)
{
    size_t n = given->services;
    double through[MANY];
    for (size_t i = 0; i < n; i++) {
        const struct rank_service *service = &given->service[i];
        bool reached = false;
        for (size_t f = 0; f < given->flows; f++)
            reached |= given->flow[f].from == i && given->flow[f].novel &&
                       given->service[given->flow[f].to].alarmed;
        evidence->suspect[i] = service->alarmed || reached;
        evidence->taken[i] = service->alarmed ? 0.75 * service->score : reached ? 0.125 : 0.25;
        evidence->chance[i] =
            service->alarmed ? (0.12 - 0.1 * service->score) * unled(given, i) : 0.05;
        through[i] = evidence->suspect[i] ? 0 : 0.25;
    }
    double *weight = weight_matrix(given, true);
    for (size_t u = 0; u < n; u++) {
        for (size_t v = 0; v < n; v++) {
            const struct rank_service *a = &given->service[u], *b = &given->service[v];
            double step = best_path(weight, n, through, u, v, 1U << u) * evidence->taken[v];
            if (a->alarmed && b->alarmed && b->time < a->time)
                step *= exp(-(double)(a->time - b->time) / 40e9);
            evidence->step[u * n + v] = step;
        }
    }
    free(weight);
}

static struct forest sum_up(const struct rank_case *given, const struct evidence *evidence,
                            size_t entry)
{
    struct forest forest = {
        .entry = entry, .n = given->services, .step = evidence->step, .chance = evidence->chance};
    memcpy(forest.suspect, evidence->suspect, sizeof forest.suspect);
    all_forests(&forest, 0, 1);
    return forest;
}

static void the_likelihood_is_the_sum_over_all_trees(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < 60; round++) {
        struct world world;
        struct evidence evidence;
        double prior[MANY], expected[MANY + 1], probability[MANY + 1], sum = 0;
        make_world(&world, &seed);
        size_t n = world.given.services;
        weigh(&world.given, &evidence);
        weight_prior(&world.given, prior);
        for (size_t s = 0; s <= n; s++) {
            size_t entry = s == n ? RANK_NOBODY : s;
            expected[s] = sum_up(&world.given, &evidence, entry).sum *
                          (s == n ? 0.05 : prior[s] * evidence.taken[s] * entered(&world.given, s));
            sum += expected[s];
        }
        ranker_find("trees")->rank(&world.given, probability);
        for (size_t s = 0; s <= n; s++)
            assert_near(probability[s], expected[s] / sum);
    }
}

static void the_belief_in_a_step_is_its_share_of_all_trees(void **state)
{
    (void)state;
    uint64_t seed = 3;
    size_t steps = 0;
    for (int round = 0; round < 60; round++) {
        struct world world;
        struct evidence evidence;
        struct rank_step step[MANY];
        make_world(&world, &seed);
        weigh(&world.given, &evidence);
        rank_path(&world.given, 0, step);
        struct forest forest = sum_up(&world.given, &evidence, 0);
        assert_true(step[0].from == RANK_NOBODY);
        for (size_t v = 0; v < world.given.services; v++) {
            size_t u = step[v].from;
            if (u == RANK_NOBODY || !evidence.suspect[v] || (!evidence.suspect[u] && u != 0))
                continue; /* a way over silent services is believed as a whole */
            assert_near(step[v].belief, forest.through[u][v] / forest.sum);
            steps++;
        }
        for (size_t v = 0; v < world.given.services; v++) { /* and no circle */
            size_t up = v, count = 0;
            while (step[up].from != RANK_NOBODY && count++ < MANY)
                up = step[up].from;
            assert_true(count < MANY);
        }
    }
    assert_true(steps > 30);
}

/* ---- by hand ---- */

enum { FRONT, WEB, CART, DB };

/* front -> web -> cart -> db, known calls; web, cart and db alarmed ten seconds apart. */
static struct world chain(void)
{
    struct world world = {
        .service = {{.outside = true},
                    {.alarmed = true, .score = 1, .time = 100 * NS_PER_S, .alarms = 1},
                    {.alarmed = true, .score = 1, .time = 110 * NS_PER_S, .alarms = 3},
                    {.alarmed = true, .score = 1, .time = 120 * NS_PER_S, .alarms = 1}},
        .flow = {{.from = FRONT, .to = WEB, .last = 200 * NS_PER_S},
                 {.from = WEB, .to = CART, .last = 200 * NS_PER_S},
                 {.from = CART, .to = DB, .last = 200 * NS_PER_S}},
    };
    return world;
}

static void seal(struct world *world)
{
    world->given = (struct rank_case){world->service, 4, world->flow, 3};
}

static void a_path_is_worth_its_product(void **state)
{
    (void)state;
    struct world world = chain();
    seal(&world);
    double probability[5], likelihood[4], sum = 0;
    /* front reaches web 0.25, cart 0.25^2, db 0.25^3; backwards 0.08 and exp(-10/40) a step. */
    double e = exp(-0.25);
    likelihood[FRONT] =
        0.2 * 0.25 * (0.02 + 0.75 * 0.25) * (0.02 + 0.75 * 0.0625) * (0.02 + 0.75 * 0.015625);
    likelihood[WEB] = 0.05 * 0.75 * (0.02 + 0.75 * 0.25) * (0.02 + 0.75 * 0.0625);
    likelihood[CART] = 0.05 * 0.75 * (0.02 + 0.75 * 0.08 * e) * (0.02 + 0.75 * 0.25);
    likelihood[DB] =
        0.05 * 0.75 * (0.02 + 0.75 * 0.08 * e) * (0.02 + 0.75 * fmax(0.01 * e * e, 0.0064 * e * e));
    for (int i = 0; i < 4; i++)
        sum += likelihood[i];
    ranker_find("paths")->rank(&world.given, probability);
    for (int i = 0; i < 4; i++)
        assert_near(probability[i], likelihood[i] / sum);
    assert_true(probability[4] == 0);
}

static void the_trees_find_the_head_of_a_chain(void **state)
{
    (void)state;
    struct world world = chain();
    double probability[5];
    struct rank_step step[4];
    seal(&world);
    ranker_find("trees")->rank(&world.given, probability);
    assert_true(rank_place(&world.given, probability, WEB) == 1);
    rank_path(&world.given, WEB, step);
    assert_true(step[WEB].from == RANK_NOBODY && step[FRONT].from == RANK_NOBODY);
    assert_true(step[CART].from == WEB && step[DB].from == CART);
    assert_true(step[CART].belief > 0.5 && step[CART].belief < 1);
}

static void the_way_leads_over_silent_services(void **state)
{
    (void)state;
    struct world world = chain();
    struct rank_step step[4];
    world.service[CART].alarmed = false;
    world.flow[1].novel = world.flow[2].novel = true;
    world.flow[1].first = world.flow[2].first = 105 * NS_PER_S;
    seal(&world);
    rank_path(&world.given, WEB, step);
    assert_true(step[DB].from == CART && step[CART].from == WEB);
}

/* A novel flow out of a silent service shows what its detector missed. */
static void a_silent_service_that_reached_out_is_suspect(void **state)
{
    (void)state;
    struct world world = chain();
    double without[5], with[5];
    world.service[WEB].alarmed = world.service[DB].alarmed = false;
    seal(&world);
    ranker_find("trees")->rank(&world.given, without);
    world.flow[1].novel = true;
    world.flow[1].first = 105 * NS_PER_S;
    ranker_find("trees")->rank(&world.given, with);
    assert_true(with[WEB] > 5 * without[WEB]);
}

/* ---- on whose connection ---- */

enum { EDGE, CATALOG, ORDERS, STOCK, STORE, MAIL, STORE_SERVICES };

/* edge calls catalog, orders and stock; each of them calls a store, which alone has alarmed, and a
 * mailer. */
struct store {
    struct rank_service service[STORE_SERVICES];
    struct rank_flow flow[9];
    struct rank_case given;
};

static struct store store(void)
{
    struct store store = {
        .service = {
            [EDGE] = {.outside = true},
            [STORE] = {.alarmed = true, .score = 0.9, .time = 100 * NS_PER_S, .alarms = 1}}};
    for (size_t i = 0; i < 3; i++) {
        store.flow[i] = (struct rank_flow){.from = EDGE, .to = CATALOG + i, .last = 200 * NS_PER_S};
        store.flow[3 + i] =
            (struct rank_flow){.from = CATALOG + i, .to = STORE, .last = 200 * NS_PER_S};
        store.flow[6 + i] =
            (struct rank_flow){.from = CATALOG + i, .to = MAIL, .last = 200 * NS_PER_S};
    }
    return store;
}

static double place(struct store *store, const char *ranker, size_t service)
{
    double probability[STORE_SERVICES + 1];
    store->given = (struct rank_case){store->service, STORE_SERVICES, store->flow, 9};
    ranker_find(ranker)->rank(&store->given, probability);
    return rank_place(&store->given, probability, service);
}

static void the_caller_that_is_named_takes_what_callers_share(void **state)
{
    (void)state;
    const char *const RANKERS[] = {"trees", "paths"};
    for (size_t i = 0; i < 2; i++) {
        struct store given = store();
        double alike = place(&given, RANKERS[i], CATALOG);
        assert_true(alike == place(&given, RANKERS[i], ORDERS));
        given.flow[3].carried = true; /* catalog -> store */
        assert_true(place(&given, RANKERS[i], CATALOG) < alike);
        assert_true(place(&given, RANKERS[i], ORDERS) > place(&given, RANKERS[i], CATALOG));
        assert_true(place(&given, RANKERS[i], ORDERS) == place(&given, RANKERS[i], STOCK));
    }
    struct store given = store();
    given.flow[3].carried = true;
    assert_true(place(&given, "trees", CATALOG) == 1);
}

/* All callers named, or the only one: nothing is learned of the store, which stays the first. */
static void a_name_that_tells_nothing_apart_moves_no_entry(void **state)
{
    (void)state;
    struct store given = store();
    given.flow[3].carried = given.flow[4].carried = given.flow[5].carried = true;
    assert_true(place(&given, "trees", STORE) == 1);
    given = store(); /* catalog is the only one that calls it */
    given.flow[4] = given.flow[5] = given.flow[3];
    given.flow[3].carried = true;
    assert_true(place(&given, "trees", STORE) == 1);
}

/* The queries were catalog's, although it shows nothing: a database is not broken into by itself.
 */
static void who_orders_a_database_about_is_the_entry(void **state)
{
    (void)state;
    const char *const RANKERS[] = {"trees", "paths"};
    for (size_t i = 0; i < 2; i++) {
        struct store given = store();
        given.flow[3].database = given.flow[4].database = given.flow[5].database = true;
        assert_true(place(&given, RANKERS[i], STORE) == 1);
        given.flow[3].carried = true; /* catalog -> store */
        assert_true(place(&given, RANKERS[i], CATALOG) == 1);
    }
}

/* orders alarmed ten seconds before; then the store, which names the wrong caller. Who had called
 * the store for the first time stays the first; who always called it is no worse than second. */
static void a_false_name_does_not_ruin_an_earlier_alarm(void **state)
{
    (void)state;
    struct store given = store();
    given.service[ORDERS] =
        (struct rank_service){.alarmed = true, .score = 0.9, .time = 90 * NS_PER_S, .alarms = 1};
    assert_true(place(&given, "trees", ORDERS) == 1);
    given.flow[3].carried = true;
    assert_true(place(&given, "trees", ORDERS) <= 2);
    given.flow[4].novel = true; /* orders -> store */
    given.flow[4].first = 95 * NS_PER_S;
    assert_true(place(&given, "trees", ORDERS) == 1);
}

/* One that did not alarm has nothing that could have been done on a connection. */
static void a_name_without_an_alarm_is_none(void **state)
{
    (void)state;
    struct store given = store();
    given.flow[0].carried = true; /* edge -> catalog */
    assert_true(place(&given, "trees", CATALOG) == place(&given, "trees", ORDERS));
}

static void weak_alarms_may_have_no_entry(void **state)
{
    (void)state;
    struct world world = chain();
    double strong[5], weak[5];
    world.service[WEB].alarmed = world.service[CART].alarmed = false;
    seal(&world);
    ranker_find("trees")->rank(&world.given, strong);
    world.service[DB].score = 0.1;
    ranker_find("trees")->rank(&world.given, weak);
    assert_true(strong[4] < 0.05 && weak[4] > 4 * strong[4]);
}

static void the_rules_of_thumb_do_what_they_say(void **state)
{
    (void)state;
    struct world world = chain();
    double probability[5];
    seal(&world);
    ranker_find("ingress")->rank(&world.given, probability);
    assert_true(rank_place(&world.given, probability, FRONT) == 1);
    assert_true(rank_place(&world.given, probability, DB) == 3); /* the mean of 2, 3 and 4 */
    ranker_find("earliest")->rank(&world.given, probability);
    assert_true(rank_place(&world.given, probability, WEB) == 1);
    assert_true(rank_place(&world.given, probability, FRONT) == 4);
    ranker_find("most")->rank(&world.given, probability);
    assert_near(probability[CART], 0.6);
    assert_null(ranker_find("oracle"));
}

/* Two services, one call, one alarm: the fixed point of two equations. */
static void the_walks_reach_their_fixed_point(void **state)
{
    (void)state;
    const struct rank_service services[] = {{.outside = true},
                                            {.alarmed = true, .score = 1, .alarms = 1}};
    const struct rank_flow flow = {.from = 0, .to = 1};
    const struct rank_case given = {services, 2, &flow, 1};
    double probability[3];
    ranker_find("walk")->rank(&given, probability);
    assert_near(probability[1], 1);
    /* a = 0.85 b, b = 0.15 + 0.85 a (a's mass is stranded and goes home to b) */
    ranker_find("walk-back")->rank(&given, probability);
    assert_near(probability[1], 0.15 / (1 - 0.85 * 0.85));
    assert_near(probability[0] + probability[1] + probability[2], 1);
}

static void every_ranker_answers_every_case(void **state)
{
    (void)state;
    uint64_t seed = 4;
    const struct rank_case empty = {0};
    double probability[MANY + 1];
    for (const struct ranker *ranker = rankers; ranker->name; ranker++)
        ranker->rank(&empty, probability);
    for (int round = 0; round < 300; round++) {
        struct world world;
        make_world(&world, &seed);
        for (const struct ranker *ranker = rankers; ranker->name; ranker++) {
            double sum = 0;
            ranker->rank(&world.given, probability);
            for (size_t i = 0; i <= world.given.services; i++) {
                assert_true(probability[i] >= 0 && probability[i] <= 1);
                sum += probability[i];
            }
            assert_near(sum, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_paths_are_those_of_all_paths),
        cmocka_unit_test(the_likelihood_is_the_sum_over_all_trees),
        cmocka_unit_test(the_belief_in_a_step_is_its_share_of_all_trees),
        cmocka_unit_test(a_path_is_worth_its_product),
        cmocka_unit_test(the_trees_find_the_head_of_a_chain),
        cmocka_unit_test(the_way_leads_over_silent_services),
        cmocka_unit_test(a_silent_service_that_reached_out_is_suspect),
        cmocka_unit_test(the_caller_that_is_named_takes_what_callers_share),
        cmocka_unit_test(who_orders_a_database_about_is_the_entry),
        cmocka_unit_test(a_name_that_tells_nothing_apart_moves_no_entry),
        cmocka_unit_test(a_false_name_does_not_ruin_an_earlier_alarm),
        cmocka_unit_test(a_name_without_an_alarm_is_none),
        cmocka_unit_test(weak_alarms_may_have_no_entry),
        cmocka_unit_test(the_rules_of_thumb_do_what_they_say),
        cmocka_unit_test(the_walks_reach_their_fixed_point),
        cmocka_unit_test(every_ranker_answers_every_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
