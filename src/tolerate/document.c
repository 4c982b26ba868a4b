/* Files as they come: packed or not, bounded, JSON with the place of what is wrong. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tolerate/vulnerability_parts.h"

#define FILE_MAX   (128UL * 1024 * 1024)
#define VALUES_MAX 2000000 /* of a JSON document: a tree of that many takes some 500 MB */
#define READ_SIZE  65536

static void close_archive(struct archive **archive)
{
    archive_read_free(*archive);
}

static int refuse_file(const char *path, struct archive *archive, struct error *err)
{
    const char *why = archive_error_string(archive);
    return error_set(err, EXIT_USAGE, 0, "cannot read %s: %s", path,
                     why ? why : "its packing is damaged");
}

static int open_packed(struct archive *archive, const char *path, struct error *err)
{
    struct archive_entry *entry;
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
    if (archive_read_open_filename(archive, path, READ_SIZE) != ARCHIVE_OK)
        return refuse_file(path, archive, err);
    int status = archive_read_next_header(archive, &entry);
    if (status == ARCHIVE_EOF)
        return error_set(err, EXIT_USAGE, 0, "%s: empty", path);
    return status == ARCHIVE_OK ? 0 : refuse_file(path, archive, err);
}

char *document_read(const char *path, size_t *size, uint64_t *modified, struct error *err)
{
    __attribute__((cleanup(close_archive))) struct archive *archive =
        memory_must(archive_read_new());
    autofree char *text = NULL;
    struct stat status;
    size_t used = 0, room = 0;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
        error_set(err, EXIT_USAGE, access(path, F_OK) < 0 ? errno : 0, "%s is no file", path);
        return NULL;
    }
    if (open_packed(archive, path, err) < 0)
        return NULL;
    for (la_ssize_t got = 1; got > 0; used += got > 0 ? (size_t)got : 0) {
        if (used + READ_SIZE + 1 > room)
            text = memory_must(realloc(text, room = 2 * room + READ_SIZE + 1));
        got = archive_read_data(archive, text + used, READ_SIZE);
        if (got < 0) {
            refuse_file(path, archive, err);
            return NULL;
        }
        if (used > FILE_MAX) {
            error_set(err, EXIT_USAGE, 0, "%s: larger than 128 MiB", path);
            return NULL;
        }
    }
    text[used] = '\0';
    *size = used;
    *modified = (uint64_t)status.st_mtime * NS_PER_S;
    return take_pointer(text);
}

/* An upper bound of a document's values: each one but the first follows one of these characters. */
static bool too_many_values(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    return count > VALUES_MAX;
}

json_t *document_json(const struct source *source, size_t *at, struct error *err)
{
    json_error_t why;
    if (*at == 0 && too_many_values(source->text, source->size)) {
        error_set(err, EXIT_USAGE, 0, "%s: more than %d values", source->name, VALUES_MAX);
        return NULL;
    }
    json_t *root = json_loadb(source->text + *at, source->size - *at, JSON_DISABLE_EOF_CHECK, &why);
    if (!root)
        error_set(err, EXIT_USAGE, 0, "%s:%d:%d: not JSON: %s", source->name, why.line, why.column,
                  why.text);
    else
        *at += (size_t)why.position;
    return root;
}

int document_array(const char *place, const json_t *object, const char *key, const json_t **array,
                   struct error *err)
{
    const json_t *value = json_object_get(object, key);
    *array = json_is_null(value) ? NULL : value;
    if (*array && !json_is_array(*array))
        return error_set(err, EXIT_USAGE, 0, "%s: %s is no array", place, key);
    return 0;
}

const char *document_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The offset from UTC is left out: ages are told in days. */
void document_date(const char *text, uint64_t *dated)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (!rest)
        return;
    if (*rest == 'T' || *rest == ' ')
        strptime(rest + 1, "%H:%M:%S", &tm);
    time_t seconds = timegm(&tm);
    if (seconds > 0)
        *dated = (uint64_t)seconds * NS_PER_S;
}
