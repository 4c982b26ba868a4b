/*
 * Numbers that are random and the same for a seed, wherever they are drawn: splitmix64 (Steele, Lea
 * & Flood 2014, "Fast splittable pseudorandom number generators").
 */
#ifndef SKINK_LAB_RANDOM_H
#define SKINK_LAB_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* 0 to below - 1, which fits 32 bits; its bias is below 2^-32 times that. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
    return (random_next(state) >> 32) * below >> 32;
}

static inline void random_shuffle(uint64_t *state, size_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(state, i), item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

#endif
