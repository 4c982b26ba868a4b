/* Private to the detect room. */
#ifndef SKINK_DETECT_CALLS_H
#define SKINK_DETECT_CALLS_H

/* Calls that a program can make through one entry of the kernel: what a model of probability
 * spreads the improbable over. x86-64 has 362 as of Linux 6.1 (0 to 334, 424 to 450); codes are
 * more, but no program has all of both tables in its reach. */
#define CALLS_POSSIBLE 362

#endif
