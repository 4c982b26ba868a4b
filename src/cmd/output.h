/* Files that a verb writes for people. */
#ifndef SKINK_CMD_OUTPUT_H
#define SKINK_CMD_OUTPUT_H

#include <stdio.h>

#include "base/error.h"

/* Creates or truncates the file. NULL on error. */
FILE *output_create(const char *path, struct error *err);

/* Closes it; -1 when not everything could be written. path: of output_create. */
int output_close(FILE *file, const char *path, struct error *err);

/* The whole text into the file at path, or, when that is "-", to standard output. 0 or -1. */
int output_text(const char *path, const char *text, struct error *err);

#endif
