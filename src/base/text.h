/* Text that an intruder may have chosen: any bytes. */
#ifndef SKINK_BASE_TEXT_H
#define SKINK_BASE_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* Length of the UTF-8 character that begins at text (RFC 3629), 0 when none does within length. */
size_t text_character(const char *text, size_t length);

/* As a string of JSON; each byte that is no UTF-8 becomes "?". New reference. */
json_t *text_json(const char *text, size_t length);

#endif
