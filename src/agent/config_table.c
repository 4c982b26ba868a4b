/* A struct that a table of keys describes: its file, its defaults, its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_keys.h"
#include "base/cleanup.h"
#include "base/memory.h"

static void *at(void *target, size_t offset)
{
    return (char *)target + offset;
}

void keys_default(const struct key_table *table, void *target)
{
    for (const struct key *key = table->keys; key->name; key++) {
        struct error err;
        if (key->type == KEY_GROUP)
            keys_default(key->table, at(target, key->offset));
        else if (key->type < KEY_PATHS && key->text &&
                 key_set(key, key->name, key->text, at(target, key->offset), &err) < 0)
            abort(); /* the table contradicts itself */
    }
}

static void free_array(const struct key *key, void *target)
{
    char *elements;
    size_t count;
    memcpy(&elements, at(target, key->offset), sizeof elements);
    memcpy(&count, at(target, key->table->count_offset), sizeof count);
    for (size_t i = 0; i < count; i++)
        keys_free(key->table, elements + i * key->table->size);
    free(elements);
}

void keys_free(const struct key_table *table, void *target)
{
    for (const struct key *key = table->keys; key->name; key++) {
        char *text;
        if (key->type == KEY_GROUP)
            keys_free(key->table, at(target, key->offset));
        else if (key->type == KEY_LIST || key->type == KEY_SERVICES)
            free_array(key, target);
        else if (key_is_text(key->type)) {
            memcpy(&text, at(target, key->offset), sizeof text);
            free(text);
        }
    }
}

char *keys_load(const char *path, size_t *size, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot open %s", path);
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > KEYS_FILE_MAX) {
        error_set(err, EXIT_USAGE, 0, "%s: %s", path,
                  S_ISREG(status.st_mode) ? "too large (at most 1 MiB)" : "not a regular file");
        return NULL;
    }
    autofree char *text = memory_must(malloc((size_t)status.st_size + 1));
    ssize_t count = read(fd, text, (size_t)status.st_size);
    if (count < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot read %s", path);
        return NULL;
    }
    text[count] = '\0';
    *size = (size_t)count;
    return take_pointer(text);
}
