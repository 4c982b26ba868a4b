/* respond: harm against values worked out by hand, powers from what the kernel writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/harm.h"
#include "respond/powers.h"

static void near(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-9)
        fail_msg("%.12f is not %.12f", value, wanted);
}

static struct harm_rule rule(double criticality, uint32_t requirement, uint32_t impact)
{
    return (struct harm_rule){.criticality = criticality,
                              .requirement = {requirement, requirement, requirement},
                              .impact = {impact, impact, impact}};
}

static void own_harm_is_the_standards(void **state)
{
    (void)state;
    /* 1 - (1 - 0.22)^3 = 0.525448 */
    struct harm_rule low = rule(0.5, HARM_LEVEL_1, HARM_LEVEL_1);
    near(harm_own(&low, 0).miss, 0.525448);
    near(harm_own(&low, 0).harm, 0.5 * 0.525448 / 0.915);
    /* 1 - (1 - 0.56)^3 = 0.914816; with high requirements 1 - 0.16^3, capped at 0.915 */
    struct harm_rule high = rule(1, HARM_LEVEL_1, HARM_LEVEL_2);
    near(harm_own(&high, 0).miss, 0.914816);
    high = rule(1, HARM_LEVEL_2, HARM_LEVEL_2);
    near(harm_own(&high, 0).miss, 0.915);
    near(harm_own(&high, 0).harm, 1);
    /* only confidentiality, requirement 1.5, impact 0.56 */
    struct harm_rule secret = {.criticality = 1,
                               .requirement = {HARM_LEVEL_2, HARM_LEVEL_0, HARM_LEVEL_0},
                               .impact = {HARM_LEVEL_2, HARM_LEVEL_0, HARM_LEVEL_0}};
    near(harm_own(&secret, 0).miss, 0.84);
}

static void powers_raise_the_impact(void **state)
{
    (void)state;
    struct harm_rule low = rule(1, HARM_LEVEL_1, HARM_LEVEL_1);
    struct harm_own own = harm_own(&low, POWER_PRIVILEGED);
    near(own.miss, 0.914816);
    own = harm_own(&low, POWER_HOST_READ);
    near(own.impact[HARM_CONFIDENTIALITY], 0.56);
    near(own.impact[HARM_INTEGRITY], 0.22);
    near(own.miss, 1 - 0.44 * 0.78 * 0.78);
    for (uint32_t powers = 0; powers < 1 << 10; powers++)
        assert_true(harm_own(&low, powers).harm >= harm_own(&low, 0).harm);
}

static void calls(struct graph *graph, const char *from, const char *to, bool novel)
{
    const struct graph_flow flow = {.from = graph_service(graph, from),
                                    .to = graph_service(graph, to),
                                    .port = 80,
                                    .novel = novel,
                                    .first = NS_PER_S,
                                    .last = NS_PER_S,
                                    .count = 1};
    graph_note(graph, &flow);
}

static void harm_goes_along_the_calls(void **state)
{
    (void)state;
    double reach[4];
    struct graph *graph = graph_new();
    calls(graph, "front", "web", false);
    calls(graph, "web", "db", true);
    graph_service(graph, "alone");
    harm_reach(graph, graph_service(graph, "front"), 2 * NS_PER_S, reach);
    near(reach[0], 0);          /* itself */
    near(reach[1], 0.25);       /* a known call */
    near(reach[2], 0.25 * 0.7); /* and a new one behind it */
    near(reach[3], 0);
    harm_reach(graph, graph_service(graph, "db"), 2 * NS_PER_S, reach);
    near(reach[0] + reach[1] + reach[3], 0); /* against the calls is no way */

    const struct harm_service services[4] = {{rule(0.5, HARM_LEVEL_1, HARM_LEVEL_1), 0},
                                             {rule(0.5, HARM_LEVEL_1, HARM_LEVEL_1), 0},
                                             {rule(1, HARM_LEVEL_2, HARM_LEVEL_2), 0},
                                             {rule(1, HARM_LEVEL_2, HARM_LEVEL_2), 0}};
    double low = 0.5 * 0.525448 / 0.915;
    json_t *harm = harm_json(graph, 0, services, 2 * NS_PER_S);
    near(json_real_value(json_object_get(harm, "harm")),
         1 - (1 - low) * (1 - 0.25 * low) * (1 - 0.175));
    assert_int_equal(json_array_size(json_object_get(harm, "leads_to")), 2);
    json_decref(harm);
    graph_free(graph);
}

static void capabilities_are_read(void **state)
{
    (void)state;
    assert_int_equal(powers_of_status("Name:\tx\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n"), 0);
    assert_int_equal(powers_of_status("Name:\tx\nCapBnd:\t0000000000200000\n"), POWER_SYS_ADMIN);
    assert_int_equal(powers_of_status("Name:\tx\nCapBnd:\t000001ffffffffff\n"),
                     POWER_SYS_ADMIN | POWER_NET_ADMIN | POWER_PRIVILEGED);
    assert_int_equal(powers_of_status("Name:\tx\n"), 0);
    assert_int_equal(powers_of_status("Name:\tx\nCapBnd:\tnonsense\n"), 0);
}

static uint32_t mounts(const char *lines)
{
    char text[1024];
    char host[] = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                  "30 27 0:25 / /run rw - tmpfs tmpfs rw\n"
                  "31 27 254:1 / /home rw - ext4 /dev/vdb rw\n";
    snprintf(text, sizeof text, "%s", lines);
    return powers_of_mounts(text, host);
}

static void mounts_are_read(void **state)
{
    (void)state;
    assert_int_equal(mounts("50 49 254:0 /srv/box / rw - ext4 /dev/vda rw\n"), 0);
    assert_int_equal(mounts("51 50 254:0 /etc /host-etc ro - ext4 /dev/vda rw\n"), POWER_HOST_READ);
    assert_int_equal(mounts("51 50 254:0 / /host rw - ext4 /dev/vda rw\n"), POWER_HOST_WRITE);
    assert_int_equal(mounts("51 50 254:0 /usr /usr ro,nosuid - ext4 /dev/vda rw\n"), 0);
    assert_int_equal(mounts("51 50 254:0 /srv/data /data rw shared:1 - ext4 /dev/vda rw\n"), 0);
    assert_int_equal(mounts("51 50 0:25 /docker.sock /var/run/docker.sock rw - tmpfs tmpfs rw\n"),
                     POWER_RUNTIME_SOCKET);
    assert_int_equal(mounts("51 50 254:1 / /data rw - ext4 /dev/vdb rw\n"), POWER_HOST_WRITE);
    assert_int_equal(
        mounts("51 50 0:99 / /var/run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw\n"),
        POWER_CLUSTER_TOKEN);
    assert_int_equal(mounts("no mount at all\n51 50 254:0 /etc\n"), 0);
}

/* This process shares everything with itself. */
static void a_process_is_read(void **state)
{
    (void)state;
    uint32_t powers = powers_read(getpid());
    assert_true(powers & POWER_HOST_NETWORK);
    assert_true(powers & POWER_HOST_PID);
    assert_false(powers & (POWER_HOST_WRITE | POWER_RUNTIME_SOCKET));
    assert_int_equal(powers_read(0x3fffffff), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_harm_is_the_standards), cmocka_unit_test(powers_raise_the_impact),
        cmocka_unit_test(harm_goes_along_the_calls), cmocka_unit_test(capabilities_are_read),
        cmocka_unit_test(mounts_are_read),           cmocka_unit_test(a_process_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
