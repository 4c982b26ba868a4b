/* Patterns spelled in the names of their calls. */
#ifndef SKINK_CMD_SPELL_H
#define SKINK_CMD_SPELL_H

#include <stdint.h>

#include "profile/pattern.h"

/* Prints a window as it is; a bag, whose codes are sorted, with how often each call is in it:
 * "close*2 openat". No newline. */
void spell_pattern(enum pattern_kind kind, const uint16_t *codes, uint32_t length);

#endif
