#include "campaign/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

static const struct value *value_named(const struct value *values, const char *name, size_t length)
{
    while (values->name &&
           (strlen(values->name) != length || strncmp(values->name, name, length) != 0))
        values++;
    return values->name ? values : NULL;
}

/* The value that a word is nothing but, NULL when it is more. */
static const struct value *whole_value(const struct value *values, const char *word)
{
    size_t length = strlen(word);
    if (length < 3 || word[0] != '{' || word[length - 1] != '}')
        return NULL;
    return value_named(values, word + 1, length - 2);
}

/* Is a value named in the word that is not there? */
static bool lacks_value(const struct value *values, const char *word)
{
    for (const char *at = word; (at = strchr(at, '{')); at++) {
        const struct value *value = value_named(values, at + 1, strcspn(at + 1, "}"));
        if (value && !value->text)
            return true;
    }
    return false;
}

char *words_text(const char *template, const struct value *values, struct error *err)
{
    char *text = NULL;
    size_t size;
    FILE *out = memory_must(open_memstream(&text, &size));
    for (const char *at = template; *at;) {
        size_t plain = strcspn(at, "{");
        fwrite(at, 1, plain, out);
        at += plain;
        const char *end = *at ? strchr(at, '}') : NULL;
        if (!*at)
            break;
        const struct value *value =
            end ? value_named(values, at + 1, (size_t)(end - at - 1)) : NULL;
        if (!value || value->words) {
            fclose(out);
            free(text);
            error_set(err, EXIT_USAGE, 0, "\"%s\": nothing can stand for %.*s", template,
                      end ? (int)(end - at + 1) : 1, at);
            return NULL;
        }
        fputs(value->text ? value->text : "", out);
        at = end + 1;
    }
    if (fclose(out) != 0)
        memory_must(NULL);
    return text;
}

static void add_word(char ***words, size_t *count, char *word)
{
    *words = memory_must(reallocarray(*words, *count + 2, sizeof **words));
    (*words)[(*count)++] = word;
    (*words)[*count] = NULL;
}

char **words_make(const char *template, const struct value *values, struct error *err)
{
    autofree char *copy = memory_must(strdup(template));
    char *rest = copy, **words = NULL;
    size_t count = 0;
    for (char *word; (word = strsep(&rest, " "));) {
        const struct value *whole = whole_value(values, word);
        if (!*word || lacks_value(values, word))
            continue;
        if (whole && whole->words) {
            autofree char *several = memory_must(strdup(whole->text));
            char *left = several;
            for (char *one; (one = strsep(&left, " "));)
                if (*one)
                    add_word(&words, &count, memory_must(strdup(one)));
            continue;
        }
        char *made = words_text(word, values, err);
        if (!made) {
            words_free(words);
            return NULL;
        }
        add_word(&words, &count, made);
    }
    if (!words)
        error_set(err, EXIT_USAGE, 0, "\"%s\": no word is left of it", template);
    return words;
}

void words_free(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}
