/* respond: programs with a time-out, addresses that go over to another site, what CRIU needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "respond/criu.h"
#include "respond/measures.h"
#include "respond/program.h"
#include "respond/site.h"

extern char **environ;

static int shell(const char *command, char *said, size_t size, struct error *err)
{
    char *const words[] = {"sh", "-c", (char *)command, NULL};
    return program_run("the command", words, environ, NS_PER_S, said, size, err);
}

/* ---- programs ---- */

static void all_that_is_printed_is_read(void **state)
{
    char said[70000];
    struct error err;
    (void)state;
    assert_int_equal(shell("seq 12000", said, sizeof said, &err), 0);
    assert_int_equal(strlen(said), 60894);
    assert_non_null(strstr(said, "\n12000\n"));
}

static void what_is_left_in_the_background_holds_nobody_up(void **state)
{
    char said[64];
    struct error err;
    uint64_t begun = clock_monotonic();
    (void)state;
    assert_int_equal(shell("echo here; sleep 3 &", said, sizeof said, &err), 0);
    assert_string_equal(said, "here\n");
    assert_true(clock_passed(clock_monotonic(), begun) < 2 * NS_PER_S);
}

static void a_failure_is_named(void **state)
{
    char said[64];
    struct error err;
    char *const nothing[] = {"no-such-program-here", NULL};
    (void)state;
    assert_int_equal(shell("exit 3", said, sizeof said, &err), -1);
    assert_string_equal(err.text, "\"the command\" ends with status 3");
    assert_int_equal(shell("sleep 5", said, sizeof said, &err), -1);
    assert_string_equal(err.text, "\"the command\" does not end in time");
    assert_int_equal(program_run("it", nothing, environ, NS_PER_S, said, sizeof said, &err), -1);
    assert_true(program_exists("sh"));
    assert_false(program_exists("no-such-program-here"));
}

/* ---- addresses ---- */

static void addresses_go_over_with_their_hardware_address(void **state)
{
    struct site_move move;
    struct error err;
    (void)state;
    const char *addresses =
        "[{\"ifname\":\"lo\",\"address\":\"00:00:00:00:00:00\",\"addr_info\":[{}]},"
        "{\"ifname\":\"eth0\",\"address\":\"02:00:00:00:00:07\",\"addr_info\":["
        "{\"family\":\"inet\",\"local\":\"10.0.0.7\",\"prefixlen\":24},"
        "{\"family\":\"inet6\",\"local\":\"fd00::7\",\"prefixlen\":64}]}]";
    const char *routes = "[{\"dst\":\"default\",\"gateway\":\"10.0.0.1\",\"dev\":\"eth0\"},"
                         "{\"dst\":\"10.0.0.0/24\",\"dev\":\"eth0\",\"protocol\":\"kernel\"}]";
    assert_int_equal(site_plan(addresses, routes, &move, &err), 0);
    assert_string_equal(move.leave, "address del 10.0.0.7/24 dev eth0\n"
                                    "address del fd00::7/64 dev eth0\n"
                                    "link set dev eth0 down\n");
    assert_string_equal(move.enter, "link set dev eth0 address 02:00:00:00:00:07 up\n"
                                    "address add 10.0.0.7/24 dev eth0\n"
                                    "address add fd00::7/64 dev eth0 nodad\n"
                                    "route add default via 10.0.0.1 dev eth0\n");
}

static void without_an_address_nobody_moves(void **state)
{
    struct site_move move;
    struct error err;
    (void)state;
    assert_int_equal(site_plan("[{\"ifname\":\"lo\",\"addr_info\":[{}]}]", "[]", &move, &err), -1);
    assert_non_null(strstr(err.text, "no address to take along"));
    assert_int_equal(site_plan("no JSON", "[]", &move, &err), -1);
    assert_int_equal(site_plan("[7, null]", "[]", &move, &err), -1);
}

static void too_many_addresses_are_refused(void **state)
{
    struct site_move move;
    struct error err;
    json_t *list = json_array();
    (void)state;
    for (int i = 0; i < 500; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:i}", "family", "inet", "local",
                                              "10.0.0.7", "prefixlen", 24));
    json_t *link = json_pack("[{s:s,s:s,s:o}]", "ifname", "eth0", "address", "02:00:00:00:00:07",
                             "addr_info", list);
    char *text = json_dumps(link, 0);
    assert_int_equal(site_plan(text, "[]", &move, &err), -1);
    assert_non_null(strstr(err.text, "too many addresses"));
    free(text);
    json_decref(link);
}

/* ---- what it needs ---- */

static void what_is_missing_is_said(void **state)
{
    struct error err;
    struct criu_container container;
    struct measure_target target = {.workload = {.engine = ENGINE_OCI, .name = "web-1"},
                                    .rule = {.checkpoint = true}};
    const char *paths = getenv("PATH");
    char *path = memory_must(strdup(paths ? paths : ""));
    (void)state;
    assert_int_equal(measure_migrate.check(&target, &err), -1);
    assert_non_null(strstr(err.text, "respond.migrate"));
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(measure_checkpoint.check(&target, &err), -1);
    assert_string_equal(err.text, "criu is not installed (apt-get install criu)");
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(criu_find("", "web-1", &container, &err), -1);
    assert_non_null(strstr(err.text, "no running container of runc"));
}

static void only_what_fits_is_dumped(void **state)
{
    struct error err;
    struct criu_container nobody = {.workload = {.name = "web-1"},
                                    .freezer = {.path = "/nonexistent"}};
    (void)state;
    assert_int_equal(criu_fits(&nobody, "/", 1 << 20, &err), 0);
    struct criu_container all = {.workload = {.name = "web-1"}};
    struct cgroup_hierarchy hierarchy;
    assert_int_equal(cgroup_hierarchy_find(&hierarchy, &err), 0);
    snprintf(all.freezer.path, sizeof all.freezer.path, "%s", hierarchy.mount);
    assert_int_equal(criu_fits(&all, "/nonexistent", 1 << 20, &err), -1);
    assert_non_null(strstr(err.text, "MiB of memory are too many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_printed_is_read),
        cmocka_unit_test(what_is_left_in_the_background_holds_nobody_up),
        cmocka_unit_test(a_failure_is_named),
        cmocka_unit_test(addresses_go_over_with_their_hardware_address),
        cmocka_unit_test(without_an_address_nobody_moves),
        cmocka_unit_test(too_many_addresses_are_refused),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(only_what_fits_is_dumped),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
