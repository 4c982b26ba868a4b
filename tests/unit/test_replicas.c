/* agent: what replicas are taken for, and what is lost of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "base/memory.h"
#include "watched_cgroup.h"

static struct watched *replica(struct service *service, const char *project)
{
    struct watched *watched = memory_must(calloc(1, sizeof *watched));
    watched->service = service;
    snprintf(watched->workload.project, sizeof watched->workload.project, "%s", project);
    return watched;
}

static void projects_of_one_service_are_noticed(void **state)
{
    (void)state;
    struct service web = {.name = "web", .version = "1"};
    struct service newer = {.name = "web", .version = "2"};
    struct service database = {.name = "database", .version = "1"};
    struct agent *agent = memory_must(calloc(1, sizeof *agent));
    agent->watched[0] = replica(&web, "shop");
    agent->watched[1] = replica(&web, "shop");
    agent->watched[3] = replica(&database, "blog");
    agent->watched[4] = replica(&web, ""); /* named by a rule, or no Compose service */
    agent->watched[5] = replica(NULL, "blog");
    for (uint32_t i = 0; i < 5; i++)
        if (agent->watched[i])
            assert_null(namesakes_find(agent, agent->watched[i]));

    /* Its version differs, but what it is has one name. */
    agent->watched[6] = replica(&newer, "blog");
    assert_ptr_equal(namesakes_find(agent, agent->watched[6]), agent->watched[0]);
    namesakes_warn(agent, agent->watched[6]);
    assert_true(web.namesakes_told && newer.namesakes_told && !database.namesakes_told);
    for (uint32_t i = 0; i < 7; i++)
        free(agent->watched[i]);
    free(agent);
}

/* A newcomer's reports wait until it is recognised. The ones that find no room are lost to whatever
 * becomes of it: learned or judged. */
static void what_is_not_kept_of_a_newcomer_is_counted(void **state)
{
    (void)state;
    const struct probe_options options = {.files = true};
    const struct probe_hooks hooks = {0};
    struct watched_cgroup own;
    if (!watched_cgroup_open(&own, options, &hooks, MODE_LEARN)) {
        skip();
        return; /* which skip() never comes to; the analyzer does not know */
    }
    const struct replica *place = probe_replica(own.probe, own.replica);
    const struct event_head head = {.replica = own.replica, .generation = place->generation};
    const struct report report = {.head = head, .pattern = PATTERN_WINDOW};
    const struct access_event access = {.head = head, .kind = ACCESS_READ};
    struct watched *watched = replica(NULL, "");
    struct agent *agent = memory_must(calloc(1, sizeof *agent));
    watched->generation = place->generation;
    agent->probe = own.probe;
    agent->watched[own.replica] = watched;
    for (int i = 0; i < HELD; i++) {
        replicas_report(agent, &report);
        accesses_report(agent, &access);
    }
    assert_int_equal(place->counters.lost.reports, 0);
    for (int i = 0; i < 3; i++)
        replicas_report(agent, &report);
    accesses_report(agent, &access);
    assert_int_equal(place->counters.lost.reports, 4);
    free(watched->held);
    free(watched->held_accesses);
    free(watched);
    free(agent);
    watched_cgroup_close(&own);
}

static void heard(void *context, const struct cgroup_event *event)
{
    replicas_cgroup(context, event);
}

/* The engine's word and the kernel's come by two ways: the same container, whichever is first. */
static void a_newcomer_that_its_engine_tells_of_first(void **state)
{
    (void)state;
    struct error err;
    struct watched_cgroup own;
    struct agent *agent = memory_must(calloc(1, sizeof *agent));
    const struct probe_options options = {.newcomers = true};
    const struct probe_hooks hooks = {.cgroup = heard, .context = agent};
    if (!watched_cgroup_open(&own, options, &hooks, MODE_LEARN)) {
        free(agent);
        skip();
        return;
    }
    struct workload web = {.name = "web-1", .service = "web"};
    snprintf(web.cgroup_path, sizeof web.cgroup_path, "/%s-newcomer", own.path);
    struct profile *profile = profile_new("web", "-", 6, 6);
    struct service service = {
        .name = "web", .version = "-", .mode = MODE_LEARN, .table = own.table, .profile = profile};
    agent->services = &service;
    agent->probe = own.probe;
    assert_int_equal(cgroup_make(&own.hierarchy, web.cgroup_path + 1, &web.cgroup, &err), 0);
    uint32_t place = probe_replica_of(own.probe, web.cgroup);
    assert_int_not_equal(place, PROBE_NONE);

    replicas_workload(agent, &web);
    assert_non_null(agent->watched[place]);
    assert_true(agent->watched[place]->starting); /* from its first call on */
    assert_true(probe_consume(own.probe, &err) >= 0);
    assert_int_equal(probe_replica_of(own.probe, web.cgroup), place);
    assert_int_equal(service.replicas, 1);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        assert_true(i == place ? agent->watched[i] != NULL : agent->watched[i] == NULL);

    /* And nothing comes to life again of one that has gone before its beginning was heard. */
    assert_int_equal(cgroup_remove(&own.hierarchy, web.cgroup_path + 1, &err), 0);
    assert_true(probe_consume(own.probe, &err) >= 0);
    assert_null(agent->watched[place]);
    assert_int_equal(service.replicas, 0);
    profile_free(profile);
    free(agent);
    watched_cgroup_close(&own);
}

/* Each loss is counted once, as what it is: the profile may lack some, an alert tells of all. */
static void losses_are_told_apart(void **state)
{
    (void)state;
    struct replica_counters now = {.calls = 7,
                                   .lost = {.reports = 1,
                                            .quota = 2,
                                            .table = 4,
                                            .storage = 8,
                                            .process = 16,
                                            .paths = 32,
                                            .calls = 64,
                                            .flows = 128}};
    struct tally counted = {0};
    struct tally more = tally_take(&counted, &now);
    assert_int_equal(more.calls, 7);
    assert_int_equal(more.lost, 1 + 2 + 4 + 8);
    assert_int_equal(more.processes, 16);
    assert_int_equal(more.paths, 32);
    now.lost.paths++;
    more = tally_take(&counted, &now);
    assert_int_equal(more.calls + more.lost + more.processes, 0);
    assert_int_equal(more.paths, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projects_of_one_service_are_noticed),
        cmocka_unit_test(what_is_not_kept_of_a_newcomer_is_counted),
        cmocka_unit_test(a_newcomer_that_its_engine_tells_of_first),
        cmocka_unit_test(losses_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
