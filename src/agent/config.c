#include "agent/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config_keys.h"
#include "base/cleanup.h"
#include "base/memory.h"

struct config *config_default(void)
{
    struct config *config = memory_must(calloc(1, sizeof *config));
    keys_default(&config_keys, config);
    return config;
}

struct config *config_parse(const char *text, size_t size, const char *name, struct error *err)
{
    struct config *config = config_default();
    if (keys_read(&config_keys, config, text, size, name, err) == 0)
        return config;
    config_free(config);
    return NULL;
}

struct config *config_load(const char *path, struct error *err)
{
    size_t size;
    autofree char *text = keys_load(path, &size, err);
    struct config *config = text ? config_parse(text, size, path, err) : NULL;
    if (config)
        config->path = memory_must(strdup(path));
    return config;
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
    keys_free(&config_keys, config);
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

char *config_file(const struct config *config, const char *file)
{
    char *path;
    if (file[0] == '\0' || file[0] == '/')
        return memory_must(strdup(file));
    if (asprintf(&path, "%s/%s", config->state_dir, file) < 0)
        memory_must(NULL);
    return path;
}

char *config_alert_file(const struct config *config)
{
    return config_file(config, config->alert_file);
}

const char *config_engine_socket(const struct config *config, enum workload_engine engine)
{
    if (engine == ENGINE_DOCKER)
        return config->docker_socket ? config->docker_socket : "/var/run/docker.sock";
    if (engine == ENGINE_PODMAN)
        return config->podman_socket ? config->podman_socket : "/run/podman/podman.sock";
    return NULL;
}

static bool starts_programs(const struct respond_rule *rule)
{
    return rule->replace || rule->variants || rule->revoke || rule->migrate || rule->checkpoint;
}

bool config_starts_programs(const struct config *config)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (starts_programs(&config->services[i].respond))
            return true;
    return starts_programs(&config->defaults.respond);
}
