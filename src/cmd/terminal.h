/* Output for people: colour where it is wanted, and text from outside that cannot play with the
 * terminal. */
#ifndef SKINK_CMD_TERMINAL_H
#define SKINK_CMD_TERMINAL_H

#include <stdio.h>

enum paint { PAINT_NONE, PAINT_BOLD, PAINT_DIM, PAINT_RED, PAINT_GREEN, PAINT_YELLOW };

/* Prints text in a colour when out is a terminal and NO_COLOR is unset or empty (no-color.org).
 * Control characters appear as \xHH. */
void terminal_print(FILE *out, enum paint paint, const char *text);

/* A line "  label      text", the text as terminal_print has it. */
void terminal_field(FILE *out, enum paint paint, const char *label, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- tables ---- */

#define TABLE_COLUMNS 9

struct table;

struct table *table_new(void);
void table_free(struct table *table);

/* Adds a row of texts, which are copied, ended by NULL; at most TABLE_COLUMNS. */
void table_add(struct table *table, ...) __attribute__((sentinel));

/* Prints a row (counted from 0), its columns as wide as the widest of all rows. */
void table_print(const struct table *table, size_t row, int indent, enum paint paint, FILE *out);

#endif
