#include "trace/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define READ_SIZE 65536

struct input {
    struct archive *archive;
    char *path;
    char *data; /* begin to end is read and not consumed; a byte is left for a NUL */
    size_t begin, end, room;
    bool ended;
    bool line_ended; /* by the blank behind the last word */
    struct progress *progress;
    uint64_t told; /* bytes of the file that progress knows of */
};

void input_close(struct input *input)
{
    if (!input)
        return;
    archive_read_free(input->archive);
    free(input->path);
    free(input->data);
    free(input);
}

static void input_cleanup(struct input **input)
{
    input_close(*input);
}

static int cannot_read(const struct input *input, struct error *err)
{
    const char *why = archive_error_string(input->archive);
    return error_set(err, EXIT_USAGE, 0, "cannot read %s: %s", input->path,
                     why ? why : "its packing is damaged");
}

/* Opens the file once more, from its beginning. */
static int open_archive(struct input *input, struct error *err)
{
    archive_read_free(input->archive);
    input->archive = archive_read_new();
    if (!input->archive)
        return error_set(err, EXIT_MACHINE, ENOMEM, "%s", input->path);
    archive_read_support_filter_gzip(input->archive);
    archive_read_support_filter_xz(input->archive);
    archive_read_support_filter_zstd(input->archive);
    archive_read_support_format_zip(input->archive);
    archive_read_support_format_raw(input->archive);
    archive_read_support_format_empty(input->archive);
    const char *path = strcmp(input->path, "-") == 0 ? NULL : input->path;
    if (archive_read_open_filename(input->archive, path, READ_SIZE) != ARCHIVE_OK)
        return cannot_read(input, err);
    return 0;
}

/* 1 at the next file, 0 when there is none. */
static int next_member(const struct input *input, const char **name, struct error *err)
{
    struct archive_entry *entry;
    do {
        int status = archive_read_next_header(input->archive, &entry);
        if (status == ARCHIVE_EOF)
            return 0;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return cannot_read(input, err);
    } while (archive_entry_filetype(entry) == AE_IFDIR);
    *name = archive_entry_pathname(entry);
    return 1;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = name ? strlen(name) : 0, tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* Goes to the only member of a zip file that ends in suffix, else to the only member. */
static int find_member(struct input *input, const char *suffix, struct error *err)
{
    const char *name = NULL;
    int status = next_member(input, &name, err);
    bool zip = (archive_format(input->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
    if (status <= 0 || !zip) {
        input->ended = status == 0;
        return status;
    }
    size_t members = 0, fitting = 0, wanted = 0;
    for (; status > 0; status = next_member(input, &name, err)) {
        fitting += ends_in(name, suffix);
        wanted = ends_in(name, suffix) ? members : wanted;
        members++;
    }
    if (status < 0)
        return -1;
    if (fitting > 1 || (fitting == 0 && members > 1))
        return error_set(
            err, EXIT_USAGE, 0,
            "%s holds %zu files, of which not one ends in %s (unpack it and name the trace)",
            input->path, members, suffix);
    if (strcmp(input->path, "-") == 0)
        return error_set(err, EXIT_USAGE, 0,
                         "a zip file cannot be read from standard input (name the file)");
    if (open_archive(input, err) < 0)
        return -1;
    for (size_t i = 0; i <= wanted; i++)
        if ((status = next_member(input, &name, err)) <= 0)
            return status < 0 ? -1 : cannot_read(input, err);
    return 0;
}

struct input *input_open_member(const char *path, const char *suffix, struct error *err)
{
    struct stat file = {0};
    if (strcmp(path, "-") != 0 && stat(path, &file) < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot open %s", path);
        return NULL;
    }
    if (S_ISDIR(file.st_mode)) {
        error_set(err, EXIT_USAGE, EISDIR, "cannot read %s", path);
        return NULL;
    }
    __attribute__((cleanup(input_cleanup))) struct input *input = calloc(1, sizeof *input);
    if (!input || !(input->path = strdup(path)) || !(input->data = malloc(READ_SIZE + 1))) {
        error_set(err, EXIT_MACHINE, ENOMEM, "%s", path);
        return NULL;
    }
    input->room = READ_SIZE;
    if (open_archive(input, err) < 0 || find_member(input, suffix, err) < 0)
        return NULL;
    return take_pointer(input);
}

/* A zip file of LID-DS 2021 holds NAME.sc, the calls, beside NAME.json, NAME.res, NAME.pcap. */
struct input *input_open(const char *path, struct error *err)
{
    return input_open_member(path, ".sc", err);
}

void input_watch(struct input *input, struct progress *progress)
{
    input->progress = progress;
}

/* The file's own bytes, packed as they are. */
static void tell_progress(struct input *input)
{
    la_int64_t read = archive_filter_bytes(input->archive, -1);
    if (!input->progress || read < 0 || (uint64_t)read <= input->told)
        return;
    progress_advance(input->progress, (uint64_t)read - input->told);
    input->told = (uint64_t)read;
}

/* Up to size bytes; 0 at the end. */
static long fetch(struct input *input, char *data, size_t size, struct error *err)
{
    if (input->ended)
        return 0;
    la_ssize_t got = archive_read_data(input->archive, data, size);
    if (got < 0)
        return cannot_read(input, err);
    input->ended = got == 0;
    tell_progress(input);
    return (long)got;
}

/* Reads more behind what is there, up to `want` bytes in all; 0 at the end. */
static long fetch_more(struct input *input, size_t want, struct error *err)
{
    memmove(input->data, input->data + input->begin, input->end - input->begin);
    input->end -= input->begin;
    input->begin = 0;
    if (want > input->room) {
        char *larger = realloc(input->data, want + 1);
        if (!larger)
            return error_set(err, EXIT_MACHINE, ENOMEM, "%s", input->path);
        input->data = larger;
        input->room = want;
    }
    long got = fetch(input, input->data + input->end, input->room - input->end, err);
    input->end += got > 0 ? (size_t)got : 0;
    return got;
}

int input_look(struct input *input, const char **data, size_t *size, struct error *err)
{
    long got = 1;
    while (got > 0 && input->end - input->begin < INPUT_LOOK)
        got = fetch_more(input, input->room, err);
    if (got < 0)
        return -1;
    *data = input->data + input->begin;
    *size = input->end - input->begin < INPUT_LOOK ? input->end - input->begin : INPUT_LOOK;
    return 0;
}

long input_read(struct input *input, void *data, size_t size, struct error *err)
{
    size_t done = input->end - input->begin < size ? input->end - input->begin : size;
    memcpy(data, input->data + input->begin, done);
    input->begin += done;
    for (long got; done < size; done += (size_t)got) {
        got = fetch(input, (char *)data + done, size - done, err);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
    }
    return (long)done;
}

/* More of a line or word of which `have` bytes are there; 0 at the end. */
static long extend(struct input *input, size_t have, struct error *err)
{
    if (have > INPUT_LONG)
        return error_set(err, EXIT_USAGE, 0, "%s: a line longer than %d bytes (not a trace?)",
                         input->path, INPUT_LONG);
    return fetch_more(input, have * 2 > input->room ? have * 2 : input->room, err);
}

/* Hands out `length` bytes at begin and passes them and `behind` more. */
static int hand_out(struct input *input, char **text, size_t *length, size_t size, size_t behind)
{
    *text = input->data + input->begin;
    *length = size;
    (*text)[size] = '\0';
    input->begin += size + behind;
    return 1;
}

int input_line(struct input *input, char **text, size_t *length, uint64_t *line, struct error *err)
{
    size_t searched = 0;
    long got;
    ++*line;
    do {
        char *begin = input->data + input->begin;
        size_t have = input->end - input->begin;
        char *end = memchr(begin + searched, '\n', have - searched);
        if (end)
            return hand_out(input, text, length, (size_t)(end - begin), 1);
        searched = have;
        got = extend(input, have, err);
    } while (got > 0);
    if (got < 0 || input->begin == input->end)
        return (int)got;
    return hand_out(input, text, length, input->end - input->begin, 0);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Passes blanks; 0 at the end. */
static long skip_blanks(struct input *input, uint64_t *line, struct error *err)
{
    *line += *line == 0 || input->line_ended;
    input->line_ended = false;
    for (;;) {
        for (; input->begin < input->end && is_blank(input->data[input->begin]); input->begin++)
            *line += input->data[input->begin] == '\n';
        if (input->begin < input->end)
            return 1;
        long got = fetch_more(input, input->room, err);
        if (got <= 0)
            return got;
    }
}

int input_word(struct input *input, char **word, size_t *length, uint64_t *line, struct error *err)
{
    long got = skip_blanks(input, line, err);
    for (size_t size = 0; got > 0; got = extend(input, size, err)) {
        while (input->begin + size < input->end && !is_blank(input->data[input->begin + size]))
            size++;
        if (input->begin + size < input->end) {
            input->line_ended = input->data[input->begin + size] == '\n';
            return hand_out(input, word, length, size, 1);
        }
    }
    if (got < 0 || input->begin == input->end)
        return (int)got;
    return hand_out(input, word, length, input->end - input->begin, 0);
}
