/* The random values of TPC-C (2.1.5, 2.1.6, 4.3.2). The same seed gives the same values. */
#ifndef SKINK_BENCH_TPCC_RANDOM_H
#define SKINK_BENCH_TPCC_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

#define LAST_NAME 16 /* three syllables of at most five letters */
#define TEXT_MAX  501

/* Evenly among low..high, both included. */
int random_between(struct random *random, int low, int high);
bool random_percent(struct random *random, int percent);

/* NURand (2.1.6): some values are asked for far more often than others. */
int random_customer(struct random *random); /* 1..3000 */
int random_item(struct random *random);     /* 1..100000 */

/* The number of a last name, 0..999; its constant differs between population and load (2.1.6.1). */
int random_last_name(struct random *random, bool population);
const char *last_name(int number, char text[LAST_NAME]);

/* A random text of low..high letters and digits (a-string), or of digits alone (n-string). */
const char *random_text(struct random *random, int low, int high, char text[TEXT_MAX]);
const char *random_digits(struct random *random, int length, char text[TEXT_MAX]);

/* A text of 26..50, one in ten with ORIGINAL in it (4.3.3.1: I_DATA, S_DATA). */
const char *random_data(struct random *random, char text[TEXT_MAX]);

/* 1..count in random order. */
void random_permutation(struct random *random, int *numbers, int count);

#endif
