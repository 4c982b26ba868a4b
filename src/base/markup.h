/* Text within XML. */
#ifndef SKINK_BASE_MARKUP_H
#define SKINK_BASE_MARKUP_H

#include <stdio.h>

/* Prints text between two tags; a control character, which XML knows none of, as a blank. */
void markup_print(FILE *out, const char *text);

#endif
