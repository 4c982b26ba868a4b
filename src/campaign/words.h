/*
 * A command line from a template: cut into words at blanks, then "{name}" in them is replaced. No
 * shell is asked, so nothing that is put in can become more than it is.
 */
#ifndef SKINK_CAMPAIGN_WORDS_H
#define SKINK_CAMPAIGN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct value {
    const char *name, *text; /* text NULL: words that name it are left out */
    bool words;              /* text is several words: "{name}" must be a word of its own */
};

/* Values end with a NULL name. An array to be freed with words_free, or NULL. */
char **words_make(const char *template, const struct value *values, struct error *err);
void words_free(char **words);

/* The same as one text, in which nothing is cut: for a path. To be freed; NULL with err. */
char *words_text(const char *template, const struct value *values, struct error *err);

#endif
