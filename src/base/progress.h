/*
 * How far a long operation is, on the last line of standard error:
 *
 *      41 % [========------------] 812.0 MiB of 1.9 GiB, 17 s left  learning
 *
 * Only on a terminal, only from two seconds on, at most ten times a second, no wider than the
 * terminal, without colour when NO_COLOR says so (no-color.org); gone at the end.
 *
 *     struct progress progress;
 *     progress_start(&progress, "learning", PROGRESS_BYTES, total);
 *     while (…)
 *         progress_advance(&progress, bytes);
 *     progress_end(&progress);
 *
 * Belongs to one thread of execution: where several work, they share it under a lock of theirs.
 */
#ifndef SKINK_BASE_PROGRESS_H
#define SKINK_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_TEXT  256
#define PROGRESS_BYTES "B" /* a unit that is shown as KiB, MiB, … */

/* Private. */
struct progress {
    const char *label, *unit;
    uint64_t total, done;
    uint64_t started, next; /* ns: the beginning, and when the line may be written again */
    bool wanted, shown, coloured;
};

/*
 * Begins now. label says what is done, unit what is counted, in the plural ("traces"); both are
 * borrowed until the end. total 0: nobody knows.
 */
void progress_start(struct progress *progress, const char *label, const char *unit, uint64_t total);

/* So much more is done, or so much in all. Cheap: both may be called for every batch or item. */
void progress_advance(struct progress *progress, uint64_t more);
void progress_set(struct progress *progress, uint64_t done);

/* Takes the line away, so that something else can be printed; it comes back by itself. */
void progress_hide(struct progress *progress);

/* Takes the line away for good; nothing is left to free. */
void progress_end(struct progress *progress);

/* The line without colours, `elapsed` ns after the beginning, cut to `width` columns. Returns text.
 */
const char *progress_text(const struct progress *progress, uint64_t elapsed, unsigned width,
                          char text[PROGRESS_TEXT]);

#endif
