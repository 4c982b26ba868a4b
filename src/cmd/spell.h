/* Patterns spelled in the names of their calls. */
#ifndef SKINK_CMD_SPELL_H
#define SKINK_CMD_SPELL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "profile/pattern.h"

/* Prints a window as it is; a bag, whose codes are sorted, with how often each call is in it:
 * "close*2 openat". No newline. */
void spell_pattern(enum pattern_kind kind, const uint16_t *codes, uint32_t length);

/* Prints the names of the marked calls by number, wrapped like a paragraph whose lines begin
 * `indent` columns in; nothing when there is none. */
void spell_alphabet(const bool there[CALL_CODES], int indent);

/* The same as an array. */
json_t *spell_alphabet_json(const bool there[CALL_CODES]);

#endif
