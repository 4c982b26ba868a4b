/* Variants of a service: other versions or run-times that do the same work, so that what breaks one
 * of them need not break the next. */
#ifndef SKINK_RESPOND_VARIANT_H
#define SKINK_RESPOND_VARIANT_H

#include <stdbool.h>

#define VARIANT_NAME  128
#define VARIANT_START 1024

struct variant {
    char name[VARIANT_NAME];   /* the version that its replicas have; "": no variant */
    char start[VARIANT_START]; /* a command that starts one, or "image=REFERENCE" */
};

/*
 * The variant that comes after `version`, round robin; the first one when `version` is none of
 * them. all: one a line, "NAME=START"; NULL: there are none. other: never `version` itself. False,
 * and an empty one, when there is none.
 */
bool variant_next(const char *all, const char *version, bool other, struct variant *next);

/* The one of this name; an empty one for "". False when there is none. */
bool variant_find(const char *all, const char *name, struct variant *found);

/* The image that it is, NULL when it is a command. */
const char *variant_image(const struct variant *variant);

#endif
