/* Names in the file system. */
#ifndef SKINK_CAMPAIGN_PATH_H
#define SKINK_CAMPAIGN_PATH_H

#include <stddef.h>

#include "base/error.h"

/* A name as a single part of a path: what does not belong there becomes "-". Returns to. */
char *path_part(const char *name, char *to, size_t size);

/* Makes a directory unless it is there; 0 or -1. */
int path_make(const char *path, struct error *err);

#endif
