/*
 * Sweeps: a text in which values stand for several. "3..6" is 3, 4, 5, 6; "10..50..20" is 10, 30,
 * 50; "3/6/10" is just these, also of names ("any/majority"). Values follow a "=", or are all of
 * the text.
 */
#ifndef SKINK_LAB_SWEEP_H
#define SKINK_LAB_SWEEP_H

#include <stddef.h>

#include "base/error.h"

/* The most texts that a sweep may make. */
#define SWEEP_MAX 10000

struct sweep {
    char **text;
    size_t count;
};

/* Adds to sweep every text that `text` stands for, the last value changing first. 0 or -1. */
int sweep_add(struct sweep *sweep, const char *text, struct error *err);
void sweep_clear(struct sweep *sweep);

#endif
