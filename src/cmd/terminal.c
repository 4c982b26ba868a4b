#include "cmd/terminal.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct row {
    char *cell[TABLE_COLUMNS];
};

struct table {
    struct row *rows;
    size_t count;
    size_t width[TABLE_COLUMNS]; /* in characters */
};

static bool in_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    return isatty(fileno(out)) && !(no_colour && *no_colour) && kind && strcmp(kind, "dumb") != 0;
}

/* C0, DEL, and C1 as UTF-8 writes it: what a terminal may take for a command. */
static bool is_control(const unsigned char *text)
{
    return text[0] < ' ' || text[0] == 0x7f ||
           (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0);
}

/* A copy without control characters. */
static char *clean(const char *text)
{
    char *copy = NULL;
    size_t size;
    FILE *out = memory_must(open_memstream(&copy, &size));
    for (; *text; text++) {
        if (is_control((const unsigned char *)text))
            fprintf(out, "\\x%02x", (unsigned char)(*text == '\xc2' ? *++text : *text));
        else
            fputc(*text, out);
    }
    fclose(out);
    return memory_must(copy);
}

void terminal_print(FILE *out, enum paint paint, const char *text)
{
    static const char *const CODES[] = {"",           "\033[1m",  "\033[2m",
                                        "\033[1;31m", "\033[32m", "\033[33m"};
    autofree char *harmless = clean(text);
    bool colour = paint != PAINT_NONE && in_colour(out);
    fprintf(out, "%s%s%s", colour ? CODES[paint] : "", harmless, colour ? "\033[0m" : "");
}

void terminal_field(FILE *out, enum paint paint, const char *label, const char *format, ...)
{
    autofree char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        memory_must(NULL);
    va_end(args);
    fprintf(out, "  %-10s ", label);
    terminal_print(out, paint, text);
    fputc('\n', out);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no place. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

struct table *table_new(void)
{
    return memory_must(calloc(1, sizeof(struct table)));
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t column = 0; column < TABLE_COLUMNS; column++)
            free(table->rows[i].cell[column]);
    free(table->rows);
    free(table);
}

void table_add(struct table *table, ...)
{
    va_list cells;
    table->rows = memory_must(realloc(table->rows, (table->count + 1) * sizeof *table->rows));
    struct row *row = &table->rows[table->count++];
    *row = (struct row){0};
    va_start(cells, table);
    for (size_t i = 0; i < TABLE_COLUMNS; i++) {
        const char *text = va_arg(cells, const char *);
        if (!text)
            break;
        row->cell[i] = clean(text);
        size_t width = characters(row->cell[i]);
        if (width > table->width[i])
            table->width[i] = width;
    }
    va_end(cells);
}

void table_print(const struct table *table, size_t row, int indent, enum paint paint, FILE *out)
{
    char *const *cell = table->rows[row].cell;
    fprintf(out, "%*s", indent, "");
    for (size_t i = 0; i < TABLE_COLUMNS && cell[i]; i++) {
        bool last = i + 1 == TABLE_COLUMNS || !cell[i + 1];
        terminal_print(out, paint, cell[i]);
        if (!last)
            fprintf(out, "%*s", (int)(table->width[i] - characters(cell[i])) + 2, "");
    }
    fputc('\n', out);
}
