#include "agent/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_keys.h"
#include "base/cleanup.h"
#include "base/memory.h"

#define FILE_MAX (1024 * 1024) /* bytes of a configuration */

static void *at(void *target, size_t offset)
{
    return (char *)target + offset;
}

static void set_defaults(const struct key_table *table, void *target)
{
    for (const struct key *key = table->keys; key->name; key++) {
        struct error err;
        if (key->type == KEY_GROUP)
            set_defaults(key->table, at(target, key->offset));
        else if (key->type < KEY_PATHS && key->text &&
                 key_set(key, key->name, key->text, at(target, key->offset), &err) < 0)
            abort(); /* the table contradicts itself */
    }
}

struct config *config_default(void)
{
    struct config *config = memory_must(calloc(1, sizeof *config));
    set_defaults(&config_keys, config);
    return config;
}

struct config *config_parse(const char *text, size_t size, const char *name, struct error *err)
{
    if (size > FILE_MAX) {
        error_set(err, EXIT_USAGE, 0, "%s: %zu bytes is too large (at most 1 MiB)", name, size);
        return NULL;
    }
    struct config *config = config_default();
    if (config_read(config, text, size, name, err) < 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct config *config_load(const char *path, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot open configuration %s", path);
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX) {
        error_set(err, EXIT_USAGE, 0, "%s: %s", path,
                  S_ISREG(status.st_mode) ? "too large (at most 1 MiB)" : "not a regular file");
        return NULL;
    }
    autofree char *text = memory_must(malloc((size_t)status.st_size + 1));
    ssize_t size = read(fd, text, (size_t)status.st_size);
    if (size < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot read configuration %s", path);
        return NULL;
    }
    struct config *config = config_parse(text, (size_t)size, path, err);
    if (config)
        config->path = memory_must(strdup(path));
    return config;
}

static void free_texts(const struct key_table *table, void *target);

static void free_array(const struct key *key, void *target)
{
    char *elements;
    size_t count;
    memcpy(&elements, at(target, key->offset), sizeof elements);
    memcpy(&count, at(target, key->table->count_offset), sizeof count);
    for (size_t i = 0; i < count; i++)
        free_texts(key->table, elements + i * key->table->size);
    free(elements);
}

static void free_texts(const struct key_table *table, void *target)
{
    for (const struct key *key = table->keys; key->name; key++) {
        char *text;
        if (key->type == KEY_GROUP)
            free_texts(key->table, at(target, key->offset));
        else if (key->type == KEY_LIST || key->type == KEY_SERVICES)
            free_array(key, target);
        else if (key_is_text(key->type)) {
            memcpy(&text, at(target, key->offset), sizeof text);
            free(text);
        }
    }
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->service_count; i++)
        free(config->services[i].name);
    for (char **root = config->oci_roots; root && *root; root++)
        free(*root);
    free(config->oci_roots);
    free_texts(&config_keys, config);
    free(config->path);
    free(config);
}

const struct service_config *config_service(const struct config *config, const char *service)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (strcmp(config->services[i].name, service) == 0)
            return &config->services[i];
    return &config->defaults;
}

char *config_alert_file(const struct config *config)
{
    char *path;
    if (config->alert_file[0] == '\0' || config->alert_file[0] == '/')
        return memory_must(strdup(config->alert_file));
    if (asprintf(&path, "%s/%s", config->state_dir, config->alert_file) < 0)
        memory_must(NULL);
    return path;
}
