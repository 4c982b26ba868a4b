/* workload: cgroups, classification, and the parsers of what engines say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload/workload.h"

static void own_cgroup(void **state)
{
    (void)state;
    struct error err;
    struct cgroup_hierarchy hierarchy;
    uint64_t made = 0, found = 0;
    char path[512];
    if (geteuid() != 0 || cgroup_hierarchy_find(&hierarchy, &err) < 0 ||
        cgroup_make(&hierarchy, "skink-test/unit", &made, &err) < 0)
        skip();
    assert_int_equal(cgroup_key(&hierarchy, "/skink-test/unit", &found, &err), 0);
    assert_int_equal(made, found);

    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    int entered = cgroup_enter(&hierarchy, "skink-test/unit", pid, &err);
    int located = cgroup_of_process(&hierarchy, pid, path, sizeof path, &err);
    int busy = cgroup_remove(&hierarchy, "skink-test/unit", &err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(entered, 0);
    assert_int_equal(located, 0);
    assert_string_equal(path, "/skink-test/unit");
    assert_int_equal(busy, -1);
    assert_int_equal(cgroup_remove(&hierarchy, "skink-test/unit", &err), 0);
    assert_int_equal(cgroup_key(&hierarchy, "/skink-test", &found, &err), -1);
}

static void cgroup_paths_stay_inside(void **state)
{
    (void)state;
    struct error err;
    struct cgroup_hierarchy hierarchy = {.v2 = true, .mount = "/sys/fs/cgroup"};
    uint64_t key;
    assert_int_equal(cgroup_key(&hierarchy, "a/../../..", &key, &err), -1);
    assert_non_null(strstr(err.text, "\"..\""));
    assert_int_equal(cgroup_make(&hierarchy, "../tmp/x", &key, &err), -1);
    assert_int_equal(cgroup_remove(&hierarchy, "..", &err), -1);
    assert_int_equal(cgroup_key(&hierarchy, "no..such", &key, &err), -1);
    assert_null(strstr(err.text, "\"..\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cgroup),
        cmocka_unit_test(cgroup_paths_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
