#include "workload/fields.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"

/* An upper bound of a document's values: each one but the first follows one of these characters. */
static size_t count_values(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    return count;
}

json_t *fields_parse(const char *what, const char *text, size_t size, struct error *err)
{
    json_error_t error;
    if (count_values(text, size) > FIELDS_VALUES_MAX) {
        error_set(err, EXIT_USAGE, 0, "%s: more than %d values", what, FIELDS_VALUES_MAX);
        return NULL;
    }
    json_t *root = json_loadb(text, size, JSON_ALLOW_NUL, &error);
    if (!root)
        error_set(err, EXIT_USAGE, 0, "%s: not JSON at byte %d: %s", what, error.position,
                  error.text);
    return root;
}

void text_copy(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from[i] && i + 1 < size; i++)
        to[i] = iscntrl((unsigned char)from[i]) ? (char)'?' : from[i];
    to[i] = '\0';
}

void fields_text(const json_t *value, char *to, size_t size)
{
    const char *text = json_string_value(value);
    text_copy(to, size, text ? text : "");
}

int fields_pid(const json_t *value)
{
    json_int_t pid = json_integer_value(value);
    return pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

char *read_whole(const char *path, size_t max, size_t *size)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    autofree char *text = NULL;
    size_t used = 0, room = 0;
    ssize_t got;
    if (fd < 0)
        return NULL;
    do {
        if (used + 1 >= room) {
            room = room ? 2 * room : 8192;
            char *larger = realloc(text, room);
            if (!larger)
                return NULL;
            text = larger;
        }
        got = read(fd, text + used, room - used - 1);
        used += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && used <= max) || (got < 0 && errno == EINTR));
    if (got != 0) {
        errno = got < 0 ? errno : EFBIG;
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    return take_pointer(text);
}
