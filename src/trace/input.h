/*
 * The bytes of a trace, whatever they are packed in: plain, gz, xz, zstd, or the one trace within a
 * zip file. Private to the trace room. Streaming: memory does not grow with the file.
 */
#ifndef SKINK_TRACE_INPUT_H
#define SKINK_TRACE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"

#define INPUT_LOOK 4096    /* bytes that can be looked at in advance */
#define INPUT_LONG 1048576 /* the longest line or word */

struct input;

/* path "-": standard input. NULL on error. */
struct input *input_open(const char *path, struct error *err);

/* The same, of a zip file the only member that ends in suffix, instead of the trace. */
struct input *input_open_member(const char *path, const char *suffix, struct error *err);
void input_close(struct input *input);

/* From now on progress (NULL: nobody) is told how many bytes of the file were read. */
void input_watch(struct input *input, struct progress *progress);

/* What comes next, without consuming it: INPUT_LOOK bytes, fewer when there are no more. */
int input_look(struct input *input, const char **data, size_t *size, struct error *err);

/* Reads size bytes, fewer only at the end; returns how many, -1 on error. */
long input_read(struct input *input, void *data, size_t size, struct error *err);

/*
 * The next line without its end, or the next word between blanks, as a text that stays until the
 * next call. `line` is the number of the line, before the first call 0. 1, 0 at the end, -1 on
 * error.
 */
int input_line(struct input *input, char **text, size_t *length, uint64_t *line, struct error *err);
int input_word(struct input *input, char **word, size_t *length, uint64_t *line, struct error *err);

#endif
