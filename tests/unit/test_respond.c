/* respond: the choice among measures, what the balancer and the engine say, commands that hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/address.h"
#include "respond/balancer.h"
#include "respond/choice.h"
#include "respond/engine.h"
#include "respond/haproxy.h"
#include "respond/held.h"
#include "respond/hook.h"
#include "respond/remap.h"
#include "respond/token.h"

#define OPTIONS 17

static void near(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-9)
        fail_msg("%.12f is not %.12f", value, wanted);
}

static struct choice_option option(const char *name)
{
    const struct measure *measure = measure_find(name);
    assert_non_null(measure);
    return (struct choice_option){.measure = measure, .effect = {measure->worked, measure->failed}};
}

static void all_options(struct choice_option *options)
{
    assert_int_equal(measure_count(), OPTIONS);
    for (size_t i = 0; i < OPTIONS; i++)
        options[i] = option(measures[i]->name);
}

static struct choice_case worst(void)
{
    return (struct choice_case){.belief = 0.95,
                                .harm = 1,
                                .criticality = 1,
                                .serving = 3,
                                .minimum = 1,
                                .able = 3,
                                .say = 2};
}

/* The measure chosen for containing, NULL: none. */
static const struct measure *contain(const struct choice_case *given)
{
    struct choice_option options[OPTIONS];
    struct choice_value values[OPTIONS];
    size_t order[OPTIONS];
    all_options(options);
    size_t chosen = choice_rank(given, options, OPTIONS, STAGE_CONTAIN, values, order);
    for (size_t i = 1; i < chosen; i++)
        assert_true(values[order[i - 1]].value >= values[order[i]].value);
    return chosen > 0 ? options[order[0]].measure : NULL;
}

static void a_value_worked_out_by_hand(void **state)
{
    (void)state;
    struct choice_case given = worst();
    struct choice_option pause = option("pause");
    struct choice_value value = choice_value(&given, &pause);
    near(value.eff, 0.9);
    near(value.spares, 0.95 * 1 * 0.9);
    near(value.cost, 0.2 * 0.25 + 0.05 * 0.05); /* two replicas to spare */
    near(value.collateral, 0.05 * 0.1);
    near(value.value, 0.855 - 0.0525 - 0.005);
    assert_null(value.refused);
    given.serving = 1;
    given.minimum = 0;
    near(choice_value(&given, &pause).cost, 0.2 * 0.5 + 0.05 * 0.05);
}

static void nothing_is_done_for_nothing(void **state)
{
    (void)state;
    struct choice_case given = worst();
    given.belief = 0;
    assert_null(contain(&given));
    given.belief = 0.95;
    given.harm = 0;
    assert_null(contain(&given));
}

/* For every harm and number of replicas: the slope of what is chosen never falls with the belief,
 * among what needs no person. */
static void more_belief_never_chooses_the_weaker(void **state)
{
    (void)state;
    for (int harm = 1; harm <= 20; harm++) {
        for (uint32_t serving = 1; serving <= 4; serving++) {
            double slope = 0;
            for (int belief = 0; belief < 900; belief++) {
                struct choice_case given = {.belief = belief / 1000.0,
                                            .harm = harm / 20.0,
                                            .criticality = 1,
                                            .serving = serving,
                                            .minimum = 1};
                const struct measure *chosen = contain(&given);
                double worked = chosen ? chosen->worked / (chosen->worked + chosen->failed) : 0;
                double now = chosen ? given.harm * worked + chosen->collateral : 0;
                if (now < slope - 1e-12)
                    fail_msg("harm %.2f, belief %.3f: %s is weaker", given.harm, given.belief,
                             chosen ? chosen->name : "nothing");
                slope = now;
            }
        }
    }
}

static void the_minimum_goes_on_serving(void **state)
{
    (void)state;
    for (uint32_t minimum = 0; minimum < 4; minimum++) {
        for (uint32_t serving = 1; serving < 5; serving++) {
            struct choice_case given = worst();
            given.minimum = minimum;
            given.serving = serving;
            given.approved = true;
            const struct measure *chosen = contain(&given);
            assert_non_null(chosen);
            assert_true(!chosen->takes_out || serving - 1 >= minimum);
        }
    }
}

static void what_cannot_be_undone_needs_belief_or_a_person(void **state)
{
    (void)state;
    struct choice_option kill = option("kill");
    struct choice_case given = worst();
    assert_null(choice_value(&given, &kill).refused);
    given.belief = 0.89;
    assert_non_null(strstr(choice_value(&given, &kill).refused, "person"));
    given.approved = true;
    assert_null(choice_value(&given, &kill).refused);
    given.spent = true;
    given.say = 0;
    assert_null(choice_value(&given, &kill).refused);
    kill.impossible = "it is not there";
    assert_string_equal(choice_value(&given, &kill).refused, "it is not there");
}

/* Two of three, two of the two that are left, or a person; never any one. */
static void what_cannot_be_undone_needs_a_quorum(void **state)
{
    (void)state;
    struct choice_option kill = option("kill"), pause = option("pause");
    for (unsigned able = 0; able <= 3; able++) {
        for (unsigned say = 0; say <= able; say++) {
            struct choice_case given = worst();
            given.able = able;
            given.say = say;
            assert_int_equal(choice_value(&given, &kill).refused == NULL, say >= 2);
            assert_null(choice_value(&given, &pause).refused);
            given.approved = true;
            assert_null(choice_value(&given, &kill).refused);
        }
    }
}

/* The intruder cannot have a service restarted to death; he is contained all the same. */
static void the_budget_bounds_what_restarts(void **state)
{
    (void)state;
    struct choice_case given = worst();
    given.spent = true;
    for (size_t i = 0; i < measure_count(); i++) {
        struct choice_option one = option(measures[i]->name);
        const char *refused = choice_value(&given, &one).refused;
        assert_int_equal(refused && strstr(refused, "budget"), measures[i]->restarts);
    }
    assert_true(measure_find("replace")->restarts && measure_find("kill")->restarts);
    assert_false(measure_find("pause")->restarts || measure_find("evidence")->restarts);
    assert_non_null(contain(&given));
}

static void outcomes_are_learned(void **state)
{
    (void)state;
    struct choice_effect effect = {9, 1};
    near(choice_eff(&effect), 0.9);
    choice_learn(&effect, false);
    near(choice_eff(&effect), 9.0 / 11);
    choice_learn(&effect, true);
    near(choice_eff(&effect), 10.0 / 12);
}

static void losers_are_recorded(void **state)
{
    (void)state;
    struct choice_option options[OPTIONS];
    struct choice_value values[OPTIONS];
    size_t order[OPTIONS];
    struct choice_case given = worst();
    all_options(options);
    options[2].impossible = "no cgroup";
    choice_rank(&given, options, OPTIONS, STAGE_CONTAIN, values, order);
    json_t *list = choice_json(options, values, OPTIONS, STAGE_CONTAIN);
    assert_int_equal(json_array_size(list), 11);
    const json_t *last = json_array_get(list, 10);
    assert_string_equal(json_string_value(json_object_get(last, "measure")), "pause");
    assert_string_equal(json_string_value(json_object_get(last, "refused")), "no cgroup");
    json_decref(list);
}

static void names_of_measures(void **state)
{
    (void)state;
    assert_null(measure_unknown(NULL));
    assert_null(measure_unknown("stop, kill"));
    assert_string_equal(measure_unknown("stop,kil"), "kil");
    assert_string_equal(measure_unknown("stops"), "stops");
    assert_true(measure_listed(measure_find("kill"), "stop, kill"));
    assert_false(measure_listed(measure_find("kill"), "killer stop"));
    assert_false(measure_listed(measure_find("kill"), NULL));
}

/* ---- addresses ---- */

static void an_address_is_drawn_from_its_range(void **state)
{
    struct in_addr network;
    struct error err;
    uint8_t prefix;
    bool low = false, high = false;
    (void)state;
    assert_int_equal(address_parse_range("10.1.2.128/29", &network, &prefix, &err), 0);
    for (int i = 0; i < 1000; i++) {
        uint32_t drawn = ntohl(address_draw(network, prefix).s_addr) - 0x0a010280;
        assert_in_range(drawn, 1, 6); /* neither the network nor its broadcast address */
        low |= drawn == 1;
        high |= drawn == 6;
    }
    assert_true(low && high);
    static const char *const WRONG[] = {"",           "10.1.2.0",    "10.1.2.0/31", "10.1.2.0/7",
                                        "10.1.2/24",  "fd00::/64",   "10.1.2.0/",   "/24",
                                        "10.1.2.0/x", "10.1.2.0/24 "};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_int_equal(address_parse_range(WRONG[i], &network, &prefix, &err), -1);
}

/* ---- the balancer ---- */

static const char STAT[] = "# pxname,svname,qcur,scur,status,check_status,addr,rtime,\n"
                           "shop,web-1,0,3,UP,L4OK,10.77.0.2:8000,12,\n"
                           "shop,web-2,0,0,DRAIN,* L4CON,10.77.0.3:8000,,\n"
                           "shop,web-5,0,0,UP 1/3,L7STS,10.77.0.5:8000,0,\n"
                           "shop,web-6,0,0,DOWN 1/2,L4TOUT,10.77.0.6:8000,,\n"
                           "shop,web-7,0,0,no check,,10.77.0.7:8000,,\n"
                           "shop,web-3,0,1,\"MAINT\",,[fd00::1]:80,,\n"
                           "other,web-4,0,1,no check,,10.77.0.9:80,,\n";

static bool find(const char *text, const char *address, const char *name,
                 struct haproxy_server *server)
{
    char *copy = strdup(text);
    bool found = haproxy_find(copy, "shop", address, name, server);
    free(copy);
    return found;
}

static void servers_are_found(void **state)
{
    (void)state;
    struct haproxy_server server;
    assert_true(find(STAT, "10.77.0.2", NULL, &server));
    assert_string_equal(server.name, "web-1");
    assert_true(server.healthy && server.serves && server.sessions == 3 && server.port == 8000);
    assert_true(find(STAT, NULL, "web-2", &server));
    assert_true(!server.healthy && !server.serves);
    assert_true(find(STAT, "fd00::1", NULL, &server));
    assert_true(server.port == 80 && !server.serves);
    assert_false(find(STAT, "10.77.0.9", NULL, &server)); /* of another backend */
    assert_false(find("", "10.77.0.2", NULL, &server));
    assert_false(find("Permission denied\n", "10.77.0.2", NULL, &server));
    struct error err;
    assert_null(haproxy_ask("/nowhere/haproxy", "show stat", NS_PER_S, &err));
}

static bool is_up(const char *name)
{
    struct haproxy_server server;
    assert_true(find(STAT, NULL, name, &server));
    return server.up;
}

/* Up is who gets requests: also one that is not checked, or begins to fail its checks. */
static void who_is_down_gets_no_requests(void **state)
{
    (void)state;
    uint8_t addresses[2][16] = {{[15] = 1}, {[10] = 0xff, [11] = 0xff, [12] = 10, 77, 0, 2}};
    struct haproxy_server server;
    assert_true(is_up("web-1") && is_up("web-5") && is_up("web-7"));
    assert_false(is_up("web-2") || is_up("web-3") || is_up("web-6"));
    assert_false(balancer_find_among(STAT, "shop", addresses, 1, &server));
    assert_true(balancer_find_among(STAT, "shop", addresses, 2, &server));
    assert_string_equal(server.name, "web-1");
    assert_int_equal(server.latency_ms, 12);
}

/* ---- the engine ---- */

static void a_likeness_has_an_address_of_its_own(void **state)
{
    (void)state;
    struct error err;
    json_t *inspect = json_loads(
        "{\"Config\": {\"Image\": \"web\", \"Hostname\": \"abc\"}, \"HostConfig\": {\"Memory\": 1},"
        " \"NetworkSettings\": {\"Networks\": {\"net\": {\"IPAddress\": \"10.0.0.2\"}}}}",
        0, NULL);
    json_t *likeness = engine_likeness(inspect, &err);
    assert_non_null(likeness);
    char *text = json_dumps(likeness, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text,
                        "{\"HostConfig\":{\"Memory\":1},\"Image\":\"web\",\"NetworkingConfig\":"
                        "{\"EndpointsConfig\":{\"net\":{}}}}");
    free(text);
    json_decref(likeness);
    json_object_set_new(json_object_get(inspect, "HostConfig"), "PortBindings",
                        json_pack("{s:[{s:s}]}", "80/tcp", "HostPort", "80"));
    assert_null(engine_likeness(inspect, &err));
    assert_non_null(strstr(err.text, "ports of the host"));
    json_decref(inspect);
    inspect = json_loads("[]", 0, NULL);
    assert_null(engine_likeness(inspect, &err));
    json_decref(inspect);
}

/* What somebody chose for the container stays; what its image brought is the new image's matter. */
static void another_image_brings_its_own_settings(void **state)
{
    (void)state;
    const struct variant musl = {.name = "1.2-musl", .start = "image=web:1.2-musl"};
    json_t *likeness =
        json_loads("{\"Image\": \"web:1.2\", \"Cmd\": [\"serve\"], \"WorkingDir\": \"/srv\","
                   " \"User\": \"nobody\", \"Env\": [\"PATH=/bin\", \"MODE=shop\"],"
                   " \"Labels\": {\"org.opencontainers.image.version\": \"1.2\", \"team\": \"a\"},"
                   " \"HostConfig\": {\"Memory\": 1}}",
                   0, NULL);
    json_t *old = json_loads(
        "{\"Config\": {\"Cmd\": [\"serve\"], \"WorkingDir\": \"/\", \"Env\": [\"PATH=/bin\"],"
        " \"Labels\": {\"org.opencontainers.image.version\": \"1.2\"}}}",
        0, NULL);
    engine_vary(likeness, old, "web", &musl);
    char *text = json_dumps(likeness, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"Env\":[\"MODE=shop\"],\"HostConfig\":{\"Memory\":1},"
                              "\"Image\":\"web:1.2-musl\",\"Labels\":{"
                              "\"app.kubernetes.io/name\":\"web\","
                              "\"app.kubernetes.io/version\":\"1.2-musl\",\"team\":\"a\"},"
                              "\"User\":\"nobody\",\"WorkingDir\":\"/srv\"}");
    free(text);
    json_decref(likeness);
    likeness = json_pack("{s:s}", "Image", "web:1.2"); /* nothing is known of the old image */
    engine_vary(likeness, NULL, "web", &musl);
    assert_int_equal(json_object_size(json_object_get(likeness, "Labels")), 2);
    json_decref(likeness);
    json_decref(old);
}

/* A socket on which nobody ever answers. */
static int silent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void who_is_silent_is_given_up(void **state)
{
    (void)state;
    struct error err;
    char path[] = "/tmp/skink-silent-XXXXXX", address[64];
    assert_non_null(mkdtemp(path));
    char name[64];
    snprintf(name, sizeof name, "%s/socket", path);
    int fd = silent(name);
    struct measure_target target = {.workload = {.id = "abc"}, .engine_socket = name};
    uint64_t begun = clock_monotonic();
    assert_int_equal(engine_start_like(&target, "new", address, sizeof address, &err), -1);
    assert_non_null(strstr(err.text, "no answer within"));
    assert_null(haproxy_ask(name, "show stat", NS_PER_S / 10, &err));
    assert_non_null(strstr(err.text, "does not answer in time"));
    assert_true(clock_monotonic() - begun < MEASURE_TIME_OUT + NS_PER_S);
    close(fd);
    unlink(name);
    rmdir(path);
}

/* ---- a map of nftables ---- */

static void elements_are_led_elsewhere(void **state)
{
    (void)state;
    char *forth, *back;
    json_t *listed = json_loads(
        "{\"nftables\": [{\"metainfo\": {}}, {\"map\": {\"elem\": [[\"10.9.0.1\", \"10.0.0.1\"],"
        " [{\"concat\": [\"10.9.0.2\", 80]}, {\"concat\": [\"10.0.0.1\", 8000]}],"
        " [\"10.9.0.3\", \"10.0.0.2\"], [\"x\", {\"range\": 1}], 7]}}]}",
        0, NULL);
    assert_int_equal(remap_changes(listed, "ip nat vips", "10.0.0.1", "10.0.0.3", &forth, &back),
                     2);
    assert_string_equal(forth, "delete element ip nat vips { 10.9.0.1 : 10.0.0.1 }\n"
                               "add element ip nat vips { 10.9.0.1 : 10.0.0.3 }\n"
                               "delete element ip nat vips { 10.9.0.2 . 80 : 10.0.0.1 . 8000 }\n"
                               "add element ip nat vips { 10.9.0.2 . 80 : 10.0.0.3 . 8000 }\n");
    assert_non_null(strstr(back, "add element ip nat vips { 10.9.0.1 : 10.0.0.1 }\n"));
    free(forth);
    free(back);
    assert_int_equal(remap_changes(listed, "ip nat vips", "10.0.0.9", "10.0.0.3", &forth, &back),
                     0);
    assert_null(forth);
    json_decref(listed);
}

/* ---- commands ---- */

static int run(const char *command, char *said, struct error *err)
{
    static const struct measure_target target = {.workload = {.name = "web-1", .service = "web"}};
    return hook_run(command, &target, NS_PER_S / 2, said, 64, err);
}

static void commands_say_where(void **state)
{
    (void)state;
    char said[64];
    struct error err;
    assert_int_equal(run("echo $SKINK_SERVICE/$SKINK_REPLICA; echo more", said, &err), 0);
    assert_string_equal(said, "web/web-1");
    assert_int_equal(run("exit 3", said, &err), -1);
    assert_non_null(strstr(err.text, "status 3"));
    assert_int_equal(run("head -c 100000 /dev/zero", said, &err), 0);
}

static void commands_that_hang_are_ended(void **state)
{
    (void)state;
    char said[64];
    struct error err;
    uint64_t begun = clock_monotonic();
    assert_int_equal(run("sleep 60 & sleep 60", said, &err), -1);
    assert_non_null(strstr(err.text, "in time"));
    assert_true(clock_monotonic() - begun < 2 * NS_PER_S);
    /* What is left in the background is the new replica. */
    assert_int_equal(run("sleep 0.1 & echo up", said, &err), 0);
    assert_string_equal(said, "up");
}

/* A process has ended, and its number has become another's: nothing is done to that one. */
static void whoever_has_the_number_is_left_alone(void **state)
{
    struct cgroup_place place;
    struct error err;
    struct workload workload = {.name = "web_1", .pid = getpid(), .cgroup_path = "/skink-none"};
    json_t *token = json_object();
    uint8_t addresses[4][16];
    (void)state;
    assert_int_equal(held_open(&workload, &err), -1);
    assert_non_null(strstr(err.text, "not in its cgroup"));
    assert_int_equal(cgroup_place(&workload, "freezer", &place, &err), -1);
    assert_non_null(strstr(err.text, "not in its cgroup"));
    const struct measure_target target = {.workload = workload};
    assert_int_equal(token_network(token, &target, &err), -1);
    assert_int_equal(json_object_size(token), 0);
    assert_int_equal(held_addresses(&workload, addresses, 4, &err), -1);
    json_decref(token);
}

/* Its number is free for another only when the pidfd says so. */
static void an_ended_process_is_no_more_held(void **state)
{
    struct workload workload = {.name = "web_1"};
    struct error err;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    int held = (int)syscall(SYS_pidfd_open, child, 0);
    waitpid(child, NULL, 0);
    assert_int_equal(held_lives(held, &workload, &err), -1);
    close(held);
    held = (int)syscall(SYS_pidfd_open, getpid(), 0);
    assert_int_equal(held_lives(held, &workload, &err), 0);
    close(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_drawn_from_its_range),
        cmocka_unit_test(a_value_worked_out_by_hand),
        cmocka_unit_test(nothing_is_done_for_nothing),
        cmocka_unit_test(more_belief_never_chooses_the_weaker),
        cmocka_unit_test(the_minimum_goes_on_serving),
        cmocka_unit_test(what_cannot_be_undone_needs_belief_or_a_person),
        cmocka_unit_test(what_cannot_be_undone_needs_a_quorum),
        cmocka_unit_test(the_budget_bounds_what_restarts),
        cmocka_unit_test(outcomes_are_learned),
        cmocka_unit_test(losers_are_recorded),
        cmocka_unit_test(names_of_measures),
        cmocka_unit_test(servers_are_found),
        cmocka_unit_test(who_is_down_gets_no_requests),
        cmocka_unit_test(a_likeness_has_an_address_of_its_own),
        cmocka_unit_test(another_image_brings_its_own_settings),
        cmocka_unit_test(who_is_silent_is_given_up),
        cmocka_unit_test(elements_are_led_elsewhere),
        cmocka_unit_test(commands_say_where),
        cmocka_unit_test(commands_that_hang_are_ended),
        cmocka_unit_test(whoever_has_the_number_is_left_alone),
        cmocka_unit_test(an_ended_process_is_no_more_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
