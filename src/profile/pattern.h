/*
 * What a pattern is: the one definition, compiled into the BPF probe and into user space alike.
 *
 * A call has a code of 10 bits. The window (STIDE: the last n calls in order) and the bag (BoSC:
 * the same for m calls as a multiset) are kept incrementally, O(1) a call whatever n and m are, and
 * each becomes a fingerprint of 64 bits by which tables remember it:
 *
 *   n <= 6   the window itself, 10 bits a call, times an odd number: a bijection. A collision is
 *            excluded.
 *   n >  6   a polynomial over secret random values of the calls, modulo 2^64. Two given windows
 *            meet with a probability below 2^-50 over the choice of the secret; a profile of a
 *            million patterns takes a foreign window for its own once in 10^9 foreign windows.
 *   bag      the sum of the calls' secret values modulo 2^64. Two bags that differ meet with a
 *            probability of at most 2^-60: the difference is a sum of values with factors of at
 *            most 16, so at most 4 of the 64 bits are lost to a common factor of two.
 *
 * The secret (struct pattern_secret) is drawn at every start, so nobody can look for collisions
 * beforehand; therefore a fingerprint never leaves the running program: files hold the calls.
 */
#ifndef SKINK_PROFILE_PATTERN_H
#define SKINK_PROFILE_PATTERN_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define PATTERN_MIN   2  /* shortest window or bag */
#define PATTERN_MAX   16 /* longest window or bag */
#define PATTERN_EXACT 6  /* longest window whose fingerprint is a bijection */
#define HISTORY       32 /* last calls kept of a thread; a power of two, > PATTERN_MAX */

#define CALL_CODE_BITS 10
#define CALL_CODES     (1 << CALL_CODE_BITS)
#define CALL_COMPAT    512 /* added to the number of a 32-bit call */
#define CALL_OTHER     511 /* every number that no table of the kernel knows (x32 calls too) */

enum pattern_kind { PATTERN_WINDOW, PATTERN_BAG, PATTERN_KINDS };

struct pattern_secret {
    __u64 spread;            /* odd: the factor of every fingerprint */
    __u64 base;              /* odd: the variable of the polynomial, for n > PATTERN_EXACT */
    __u64 value[CALL_CODES]; /* random value of each call */
};

/* The code of a call: its number, 32-bit calls apart from 64-bit ones. */
static inline __u32 call_code(__u64 number, int compat)
{
    __u32 code = number < CALL_OTHER ? (__u32)number : CALL_OTHER;
    return compat ? code + CALL_COMPAT : code;
}

/* base^n, the factor that takes the oldest call out of a rolling window. n <= PATTERN_MAX. */
static inline __u64 window_factor(__u64 base, __u32 n)
{
    __u64 factor = 1;
    for (__u32 i = 0; i < PATTERN_MAX; i++)
        if (i < n)
            factor *= base;
    return factor;
}

/*
 * The window after one more call. in and out: the code that enters and the code that leaves, which
 * counts only for n > PATTERN_EXACT and whose value must be 0 while the window is not yet full.
 */
static inline __u64 window_push(__u64 window, __u32 n, __u32 in, __u64 in_value, __u64 out_value,
                                __u64 base, __u64 factor)
{
    if (n <= PATTERN_EXACT)
        return ((window << CALL_CODE_BITS) | in) & ((1ULL << (CALL_CODE_BITS * n)) - 1);
    return window * base + in_value - out_value * factor;
}

/* The bag after one more call; out_value is 0 while the bag is not yet full. */
static inline __u64 bag_push(__u64 bag, __u64 in_value, __u64 out_value)
{
    return bag + in_value - out_value;
}

/* Never 0, which marks an empty place in a table. */
static inline __u64 window_fingerprint(__u64 window, __u32 n, __u64 spread)
{
    if (n <= PATTERN_EXACT)
        return (window | 1ULL << 63) * spread; /* at most 60 bits are in use below the mark */
    return (window ? window : 1) * spread;
}

static inline __u64 bag_fingerprint(__u64 bag, __u64 spread)
{
    return (bag ? bag : 1) * spread;
}

#endif
