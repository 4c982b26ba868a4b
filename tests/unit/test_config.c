/* agent/config: every default, every kind of value, and what is refused with which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/clock.h"
#include "tolerate/capacity.h"

static struct config *parse(const char *text)
{
    struct error err;
    struct config *config = config_parse(text, strlen(text), "f.yml", &err);
    if (!config)
        print_error("%s\n", err.text);
    assert_non_null(config);
    return config;
}

/* The text is refused with exactly this message. */
static void refused(const char *text, const char *message)
{
    struct error err = {.text = ""};
    struct config *config = config_parse(text, strlen(text), "f.yml", &err);
    if (config)
        print_error("accepted: %s\n", text);
    assert_null(config);
    assert_string_equal(err.text, message);
    assert_int_equal(err.code, EXIT_USAGE);
}

static char *file_text(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", getenv("SKINK_SOURCE"), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_in_range(fread(text, 1, 65535, file), 1, 65534);
    fclose(file);
    return text;
}

static char *printed_defaults(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    config_print(out);
    fclose(out);
    return text;
}

static void assert_alert_file(const struct config *config, const char *path)
{
    char *file = config_alert_file(config);
    assert_string_equal(file, path);
    free(file);
}

static void assert_defaults(const struct config *config)
{
    assert_string_equal(config->state_dir, "/var/lib/skink");
    assert_string_equal(config->socket, "/run/skink/skink.sock");
    assert_string_equal(config->group, "root");
    assert_null(config->listen);
    assert_int_equal(config->window, 6);
    assert_int_equal(config->bag, 6);
    assert_int_equal(config->max_patterns, 1000000);
    assert_int_equal(config->quota, 500);
    assert_true(config->defaults.watch);
    assert_null(config->defaults.name);
    assert_int_equal(config->defaults.detect.frame, DETECT_RULE_DEFAULT.frame);
    assert_int_equal(config->defaults.detect.frame_threshold, RULE_AUTO);
    assert_int_equal(config->defaults.detect.epoch, DETECT_RULE_DEFAULT.epoch);
    assert_int_equal(config->defaults.detect.epoch_threshold, RULE_AUTO);
    assert_int_equal(config->defaults.growth.interval_ns, GROWTH_RULE_DEFAULT.interval_ns);
    assert_true(config->defaults.growth.sigma == GROWTH_RULE_DEFAULT.sigma);
    assert_int_equal(config->defaults.growth.needed, GROWTH_RULE_DEFAULT.needed);
    assert_int_equal(config->defaults.min_calls, 10000);
    assert_int_equal(config->service_count + config->rule_count + config->extra_count, 0);
    assert_null(config->docker_socket);
    assert_null(config->podman_socket);
    assert_null(config->lxc_path);
    assert_null(config->oci_roots);
    assert_alert_file(config, "/var/lib/skink/alerts.jsonl");
    assert_false(config->alert_stdout);
    assert_false(config->alert_journal);
    assert_null(config->webhook);
    assert_int_equal(config->defaults.tolerance.horizon, 24 * 3600 * NS_PER_S);
    assert_int_equal(config->defaults.tolerance.redundancy, REDUNDANCY_BALANCED);
    assert_int_equal(config->defaults.tolerance.eta, 0);
    assert_int_equal(config->scan_count, 0);
    assert_string_equal(config->epss, "");
    assert_int_equal(config->stale, 7 * 24 * 3600 * NS_PER_S);
}

static void defaults(void **state)
{
    (void)state;
    struct config *config = config_default();
    assert_defaults(config);
    config_free(config);
    config = parse("");
    assert_defaults(config);
    config_free(config);
}

/* What `skink help --config` prints is a configuration, and means the defaults. */
static void printed_defaults_are_the_defaults(void **state)
{
    (void)state;
    char *text = printed_defaults();
    struct config *config = parse(text);
    assert_defaults(config);
    config_free(config);
    free(text);
}

static void installed_file_and_manual_are_current(void **state)
{
    (void)state;
    char *printed = printed_defaults();
    char *installed = file_text("deploy/skink.yml");
    char *manual = file_text("docs/configuration.md");
    assert_string_equal(installed, printed);
    assert_non_null(strstr(manual, printed));
    free(printed);
    free(installed);
    free(manual);
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct config *config = parse("state_dir: /s\n"
                                  "socket: /run/x.sock\n"
                                  "group: adm\n"
                                  "listen: '[::1]:9469'\n"
                                  "window: 16\n"
                                  "bag: 2\n"
                                  "max_patterns: 5000\n"
                                  "quota: 7\n"
                                  "watch: no\n"
                                  "detect: {frame: 64, frame_threshold: 64, epoch: 10, "
                                  "epoch_threshold: off}\n"
                                  "learn: {interval: 1.5h, sigma: 2, steady: 3, min_calls: 0}\n"
                                  "engines: {docker: off, podman: /p.sock, lxc: auto, "
                                  "oci: [/a, /b]}\n"
                                  "alerts: {file: off, stdout: true, journal: on, "
                                  "webhook: 'https://h.example/x?y=1'}\n");
    assert_string_equal(config->state_dir, "/s");
    assert_string_equal(config->socket, "/run/x.sock");
    assert_string_equal(config->group, "adm");
    assert_string_equal(config->listen, "[::1]:9469");
    assert_int_equal(config->window, 16);
    assert_int_equal(config->bag, 2);
    assert_int_equal(config->max_patterns, 5000);
    assert_int_equal(config->quota, 7);
    assert_false(config->defaults.watch);
    assert_int_equal(config->defaults.detect.frame_threshold, 64);
    assert_int_equal(config->defaults.detect.epoch, 10);
    assert_int_equal(config->defaults.detect.epoch_threshold, 0);
    assert_int_equal(config->defaults.growth.interval_ns, 5400 * NS_PER_S);
    assert_true(config->defaults.growth.sigma == 2);
    assert_int_equal(config->defaults.growth.needed, 3);
    assert_int_equal(config->defaults.min_calls, 0);
    assert_string_equal(config->docker_socket, "");
    assert_string_equal(config->podman_socket, "/p.sock");
    assert_null(config->lxc_path);
    assert_string_equal(config->oci_roots[0], "/a");
    assert_string_equal(config->oci_roots[1], "/b");
    assert_null(config->oci_roots[2]);
    assert_alert_file(config, "");
    assert_true(config->alert_stdout && config->alert_journal);
    assert_string_equal(config->webhook, "https://h.example/x?y=1");
    config_free(config);
}

/* Wherever in the file they stand, services take over what is said for all. */
static void services_override_the_defaults(void **state)
{
    (void)state;
    struct config *config = parse("services:\n"
                                  "  web: &web\n"
                                  "    detect: {frame_threshold: 3}\n"
                                  "    learn: {interval: 5000 calls}\n"
                                  "  copy: *web\n"
                                  "  off: {watch: false}\n"
                                  "detect: {frame: 30}\n");
    const struct service_config *web = config_service(config, "web");
    assert_string_equal(web->name, "web");
    assert_int_equal(web->detect.frame, 30);
    assert_int_equal(web->detect.frame_threshold, 3);
    assert_int_equal(web->detect.epoch, 500);
    assert_int_equal(web->growth.interval_ns, 0);
    assert_int_equal(web->growth.interval_calls, 5000);
    assert_int_equal(config_service(config, "copy")->detect.frame_threshold, 3);
    assert_false(config_service(config, "off")->watch);
    assert_ptr_equal(config_service(config, "other"), &config->defaults);
    config_free(config);
}

/* A mapping of a service's own replaces the one of all services; none is one. */
static void variants_are_pairs(void **state)
{
    (void)state;
    struct config *config = parse("respond: {variants: {'1': start one, '2': 'image=web:2'}}\n"
                                  "services:\n"
                                  "  web: {respond: {variants: {b: run b}}}\n"
                                  "  db: {respond: {variants: off}}\n"
                                  "  api: {}\n");
    assert_string_equal(config->defaults.respond.variants, "1=start one\n2=image=web:2\n");
    assert_string_equal(config_service(config, "web")->respond.variants, "b=run b\n");
    assert_null(config_service(config, "db")->respond.variants);
    assert_string_equal(config_service(config, "api")->respond.variants,
                        config->defaults.respond.variants);
    config_free(config);
    refused("respond: {variants: start}\n",
            "f.yml:1: respond.variants: a mapping is needed (lines \"NAME: TEXT\"), or off");
    refused("respond: {variants: [a]}\n",
            "f.yml:1: respond.variants: a single value is needed, not a list or a mapping");
    refused("respond: {variants: {a=b: c}}\n",
            "f.yml:1: respond.variants.a=b: a name has at most 127 bytes, and no \"=\"");
    refused("respond: {variants: {a: [b]}}\n",
            "f.yml:1: respond.variants.a: a single value is needed, not a list or a mapping");
    refused("respond: {variants: {a: b, a: c}}\n",
            "f.yml:1: respond.variants.a: given twice, first in line 1");
}

/* What docs/tolerance.md shows. */
static void vulnerabilities_of_the_manual(void **state)
{
    char *manual = file_text("docs/tolerance.md");
    char *yaml = strstr(manual, "```yaml\n") + strlen("```yaml\n");
    (void)state;
    *strstr(yaml, "```") = '\0';
    struct config *config = parse(yaml);
    assert_int_equal(config->scan_count, 1);
    assert_string_equal(config->scans[0].file, "web.trivy.json");
    assert_string_equal(config->scans[0].service, "we*");
    assert_null(config->scans[0].osv);
    assert_string_equal(config->epss, "epss.csv");
    assert_int_equal(config_service(config, "web")->tolerance.redundancy, REDUNDANCY_AVAILABILITY);
    char *path = config_file(config, config->kev);
    assert_string_equal(path, "/var/lib/skink/kev.json");
    free(path);
    config_free(config);
    free(manual);
    config = parse("tolerance: {eta: 30d, beta: 3}\n");
    assert_int_equal(config->defaults.tolerance.eta, 30 * 24 * 3600 * NS_PER_S);
    config_free(config);
    refused("vulnerabilities:\n  scans:\n    - service: a\n",
            "f.yml:3: vulnerabilities.scans[0].file: is missing");
    config = parse("tolerance: {latency_limit: 250ms}\n"
                   "services: {web: {tolerance: {latency_limit: off}}}\n");
    assert_int_equal(config->defaults.tolerance.latency, 250 * NS_PER_MS);
    assert_int_equal(config_service(config, "web")->tolerance.latency, 0);
    config_free(config);
    refused(
        "tolerance: {latency_limit: auto}\n",
        "f.yml:1: tolerance.latency_limit: \"auto\" is not a duration such as 10s, 500ms or 2h");
    refused("tolerance: {horizon: auto}\n",
            "f.yml:1: tolerance.horizon: \"auto\" is not a duration such as 10s, 500ms or 2h");
    refused("tolerance: {redundancy: much}\n", "f.yml:1: tolerance.redundancy: \"much\" is none of "
                                               "these: balanced, voting, availability");
}

static void lists_are_read(void **state)
{
    (void)state;
    struct config *config = parse("rules:\n"
                                  "  - {match: 'label:app=web-*', service: web, version: '1'}\n"
                                  "  - {match: name=db?, service: db}\n"
                                  "extra:\n"
                                  "  - {cgroup: /a/b}\n"
                                  "  - {unit: cron.service, service: cron, version: v2}\n");
    assert_int_equal(config->rule_count, 2);
    assert_string_equal(config->rules[0].match, "label:app=web-*");
    assert_string_equal(config->rules[0].version, "1");
    assert_string_equal(config->rules[1].service, "db");
    assert_null(config->rules[1].version);
    assert_int_equal(config->extra_count, 2);
    assert_string_equal(config->extras[0].cgroup, "/a/b");
    assert_null(config->extras[0].unit);
    assert_string_equal(config->extras[1].unit, "cron.service");
    assert_string_equal(config->extras[1].version, "v2");
    config_free(config);
    config = parse("state_dir: /s\nalerts: {file: a/b}\n");
    assert_alert_file(config, "/s/a/b");
    config_free(config);
}

static void keys_that_are_wrong(void **state)
{
    (void)state;
    refused("window: 6\nwindwo: 7\n", "f.yml:2: windwo: unknown key (did you mean window?)");
    refused("detect:\n  frame: 20\n  treshold: 3\n",
            "f.yml:3: detect.treshold: unknown key (`skink help --config` lists all keys)");
    refused("services:\n  web:\n    learn:\n      stedy: 3\n",
            "f.yml:4: services.web.learn.stedy: unknown key (did you mean steady?)");
    refused("bag: 3\nwindow: 6\nbag: 4\n", "f.yml:3: bag: given twice, first in line 1");
    refused("services:\n  a: {}\n  a: {}\n", "f.yml:3: services.a: given twice, first in line 2");
    refused("rules:\n  - service: x\n", "f.yml:2: rules[0].match: is missing");
    refused("? [a]\n: b\n", "f.yml:1: key: a single value is needed, not a list or a mapping");
}

static void values_that_are_wrong(void **state)
{
    (void)state;
    refused("window: 17\n", "f.yml:1: window: \"17\" is not a whole number from 2 to 16");
    refused("window: six\n", "f.yml:1: window: \"six\" is not a whole number from 2 to 16");
    refused("window: [6]\n", "f.yml:1: window: a single value is needed, not a list or a mapping");
    refused("window:\n", "f.yml:1: window: no value (leave the key out for the default)");
    refused("\ndetect: 5\n", "f.yml:2: detect: a mapping is needed (lines \"key: value\")");
    refused("detect: {frame_threshold: no}\n",
            "f.yml:1: detect.frame_threshold: \"no\" is not a whole number from 1 to 64 (or auto, "
            "or off)");
    refused("learn: {interval: 10}\n",
            "f.yml:1: learn.interval: \"10\" is not a duration such as 10s, 500ms or 2h (or a "
            "number of calls such as \"50000 calls\")");
    refused("learn: {interval: 1ns}\n", "f.yml:1: learn.interval: \"1ns\" is not from 100ms to 7d");
    refused("learn: {interval: 1 calls}\n", "f.yml:1: learn.interval: \"1\" is not a whole number "
                                            "from 100 to 1000000000000000");
    refused("learn: {sigma: nan}\n",
            "f.yml:1: learn.sigma: \"nan\" is not a number from 0 to 1e+06");
    refused("watch: maybe\n", "f.yml:1: watch: \"maybe\" is neither true nor false");
    refused("state_dir: var\n", "f.yml:1: state_dir: \"var\" is not an absolute path (/…)");
    refused("engines: {docker: x}\n",
            "f.yml:1: engines.docker: \"x\" is not an absolute path, auto or off (/…)");
    refused("engines: {oci: x}\n", "f.yml:1: engines.oci: a list of paths, auto or off is needed");
    refused("engines:\n  oci:\n    - /a\n    - b\n",
            "f.yml:4: engines.oci: \"b\" is not an absolute path (/…)");
    refused("alerts: {webhook: 'ftp://h/'}\n",
            "f.yml:1: alerts.webhook: \"ftp://h/\" is not a URL (http://HOST/PATH, "
            "https://HOST/PATH or off)");
    refused("listen: 9469\n", "f.yml:1: listen: \"9469\" is not an address and a port "
                              "(127.0.0.1:9469 or [::1]:9469)");
    refused("group: \"a\\0b\"\n",
            "f.yml:1: group: contains the control character 0x00 (printable text)");
    refused("rules: [{match: web, service: x}]\n",
            "f.yml:1: rules[0].match: \"web\" matches nothing (name=GLOB, image=GLOB, id=GLOB, "
            "label:KEY=GLOB or cgroup=GLOB)");
    refused("rules: {}\n", "f.yml:1: rules: a list is needed (lines that begin with \"- \")");
    refused("services: []\n", "f.yml:1: services: a mapping from names of services is needed");
}

static void values_that_do_not_fit_together(void **state)
{
    (void)state;
    refused("detect:\n  frame_threshold: 30\n",
            "f.yml:2: detect.frame_threshold: 30 mismatches never fit into a frame of 20 windows "
            "(at most 20, or a longer frame)");
    refused("detect: {frame_threshold: 15}\nservices:\n  a:\n    detect: {frame: 5}\n",
            "f.yml:4: services.a.detect.frame_threshold: 15 mismatches never fit into a frame of 5 "
            "windows (at most 5, or a longer frame)");
    refused("detect: {epoch: 40, epoch_threshold: 41}\n",
            "f.yml:1: detect.epoch_threshold: 41 mismatches never fit into an epoch of 40 calls "
            "(at most 40, or a longer epoch)");
    refused("extra:\n  - service: x\n",
            "f.yml:2: extra[0].unit: neither a cgroup nor a unit (give one of cgroup and unit)");
    refused("extra: [{cgroup: /a, unit: b}]\n",
            "f.yml:1: extra[0].unit: both a cgroup and a unit (give one of cgroup and unit)");
}

static void files_that_are_no_configuration(void **state)
{
    (void)state;
    refused("window: 6\n--- \nbag: 6\n",
            "f.yml:3: configuration: a second document begins here (only one is read)");
    refused("- a\n", "f.yml:1: configuration: a mapping is needed (lines \"key: value\")");
    refused("window: 6\nbag: [\n", "f.yml:3: not YAML: did not find expected node content");
    refused("window: 6\nbag: \xff\n", "f.yml:2: not YAML: invalid leading UTF-8 octet");
    struct error err;
    assert_null(config_load("/nonexistent/skink.yml", &err));
    assert_non_null(strstr(err.text, "No such file"));
    assert_null(config_load("/dev/zero", &err));
    assert_string_equal(err.text, "/dev/zero: not a regular file");
}

/* Deep nesting, aliases that multiply and sheer size end quickly and are refused. */
static void bombs(void **state)
{
    (void)state;
    struct error err;
    size_t size = 1024 * 1024;
    char *text = malloc(size + 2);
    memset(text, '[', size + 1);
    uint64_t start = clock_monotonic();
    assert_null(config_parse(text, size + 1, "f.yml", &err));
    assert_non_null(strstr(err.text, "too large"));
    assert_null(config_parse(text, size, "f.yml", &err));
    memset(text, '{', size);
    assert_null(config_parse(text, size, "f.yml", &err));
    size_t used = (size_t)snprintf(text, size, "services:\n");
    for (int i = 0; used < 60000; i++)
        used += (size_t)snprintf(text + used, size - used, " s%d: {}\n", i);
    assert_null(config_parse(text, used, "f.yml", &err));
    assert_string_equal(err.text, "f.yml:2: services: too many entries (at most 4096)");
    free(text);
    refused("services:\n"
            "  a: &a {x: 1}\n"
            "  b: &b {a: *a, c: *a, d: *a, e: *a}\n"
            "  c: &c {a: *b, c: *b, d: *b, e: *b}\n",
            "f.yml:2: services.a.x: unknown key (`skink help --config` lists all keys)");
    refused("services: &s\n  a: *s\n",
            "f.yml:2: services.a.a: unknown key (`skink help --config` lists all keys)");
    assert_true(clock_monotonic() - start < 10 * NS_PER_S);
}

static void files_are_read(void **state)
{
    (void)state;
    struct error err;
    char path[] = "/tmp/skink-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "window: 9\n", 10), 10);
    close(fd);
    struct config *config = config_load(path, &err);
    unlink(path);
    assert_non_null(config);
    assert_int_equal(config->window, 9);
    assert_string_equal(config->path, path);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(printed_defaults_are_the_defaults),
        cmocka_unit_test(installed_file_and_manual_are_current),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(services_override_the_defaults),
        cmocka_unit_test(variants_are_pairs),
        cmocka_unit_test(vulnerabilities_of_the_manual),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(keys_that_are_wrong),
        cmocka_unit_test(values_that_are_wrong),
        cmocka_unit_test(values_that_do_not_fit_together),
        cmocka_unit_test(files_that_are_no_configuration),
        cmocka_unit_test(bombs),
        cmocka_unit_test(files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
