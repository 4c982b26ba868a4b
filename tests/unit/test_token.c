/* respond: what a token may say to the hand that takes a measure back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "respond/token_check.h"

static const struct respond_rule RULE = {
    .balancer = "/run/haproxy/admin",
    .backend = "shop",
    .map = "ip nat vips",
    .map_network = "/run/netns/edge",
    .migrate = "/run/netns/aside",
};

static int check(const char *text, struct error *err)
{
    static const struct respond_rule NONE;
    const struct respond_rule *rules[] = {&NONE, &RULE};
    const struct token_bounds bounds = {rules, 2, "/var/lib/skink"};
    json_error_t why;
    json_t *token = json_loads(text, 0, &why);
    assert_non_null(token);
    int outcome = token_check(token, &bounds, err);
    json_decref(token);
    return outcome;
}

static void what_measures_write_passes(void **state)
{
    static const char *const TOKENS[] = {
        "{}",
        "{\"cgroup\": \"/sys/fs/cgroup/freezer/gone\", \"cgroup_v2\": false, \"cgroup_inode\": 7}",
        "{\"quota\": \"max 100000\"}",
        "{\"quota\": \"-1\"}",
        "{\"network\": 4026531840, \"pid\": 17}",
        "{\"balancer\": \"/run/haproxy/admin\", \"backend\": \"shop\", \"server\": \"web-1\"}",
        "{\"opened\": {\"balancer\": \"/run/haproxy/admin\", \"backend\": \"shop\","
        " \"server\": \"far_1\"}}",
        "{\"moved\": {\"balancer\": \"/run/haproxy/admin\", \"backend\": \"shop\","
        " \"server\": \"web-1\", \"from\": \"10.1.2.3\", \"to\": \"10.1.2.9\","
        " \"interface\": \"eth0\", \"from_port\": 80, \"to_port\": 40001, \"prefix\": 24}}",
        "{\"map_network\": \"/run/netns/edge\", \"back\": \"delete element ip nat vips "
        "{ 10.88.0.1 . tcp . 80 : 10.77.0.3 . 8080 }\\nadd element ip nat vips "
        "{ 10.88.0.1 . tcp . 80 : 10.77.0.2 . 8080 }\\n\"}",
        "{\"map_network\": \"\"}",
        "{\"directory\": \"/var/lib/skink/evidence/2026-11-22T07:00:41Z-web\","
        " \"id\": \"web-1\", \"from\": \"/run/netns/gone\", \"to\": \"/run/netns/aside\","
        " \"home\": \"/srv/bundles/web\"}",
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof TOKENS / sizeof *TOKENS; i++)
        if (check(TOKENS[i], &err) < 0)
            fail_msg("%s: %s", TOKENS[i], err.text);
}

static void what_no_measure_writes_is_refused(void **state)
{
    static const char *const TOKENS[] = {
        "{\"cgroup\": \"/etc\"}",
        "{\"cgroup\": \"sys/fs/cgroup\"}",
        "{\"cgroup\": \"/sys/fs/cgroup/../../../etc\"}",
        "{\"cgroup\": \"/sys/fs/cgroup/..\"}",
        "{\"cgroup\": 7}",
        "{\"quota\": \"1\\n+memory\"}",
        "{\"balancer\": \"/run/docker.sock\"}",
        "{\"backend\": \"shop/web-1 state maint; shutdown\"}",
        "{\"server\": \"web-1 state ready; disable frontend all\"}",
        "{\"server\": \"web\\n1\"}",
        "{\"opened\": {\"balancer\": \"/tmp/mine\"}}",
        "{\"moved\": {\"from\": \"10.1.2.3 port 1; x\"}}",
        "{\"moved\": {\"to\": \"somewhere\"}}",
        "{\"moved\": {\"interface\": \"../../kernel\"}}",
        "{\"moved\": {\"server\": \"--\"}}",
        "{\"map_network\": \"/proc/1/ns/net\"}",
        "{\"back\": \"flush ruleset\\n\"}",
        "{\"back\": \"add element ip nat vips { 10.88.0.1 : 10.77.0.2 }\"}",
        "{\"back\": \"add element ip nat other { 10.88.0.1 : 10.77.0.2 }\\n\"}",
        "{\"back\": \"add element ip nat vips { 1 : 2 }; flush ruleset { 3 : 4 }\\n\"}",
        "{\"back\": \"add element ip nat vips { 1 : 2 }\\nflush ruleset\\n\"}",
        "{\"directory\": \"/var/lib/skink/evidence/../../../etc\"}",
        "{\"directory\": \"/var/lib/skink/evidence/..\"}",
        "{\"directory\": \"/var/lib/skink/evidence/\"}",
        "{\"directory\": \"/var/lib/skink/profiles\"}",
        "{\"directory\": \"/etc/cron.d\"}",
        "{\"id\": \"--root=/tmp\"}",
        "{\"id\": \"../web\"}",
        "{\"from\": \"/etc/shadow\"}",
        "{\"to\": \"/run/netns/other\"}",
        "{\"home\": \"/var/lib/skink/evidence/x/bundle\"}",
        "{\"home\": \"bundle\"}",
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof TOKENS / sizeof *TOKENS; i++) {
        if (check(TOKENS[i], &err) == 0)
            fail_msg("%s", TOKENS[i]);
        assert_non_null(strstr(err.text, "cannot be taken back"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_measures_write_passes),
        cmocka_unit_test(what_no_measure_writes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
