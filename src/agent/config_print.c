/* The annotated default configuration, from the table of keys. */
#include <string.h>

#include "agent/config.h"
#include "agent/config_keys.h"

#define COLUMNS 100

static void indent(FILE *out, int depth, const char *mark)
{
    fprintf(out, "%*s%s", 2 * depth, "", mark);
}

/* A paragraph as comment lines, broken between words. */
static void print_comment(FILE *out, int depth, const char *text)
{
    size_t margin = 2 * (size_t)depth + 1;
    size_t column = margin;
    indent(out, depth, "#");
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > COLUMNS) {
            fputc('\n', out);
            indent(out, depth, "#");
            column = margin;
        }
        fprintf(out, " %.*s", (int)word, text);
        column += 1 + word;
        text += word + (text[word] == ' ');
    }
    fputc('\n', out);
}

static void print_help(FILE *out, int depth, const struct key *key)
{
    char text[512];
    if (key->max > 0 && key->type != KEY_DURATION) /* its unit is in its text */
        snprintf(text, sizeof text, "%s (%.15g to %.15g)", key->help, key->min, key->max);
    else
        snprintf(text, sizeof text, "%s", key->help);
    print_comment(out, depth, text);
}

/* The keys of an array's elements are explained, and shown in an example that is commented out. */
static void print_array(FILE *out, int depth, const struct key *key)
{
    for (const struct key *inner = key->table->keys; inner->name; inner++) {
        indent(out, depth, "#");
        fprintf(out, "   %-8s %s%s\n", inner->name, inner->help,
                inner->required ? " Required." : "");
    }
    indent(out, depth, key->name);
    fputs(key->type == KEY_LIST ? ": []\n" : ": {}\n", out);
    indent(out, depth, "#");
    fprintf(out, "%s:\n", key->name);
    for (const char *line = key->text; *line; line += strcspn(line, "\n") + 1) {
        indent(out, depth, "#");
        fwrite(line, 1, strcspn(line, "\n") + 1, out);
    }
}

static void print_table(FILE *out, int depth, const struct key_table *table)
{
    for (const struct key *key = table->keys; key->name; key++) {
        if (depth == 0)
            fputc('\n', out);
        print_help(out, depth, key);
        if (key->type == KEY_LIST || key->type == KEY_SERVICES) {
            print_array(out, depth, key);
            continue;
        }
        indent(out, depth, key->name);
        if (key->type == KEY_GROUP) {
            fputs(":\n", out);
            print_table(out, depth + 1, key->table);
        } else {
            fprintf(out, ": %s\n", key->text);
        }
    }
}

void config_print(FILE *out)
{
    fputs("# The configuration of `skink run`: every key with its default.\n", out);
    print_table(out, 0, &config_keys);
}
