/* `skink run`: the daemon. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/sandbox.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"

static const struct cmd_option OPTIONS[] = {
    {"config", 'c', "FILE", "read the configuration from FILE (default " CONFIG_PATH ")"},
    {"state-dir", 0, "DIR", "keep profiles and alerts in DIR (overrides the configuration)"},
    {"socket", 0, "PATH", "answer on this unix socket (overrides the configuration)"},
    {"listen", 'l', "ADDRESS", "serve Prometheus metrics on ADDRESS, such as 127.0.0.1:9469"},
    {"stdout", 0, NULL, "write alerts as JSON lines to standard output, too"},
    {"verbose", 'v', NULL, "say more about what happens"},
    {NULL, 0, NULL, NULL},
};

static void override(char **place, const char *value)
{
    if (!value)
        return;
    free(*place);
    *place = memory_must(strdup(value));
}

static struct config *configuration(const struct cmd_line *line, struct error *err)
{
    const char *path = cmd_value(line, &verb_run, "config");
    struct config *config = path || access(CONFIG_PATH, F_OK) == 0
                                ? config_load(path ? path : CONFIG_PATH, err)
                                : config_default();
    if (!config)
        return NULL;
    override(&config->state_dir, cmd_value(line, &verb_run, "state-dir"));
    override(&config->socket, cmd_value(line, &verb_run, "socket"));
    override(&config->listen, cmd_value(line, &verb_run, "listen"));
    if (cmd_has(line, &verb_run, "stdout"))
        config->alert_stdout = true;
    return config;
}

/* In a process of its own, each time that the guardian starts one: the configuration is read anew.
 */
static int daemon_of(void *context, const struct guard *guard)
{
    const struct cmd_line *line = context;
    struct error err;
    struct config *config = configuration(line, &err);
    return config && agent_run(config, NULL, guard, &err) == 0 ? EXIT_DONE : error_report(&err);
}

/* A container that a measure starts gets its rights from here, and must have those of the one whose
 * place it takes, whatever they are. */
static int limit(const struct config *config, struct error *err)
{
    return config->sandbox && !config_starts_programs(config) ? sandbox_limit(err) : 0;
}

static int run(const struct cmd_line *line, struct error *err)
{
    log_verbose(cmd_has(line, &verb_run, "verbose"));
    struct config *config = configuration(line, err);
    if (!config)
        return -1;
    if (line->count == 0 && limit(config, err) < 0) {
        config_free(config);
        return -1;
    }
    if (line->count == 0 && config->guardian) {
        config_free(config);
        return guardian_run(daemon_of, (void *)(size_t)line);
    }
    return agent_run(config, line->count > 0 ? line->operand : NULL, NULL, err) < 0 ? -1
                                                                                    : EXIT_DONE;
}

const struct verb verb_run = {
    .name = "run",
    .summary = "watch the containers of this host: learn, then detect (the daemon)",
    .operands = "[-- COMMAND [ARG...]]",
    .description =
        "Watches every container of this host. A service that has no profile yet is learned until\n"
        "its profile has stopped growing; then its replicas are compared with it, and a replica that\n"
        "leaves it raises an alert.\n\n"
        "With COMMAND, Skink starts it in a cgroup of its own, watches it as a service, and ends when\n"
        "it ends. SIGHUP reads the configuration again; SIGTERM ends Skink and leaves nothing behind.",
    .example = "  skink run --config /etc/skink/skink.yml\n"
               "  skink run --state-dir /tmp/skink --stdout -- nginx -g 'daemon off;'",
    .options = OPTIONS,
    .operands_max = -1,
    .run = run,
};
