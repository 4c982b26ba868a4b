/* profile: union, reuse and similarity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profile/similarity.h"

enum { WINDOW = 3, BAG = 2, TRAININGS = 6 };

/* A few calls only, so that profiles have much in common. */
static const uint16_t *draw_codes(uint16_t codes[PATTERN_MAX])
{
    for (int i = 0; i < PATTERN_MAX; i++)
        codes[i] = (uint16_t)(random() % 4 + (random() % 16 == 0 ? CALL_COMPAT : 0));
    return codes;
}

/* In few directories, some of which grow wide; some lie deep. */
static const char *draw_path(char path[32])
{
    snprintf(path, 32, "%s/%c/%c", random() % 2 ? "/t/e/m/p/o/r/a/r/y" : "",
             (char)('a' + random() % 2), (char)('a' + random() % 26));
    return path;
}

/* Goes on with a training as an agent does: patterns, numbers, curve. */
static void train(struct profile *profile)
{
    struct profile_facts *facts = profile_facts(profile);
    uint16_t codes[PATTERN_MAX];
    char path[32];
    for (long i = random() % 40; i > 0; i--)
        profile_add(profile, (enum pattern_kind)(random() % PATTERN_KINDS), draw_codes(codes));
    for (long i = random() % 100; i > 0; i--)
        profile_add_access(profile, random() % 8 ? ACCESS_READ : ACCESS_WRITE, draw_path(path),
                           NULL);
    facts->calls += (uint64_t)random() % 1000;
    facts->lost += (uint64_t)random() % 2;
    facts->starts += (uint64_t)random() % 3;
    facts->learn_ns += (uint64_t)random() % 7 * profile_growth(profile)->rule.interval_ns;
    facts->updated += (uint64_t)random() % 1000;
    facts->frame_peak = (uint32_t)(random() % 20);
    facts->epoch = 400 + 100 * (uint32_t)(random() % 2);
    facts->epoch_peak = (uint32_t)(random() % 50);
    growth_update(profile_growth(profile), facts->learn_ns, facts->calls, profile_size(profile),
                  false);
}

/* An independent copy, by way of the file. */
static struct profile *copy(struct profile *profile)
{
    struct error err;
    size_t size;
    autofree void *data = profile_serialize(profile, &size);
    struct profile *again = profile_parse(data, size, "copy", &err);
    assert_non_null(again);
    return again;
}

static struct profile *merge(struct profile *const *profiles, size_t count)
{
    struct error err;
    struct profile *merged = profile_merge(profiles, count, &err);
    assert_non_null(merged);
    return merged;
}

static struct profile *merge_two(struct profile *a, struct profile *b)
{
    return merge((struct profile *[]){a, b}, 2);
}

static void assert_same_file(struct profile *a, struct profile *b)
{
    size_t size, other_size;
    autofree void *data = profile_serialize(a, &size);
    autofree void *other = profile_serialize(b, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(data, other, size);
}

/* Trainings of one version: new ones, later states of others, begun by reuse, merged before. */
static void make_trainings(struct profile *made[TRAININGS])
{
    struct error err;
    struct profile *old = profile_new("web", "1", WINDOW, BAG);
    train(old);
    for (int i = 0; i < TRAININGS; i++) {
        if (i == 0 || random() % 3 == 0)
            made[i] = profile_new("web", "2", WINDOW, BAG);
        else if (random() % 3 == 0)
            made[i] = profile_reuse(old, "2", &err);
        else if (random() % 2 == 0)
            made[i] = copy(made[random() % i]);
        else
            made[i] = merge_two(made[random() % i], made[random() % i]);
        if (random() % 8)
            train(made[i]);
    }
    profile_free(old);
}

static void free_all(struct profile *profiles[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        profile_free(profiles[i]);
}

static bool has_wide_directory(struct profile *profile)
{
    const struct access_set *own = &profile_accesses(profile)->own;
    for (size_t i = 0; i < own->count; i++)
        if (own->list[i].below)
            return true;
    return false;
}

static void union_is_commutative_associative_idempotent(void **state)
{
    (void)state;
    int grown = 0; /* unions with a directory that was wide in neither part */
    srandom(7);
    for (int round = 0; round < 300; round++) {
        struct profile *made[TRAININGS];
        make_trainings(made);
        struct profile *a = made[random() % TRAININGS], *b = made[random() % TRAININGS],
                       *c = made[random() % TRAININGS];
        struct profile *ab = merge_two(a, b), *ba = merge_two(b, a), *bc = merge_two(b, c);
        struct profile *ab_c = merge_two(ab, c), *a_bc = merge_two(a, bc);
        struct profile *aa = merge_two(a, a), *aaa = merge_two(aa, a), *only = merge(&a, 1);
        assert_same_file(ab, ba);
        assert_same_file(ab_c, a_bc);
        assert_same_file(aa, only);
        assert_same_file(aa, aaa);
        struct profile *again = merge_two(ab_c, ab);
        assert_same_file(ab_c, again); /* who has all learns nothing from a part */
        grown += has_wide_directory(ab) && !has_wide_directory(a) && !has_wide_directory(b);
        struct profile *results[] = {ab, ba, bc, ab_c, a_bc, aa, aaa, only, again};
        free_all(results, sizeof results / sizeof *results);
        free_all(made, TRAININGS);
    }
    assert_true(grown > 0);
}

static void any_order_gives_the_same_file(void **state)
{
    (void)state;
    srandom(11);
    for (int round = 0; round < 100; round++) {
        struct profile *made[TRAININGS], *folded = NULL;
        make_trainings(made);
        struct profile *at_once = merge(made, TRAININGS);
        for (int i = TRAININGS; i > 1; i--) { /* Fisher and Yates */
            int j = (int)(random() % i);
            struct profile *swapped = made[i - 1];
            made[i - 1] = made[j];
            made[j] = swapped;
        }
        for (int i = 0; i < TRAININGS; i++) {
            struct profile *next = folded ? merge_two(folded, made[i]) : merge(&made[i], 1);
            profile_free(folded);
            folded = next;
        }
        assert_same_file(at_once, folded);
        profile_free(at_once);
        profile_free(folded);
        free_all(made, TRAININGS);
    }
}

static void add_window(struct profile *profile, uint16_t a, uint16_t b, uint16_t c)
{
    profile_add(profile, PATTERN_WINDOW, (uint16_t[]){a, b, c});
}

static void the_idle_inherits_with_numbers_and_sources(void **state)
{
    (void)state;
    size_t count;
    struct profile *busy = profile_new("web", "1", WINDOW, BAG);
    struct profile *idle = profile_new("web", "1", WINDOW, BAG);
    add_window(busy, 1, 2, 3);
    add_window(busy, 2, 3, 4);
    add_window(idle, 1, 2, 3);
    profile_facts(busy)->calls = 100;
    profile_facts(busy)->starts = 1;
    profile_facts(idle)->calls = 5;
    profile_facts(idle)->lost = 2;
    profile_growth(busy)->learned = true;
    growth_append(profile_growth(busy), &(struct growth_point){0});
    struct profile *merged = merge_two(idle, busy);
    assert_int_equal(profile_count(merged, PATTERN_WINDOW), 2);
    assert_int_equal(profile_facts(merged)->calls, 105);
    assert_int_equal(profile_facts(merged)->starts, 1);
    assert_int_equal(profile_gaps(merged), PROFILE_LOSSES);
    const struct profile_source *sources = profile_sources(merged, &count);
    assert_int_equal(count, 2);
    size_t lossy = sources[0].lost ? 0 : 1;
    assert_true(profile_shown_by(merged, PATTERN_WINDOW, 0, lossy));
    assert_true(profile_shown_by(merged, PATTERN_WINDOW, 0, 1 - lossy));
    assert_false(profile_shown_by(merged, PATTERN_WINDOW, 1, lossy));
    assert_true(profile_shown_by(merged, PATTERN_WINDOW, 1, 1 - lossy));

    /* The busy one goes on: its numbers replace the older ones instead of being added. */
    profile_facts(busy)->calls = 150;
    struct profile *later = merge_two(merged, busy);
    assert_int_equal(profile_facts(later)->calls, 155);
    profile_free(later);
    profile_free(merged);
    profile_free(busy);
    profile_free(idle);
}

/* Whoever goes on with a merged profile is a source of its own, and its losses stay. */
static void training_goes_on_after_a_merge(void **state)
{
    (void)state;
    size_t count;
    struct profile *first = profile_new("web", "1", WINDOW, BAG);
    add_window(first, 1, 2, 3);
    profile_facts(first)->calls = 10;
    struct profile *merged = merge(&first, 1);
    profile_begin(merged);
    profile_facts(merged)->calls += 7;
    profile_facts(merged)->lost += 1;
    struct profile *again = merge_two(first, merged);
    const struct profile_source *sources = profile_sources(again, &count);
    assert_int_equal(count, 2);
    assert_int_equal(sources[0].calls + sources[1].calls, 17);
    assert_int_equal(profile_facts(again)->lost, 1);
    profile_free(again);
    profile_free(merged);
    profile_free(first);
}

static void only_the_same_service_is_merged(void **state)
{
    (void)state;
    struct error err;
    static const struct {
        const char *service, *version;
        uint32_t window;
        const char *why;
    } CASES[] = {
        {"db", "1", WINDOW, "web@1 and db@1 are not the same"},
        {"web", "2", WINDOW, "by reuse"},
        {"web", "1", WINDOW + 1, "windows of 3 and bags of 2 cannot be merged with 4 and 2"},
    };
    struct profile *web = profile_new("web", "1", WINDOW, BAG);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct profile *other =
            profile_new(CASES[i].service, CASES[i].version, CASES[i].window, BAG);
        assert_null(profile_merge((struct profile *[]){web, other}, 2, &err));
        assert_non_null(strstr(err.text, CASES[i].why));
        profile_free(other);
    }
    profile_free(web);
}

static void the_next_version_begins_with_the_last(void **state)
{
    (void)state;
    struct error err;
    struct profile *old = profile_new("web", "1", WINDOW, BAG);
    profile_add_access(old, ACCESS_READ, "/old", NULL);
    add_window(old, 1, 2, 3);
    add_window(old, 2, 3, 4);
    assert_null(profile_reuse(old, "1", &err));
    struct profile *fresh = profile_reuse(old, "2", &err), *next = copy(fresh);
    profile_free(fresh);
    profile_free(old);
    assert_int_equal(profile_count(next, PATTERN_WINDOW), 0);
    assert_int_equal(profile_size(next), 2);
    assert_int_equal(profile_gaps(next) & PROFILE_NOT_STEADY, PROFILE_NOT_STEADY);

    /* What it shows of the old becomes its own and is no growth; what is new is. */
    const uint16_t shown[] = {2, 3, 4}, new[] = {9, 9, 9}, aside[] = {1, 2, 3};
    assert_int_equal(profile_add(next, PATTERN_WINDOW, shown), PATTERN_ASIDE);
    assert_int_equal(profile_add(next, PATTERN_WINDOW, shown), PATTERN_KNOWN);
    assert_int_equal(profile_size(next), 2);
    assert_int_equal(profile_add(next, PATTERN_WINDOW, new), PATTERN_NEW);
    assert_int_equal(profile_size(next), 3);
    assert_int_equal(profile_accesses(next)->own.count, 0);
    assert_int_equal(profile_add_access(next, ACCESS_READ, "/old", NULL), PATTERN_ASIDE);
    assert_int_equal(profile_add_access(next, ACCESS_READ, "/old", NULL), PATTERN_KNOWN);
    assert_int_equal(profile_add_access(next, ACCESS_WRITE, "/old", NULL), PATTERN_NEW);
    assert_int_equal(profile_look(next, PATTERN_WINDOW, aside), PATTERN_ASIDE);
    assert_false(profile_has(next, PATTERN_WINDOW, aside));
    assert_string_equal(profile_shown_in(next, PATTERN_WINDOW, aside), "1");

    /* The file keeps what is own, in the order shown, and what is laid aside behind it. */
    struct profile *again = copy(next);
    assert_same_file(next, again);
    assert_int_equal(profile_count(again, PATTERN_WINDOW), 2);
    assert_int_equal(profile_count_all(again, PATTERN_WINDOW), 3);
    assert_memory_equal(profile_pattern(again, PATTERN_WINDOW, 0), shown, sizeof shown);
    assert_memory_equal(profile_pattern(again, PATTERN_WINDOW, 2), aside, sizeof aside);

    /* The version after that knows all of them; and going back, what was shown is own again. */
    struct profile *third = profile_reuse(again, "3", &err),
                   *back = profile_reuse(again, "1", &err);
    assert_int_equal(profile_count_all(third, PATTERN_WINDOW), 3);
    assert_int_equal(profile_count(third, PATTERN_WINDOW), 0);
    assert_int_equal(profile_count(back, PATTERN_WINDOW), 2);
    profile_free(back);
    profile_free(third);
    profile_free(again);
    profile_free(next);
}

static void files_of_format_1_load_as_one_source(void **state)
{
    (void)state;
    struct error err;
    size_t count;
    autofree char *path = NULL;
    assert_true(
        asprintf(&path, "%s/tests/fuzz/seeds/profile/learned.profile", getenv("SKINK_SOURCE")) > 0);
    struct profile *one = profile_load(path, &err), *two = profile_load(path, &err);
    assert_non_null(one);
    const struct profile_source *sources = profile_sources(one, &count);
    assert_int_equal(count, 1);
    assert_int_equal(sources[0].calls, profile_facts(one)->calls);
    assert_true(profile_shown_by(one, PATTERN_WINDOW, 0, 0));
    struct profile *merged = merge_two(one, two), *only = merge(&one, 1);
    assert_same_file(merged, only);
    profile_free(only);
    profile_free(merged);
    profile_free(two);
    profile_free(one);
}

static void save(const char *dir, struct profile *profile)
{
    struct error err;
    size_t size;
    const struct profile_facts *facts = profile_facts(profile);
    autofree char *path = profile_path(dir, facts->service, facts->version);
    autofree void *data = profile_serialize(profile, &size);
    assert_int_equal(profile_write(path, data, size, &err), 0);
    profile_free(profile);
}

static void the_latest_learned_version_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *service, *version;
        uint32_t window;
        bool learned;
        uint64_t updated;
    } FILES[] = {
        {"web", "1", WINDOW, true, 100},    {"web", "2", WINDOW, true, 200},
        {"web", "3", WINDOW, false, 300},   {"web", "4", WINDOW + 1, true, 400},
        {"webber", "1", WINDOW, true, 500},
    };
    char dir[] = "/tmp/skink-latest-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_null(profile_latest(dir, "web", WINDOW, BAG));
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        struct profile *profile =
            profile_new(FILES[i].service, FILES[i].version, FILES[i].window, BAG);
        profile_growth(profile)->learned = FILES[i].learned;
        growth_append(profile_growth(profile), &(struct growth_point){0});
        profile_facts(profile)->updated = FILES[i].updated;
        save(dir, profile);
    }
    struct profile *latest = profile_latest(dir, "web", WINDOW, BAG);
    assert_non_null(latest);
    assert_string_equal(profile_facts(latest)->version, "2");
    profile_free(latest);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        autofree char *path = profile_path(dir, FILES[i].service, FILES[i].version);
        unlink(path);
    }
    rmdir(dir);
}

static void similarity_follows_tversky(void **state)
{
    (void)state;
    static const struct {
        struct overlap overlap;
        struct tversky weights;
        double similarity;
    } CASES[] = {
        {{0, 0, 0}, {0.1, 0.9}, 1},
        {{1, 0, 0}, {0.1, 0.9}, 0},
        {{10, 0, 9}, {0.1, 0.9}, 0.9},
        {{0, 10, 9}, {0.1, 0.9}, 0.5},
        {{1, 1, 1}, {1, 1}, 1.0 / 3} /* Jaccard */,
        {{1, 1, 1}, {0.5, 0.5}, 0.5} /* Dice */,
        {{5, 5, 0}, {0, 0}, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_true(fabs(overlap_similarity(&CASES[i].overlap, &CASES[i].weights) -
                         CASES[i].similarity) < 1e-12);
    struct profile *old = profile_new("web", "1", WINDOW, BAG);
    struct profile *new = profile_new("web", "2", WINDOW, BAG);
    add_window(old, 1, 2, 3);
    add_window(old, 1, 1, 1);
    add_window(new, 1, 2, 3);
    add_window(new, 5, 6, 1);
    struct overlap calls = overlap_of_alphabets(old, new);
    struct overlap windows = overlap_of_patterns(old, new, PATTERN_WINDOW);
    assert_int_equal(calls.first, 0);
    assert_int_equal(calls.both, 3);
    assert_int_equal(calls.second, 2);
    assert_int_equal(windows.first, 1);
    assert_int_equal(windows.both, 1);
    assert_int_equal(windows.second, 1);
    profile_free(old);
    profile_free(new);
}

/* More than eight sources take more than one byte a row: what was marked must stay. */
static void many_sources_keep_their_marks(void **state)
{
    (void)state;
    enum { MANY = 21 };
    size_t count;
    struct profile *each[MANY];
    for (size_t i = 0; i < MANY; i++) {
        each[i] = profile_new("web", "1", WINDOW, BAG);
        add_window(each[i], 0, 0, 0);
        add_window(each[i], 1, 1, (uint16_t)i);
        profile_facts(each[i])->calls = i;
    }
    struct profile *merged = merge(each, MANY), *again = copy(merged);
    const struct profile_source *sources = profile_sources(again, &count);
    assert_int_equal(count, MANY);
    for (size_t s = 0; s < MANY; s++) {
        assert_true(profile_shown_by(again, PATTERN_WINDOW, 0, s));
        for (size_t i = 1; i <= MANY; i++)
            assert_int_equal(profile_shown_by(again, PATTERN_WINDOW, i, s),
                             profile_pattern(again, PATTERN_WINDOW, i)[2] == sources[s].calls);
    }
    profile_free(again);
    profile_free(merged);
    free_all(each, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(union_is_commutative_associative_idempotent),
        cmocka_unit_test(any_order_gives_the_same_file),
        cmocka_unit_test(the_idle_inherits_with_numbers_and_sources),
        cmocka_unit_test(training_goes_on_after_a_merge),
        cmocka_unit_test(only_the_same_service_is_merged),
        cmocka_unit_test(the_next_version_begins_with_the_last),
        cmocka_unit_test(files_of_format_1_load_as_one_source),
        cmocka_unit_test(the_latest_learned_version_is_found),
        cmocka_unit_test(similarity_follows_tversky),
        cmocka_unit_test(many_sources_keep_their_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
