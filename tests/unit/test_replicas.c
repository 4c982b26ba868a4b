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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projects_of_one_service_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
