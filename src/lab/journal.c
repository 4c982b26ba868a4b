#include "lab/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct journal {
    FILE *file;
    char *path;
    json_t *done; /* key -> result */
};

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->file)
        fclose(journal->file);
    json_decref(journal->done);
    free(journal->path);
    free(journal);
}

static int write_line(struct journal *journal, const json_t *line, struct error *err)
{
    /* Every digit, so that what is read again is the same. */
    int failed = json_dumpf(line, journal->file, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (failed || fputc('\n', journal->file) == EOF || fflush(journal->file) != 0 ||
        fsync(fileno(journal->file)) < 0)
        return error_set(err, EXIT_USAGE, errno, "%s: cannot be written", journal->path);
    return 0;
}

/* Takes in what a whole line says; about is what the first one must say. */
static int take_line(struct journal *journal, const char *text, bool first, const json_t *about,
                     struct error *err)
{
    json_error_t where;
    json_t *line = json_loads(text, 0, &where);
    const char *key = json_string_value(json_object_get(line, "key"));
    json_t *result = json_object_get(line, "result");
    int failed = 0;
    if (first ? !json_equal(line, about) : !key || !result)
        failed = error_set(err, EXIT_USAGE, 0,
                           first ? "%s: is of another evaluation (give another file to --resume)"
                                 : "%s: a line is damaged (give another file to --resume)",
                           journal->path);
    else if (!first)
        json_object_set(journal->done, key, result);
    json_decref(line);
    return failed;
}

/* Reads the whole lines; *end is where the last one ends. */
static int read_lines(struct journal *journal, const json_t *about, off_t *end, struct error *err)
{
    autofree char *text = NULL;
    size_t room = 0;
    ssize_t length;
    for (*end = 0; (length = getline(&text, &room, journal->file)) > 0; *end += length) {
        if (text[length - 1] != '\n')
            break;
        if (take_line(journal, text, *end == 0, about, err) < 0)
            return -1;
    }
    return ferror(journal->file) ? error_set(err, EXIT_USAGE, errno, "%s", journal->path) : 0;
}

static int begin(struct journal *journal, const json_t *about, struct error *err)
{
    off_t end;
    if (read_lines(journal, about, &end, err) < 0)
        return -1;
    if (ftruncate(fileno(journal->file), end) < 0 || fseeko(journal->file, end, SEEK_SET) < 0)
        return error_set(err, EXIT_USAGE, errno, "%s: cannot be written", journal->path);
    return end ? 0 : write_line(journal, about, err);
}

struct journal *journal_open(const char *path, const json_t *about, struct error *err)
{
    struct journal *journal = memory_must(calloc(1, sizeof *journal));
    journal->path = memory_must(strdup(path));
    journal->done = json_object();
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    journal->file = fd < 0 ? NULL : fdopen(fd, "r+");
    if (!journal->file)
        error_set(err, EXIT_USAGE, errno, "%s", path);
    if (journal->file && begin(journal, about, err) == 0)
        return journal;
    journal_close(journal);
    return NULL;
}

json_t *journal_find(const struct journal *journal, const char *key)
{
    return json_object_get(journal->done, key);
}

int journal_add(struct journal *journal, const char *key, json_t *result, struct error *err)
{
    json_object_set(journal->done, key, result);
    json_t *line = json_pack("{s:s s:O}", "key", key, "result", result);
    int failed = write_line(journal, line, err);
    json_decref(line);
    return failed;
}
