/* profile/pattern.h, profile/table.h, detect/frame.h: what the probe and user space share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "detect/fingerprints.h"
#include "detect/frame.h"
#include "profile/pattern.h"
#include "profile/table.h"

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t window_of(const uint16_t *codes, uint32_t n)
{
    uint64_t window = 0;
    for (uint32_t i = 0; i < n; i++)
        window = window_push(window, n, codes[i], 0, 0, 0, 0);
    return window;
}

/* For n <= 6 the fingerprint can be turned back into the calls: no two windows share one. */
static void short_windows_are_exact(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint32_t n = PATTERN_MIN + (uint32_t)(random_next(&seed) % (PATTERN_EXACT - 1));
        uint64_t spread = random_next(&seed) | 1, inverse = spread;
        uint16_t codes[PATTERN_EXACT];
        for (uint32_t j = 0; j < n; j++)
            codes[j] = (uint16_t)(random_next(&seed) % CALL_CODES);
        uint64_t print = window_fingerprint(window_of(codes, n), n, spread);
        assert_true(print != 0);
        for (int j = 0; j < 6; j++) /* Newton: each step doubles the bits that are right */
            inverse *= 2 - spread * inverse;
        uint64_t window = print * inverse;
        assert_true(window >> 63);
        for (uint32_t j = n; j-- > 0; window >>= CALL_CODE_BITS)
            assert_int_equal(window % CALL_CODES, codes[j]);
    }
}

/* A long stream pushed call by call gives what its last n calls alone give. */
static void windows_and_bags_roll(void **state)
{
    (void)state;
    static struct pattern_secret secret;
    uint64_t seed = 7;
    for (int i = 0; i < CALL_CODES; i++)
        secret.value[i] = random_next(&seed);
    secret.base = random_next(&seed) | 1;
    for (uint32_t n = PATTERN_MIN; n <= PATTERN_MAX; n++) {
        uint64_t factor = window_factor(secret.base, n), window = 0, bag = 0;
        uint16_t codes[200];
        for (uint32_t i = 0; i < 200; i++) {
            codes[i] = (uint16_t)(random_next(&seed) % CALL_CODES);
            uint64_t in = secret.value[codes[i]], out = i < n ? 0 : secret.value[codes[i - n]];
            window = window_push(window, n, codes[i], in, out, secret.base, factor);
            bag = bag_push(bag, in, out);
            if (i + 1 < n)
                continue;
            uint64_t alone = 0, sum = 0;
            for (uint32_t j = i + 1 - n; j <= i; j++) {
                alone =
                    window_push(alone, n, codes[j], secret.value[codes[j]], 0, secret.base, factor);
                sum += secret.value[codes[j]];
            }
            assert_int_equal(window, alone);
            assert_int_equal(bag, sum);
        }
    }
}

static void codes_tell_calls_apart(void **state)
{
    (void)state;
    assert_int_equal(call_code(0, 0), 0);
    assert_int_equal(call_code(510, 0), 510);
    assert_int_equal(call_code(511, 0), CALL_OTHER);
    assert_int_equal(call_code(~0ULL, 0), CALL_OTHER);
    assert_int_equal(call_code(3, 1), CALL_COMPAT + 3);
    assert_int_equal(call_code(~0ULL, 1), CALL_CODES - 1);
}

static void buckets_fill_in_order(void **state)
{
    (void)state;
    struct bucket bucket = {{0}};
    for (uint64_t i = 1; i <= BUCKET_PLACES; i++) {
        assert_int_equal(bucket_find(&bucket, i), BUCKET_MISSING);
        assert_int_equal(bucket_insert(&bucket, i), BUCKET_MISSING);
        assert_int_equal(bucket_insert(&bucket, i), BUCKET_KNOWN);
        assert_int_equal(bucket_find(&bucket, i), BUCKET_KNOWN);
        assert_int_equal(bucket.place[i - 1], i);
    }
    assert_int_equal(bucket_find(&bucket, 99), BUCKET_FULL);
    assert_int_equal(bucket_insert(&bucket, 99), BUCKET_FULL);
    assert_int_equal(bucket_insert(&bucket, 1), BUCKET_KNOWN);
}

/* Fingerprints that all want one bucket: its neighbour takes the rest, then the table grows. */
static void crowded_buckets_lose_nothing(void **state)
{
    (void)state;
    struct fingerprints set;
    fingerprints_init(&set);
    const uint64_t count = 3 * BUCKET_PLACES;
    for (uint64_t i = 1; i <= count; i++)
        assert_true(fingerprints_add(&set, 0xabcdef0000000000ULL | i << 44 | i));
    assert_true(set.bits > TABLE_BITS_MIN);
    assert_int_equal(set.count, count);
    for (uint64_t i = 1; i <= count; i++) {
        assert_true(fingerprints_has(&set, 0xabcdef0000000000ULL | i << 44 | i));
        assert_false(fingerprints_add(&set, 0xabcdef0000000000ULL | i << 44 | i));
        assert_false(fingerprints_has(&set, 0xabcdef0000000000ULL | i << 44 | (i + 100)));
    }
    fingerprints_free(&set);
}

static void tables_grow(void **state)
{
    (void)state;
    struct fingerprints set;
    fingerprints_init(&set);
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++)
        assert_true(fingerprints_add(&set, random_next(&seed)));
    assert_true(2 * set.count <= (size_t)BUCKET_PLACES << set.bits);
    seed = 3;
    for (int i = 0; i < 200000; i++)
        assert_true(fingerprints_has(&set, random_next(&seed)));
    for (int i = 0; i < 200000; i++)
        assert_false(fingerprints_has(&set, random_next(&seed)));
    fingerprints_free(&set);
}

static void frames_count_what_they_hold(void **state)
{
    (void)state;
    uint64_t seed = 11, frame = 0;
    bool mismatch[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        mismatch[i] = random_next(&seed) % 3 == 0;
        frame = frame_push(frame, mismatch[i]);
        for (uint32_t length = FRAME_MIN; length <= FRAME_MAX; length++) {
            uint32_t naive = 0;
            for (uint32_t j = 0; j < length && j <= i; j++)
                naive += mismatch[i - j];
            assert_int_equal(frame_count(frame, length), naive);
        }
    }
    assert_int_equal(frame_count(~0ULL, FRAME_MAX), FRAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_windows_are_exact),      cmocka_unit_test(windows_and_bags_roll),
        cmocka_unit_test(codes_tell_calls_apart),       cmocka_unit_test(buckets_fill_in_order),
        cmocka_unit_test(crowded_buckets_lose_nothing), cmocka_unit_test(tables_grow),
        cmocka_unit_test(frames_count_what_they_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
