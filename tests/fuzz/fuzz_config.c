/* The configuration: whatever is accepted must hold what the daemon relies on. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/config.h"
#include "detect/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_service(const struct service_config *service)
{
    const struct detect_rule *rule = &service->detect;
    const struct growth_rule *growth = &service->growth;
    must(rule->frame >= FRAME_MIN && rule->frame <= FRAME_MAX && rule->epoch > 0);
    must(rule->frame_threshold <= rule->frame || rule->frame_threshold == RULE_AUTO);
    must(rule->epoch_threshold <= rule->epoch || rule->epoch_threshold == RULE_AUTO);
    must((growth->interval_ns > 0) != (growth->interval_calls > 0));
    must(growth->sigma >= 0 && growth->needed > 0);
    const struct tolerance_rule *tolerance = &service->tolerance;
    must(tolerance->horizon > 0 && tolerance->memory > 0 && tolerance->beta > 0);
    must(tolerance->redundancy <= 2 && tolerance->floor >= 0 && tolerance->floor <= 1);
}

static void check(const struct config *config)
{
    must(config->state_dir[0] == '/' && config->socket[0] == '/' && config->group[0]);
    must(config->window >= PATTERN_MIN && config->window <= PATTERN_MAX);
    must(config->bag >= PATTERN_MIN && config->bag <= PATTERN_MAX);
    must(config->max_patterns > 0 && config->quota > 0);
    check_service(&config->defaults);
    for (size_t i = 0; i < config->service_count; i++) {
        check_service(&config->services[i]);
        must(config_service(config, config->services[i].name) == &config->services[i]);
    }
    for (size_t i = 0; i < config->rule_count; i++)
        must(config->rules[i].match && config->rules[i].service);
    for (size_t i = 0; i < config->extra_count; i++)
        must(!config->extras[i].cgroup != !config->extras[i].unit);
    for (size_t i = 0; i < config->scan_count; i++)
        must(config->scans[i].file != NULL);
    free(config_alert_file(config));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct config *config = config_parse((const char *)data, size, "fuzz", &err);
    if (config)
        check(config);
    config_free(config);
    return 0;
}
