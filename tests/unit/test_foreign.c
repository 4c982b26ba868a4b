/* foreign: what an alert found is kept whole, and taken back where it was evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/evidence.h"
#include "agent/foreign.h"
#include "base/clock.h"

#define MANY 1000

static void all_of_it_is_kept(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new(6, 3);
    assert_true(foreign_is_empty(foreign));
    for (uint16_t i = 0; i < MANY; i++) {
        const uint16_t codes[6] = {i, 1, 2, 3, 4, (uint16_t)(i + 5)};
        char path[32];
        snprintf(path, sizeof path, "/etc/file-%d", i);
        foreign_add_pattern(foreign, PATTERN_WINDOW, codes);
        foreign_add_pattern(foreign, PATTERN_BAG, codes);
        foreign_add_access(foreign, ACCESS_WRITE, path);
    }
    foreign_add_peer(foreign, 7);
    assert_false(foreign_is_empty(foreign));
    assert_int_equal(foreign->patterns[PATTERN_WINDOW].count, MANY);
    assert_int_equal(foreign->access_count, MANY);
    for (uint16_t i = 0; i < MANY; i++) {
        const uint16_t codes[6] = {i, 1, 2, 3, 4, (uint16_t)(i + 5)};
        assert_memory_equal(foreign_pattern(foreign, PATTERN_WINDOW, i), codes, sizeof codes);
        assert_memory_equal(foreign_pattern(foreign, PATTERN_BAG, i), codes, 3 * sizeof *codes);
    }
    assert_string_equal(foreign->accesses[999].path, "/etc/file-999");
    assert_int_equal(foreign->accesses[999].kind, ACCESS_WRITE);
    assert_int_equal(foreign->peers[0], 7);
    foreign_free(foreign);
}

static void a_peer_alone_is_something(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new(6, 6);
    foreign_add_peer(foreign, 0);
    assert_false(foreign_is_empty(foreign));
    foreign_free(foreign);
    foreign_free(NULL);
}

static void its_bytes_are_counted(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new(6, 6);
    const uint16_t codes[6] = {0};
    size_t before = foreign_bytes(foreign);
    for (int i = 0; i < MANY; i++)
        foreign_add_pattern(foreign, PATTERN_WINDOW, codes);
    assert_in_range(foreign_bytes(foreign) - before, MANY * sizeof codes, 2 * MANY * sizeof codes);
    foreign_free(foreign);
}

static void what_was_accepted_is_no_evidence(void **state)
{
    (void)state;
    struct evidence evidence = {0};
    evidence_note(&evidence, "one", 7, 0.5, true, NS_PER_S);
    evidence_note(&evidence, "other", 7, 0.25, false, NS_PER_S);
    evidence_withdraw(&evidence, "one");
    assert_float_equal(evidence_belief(&evidence, 7, 3600 * NS_PER_S, NS_PER_S), 0.25, 1e-9);
    evidence_withdraw(&evidence, "other");
    evidence_withdraw(&evidence, "none");
    assert_float_equal(evidence_sum(&evidence, 3600 * NS_PER_S, NS_PER_S), 0, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_kept),
        cmocka_unit_test(a_peer_alone_is_something),
        cmocka_unit_test(its_bytes_are_counted),
        cmocka_unit_test(what_was_accepted_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
