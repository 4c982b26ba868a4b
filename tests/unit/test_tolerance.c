/* What the daemon's tolerance capacity is fed with: evidence of alerts, files of vulnerabilities
 * that change while it runs, lives of replicas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/evidence.h"
#include "agent/known.h"
#include "agent/life.h"
#include "base/clock.h"

#define HOUR (3600 * NS_PER_S)

static void near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error))
        fail_msg("%.9g is not %.9g", value, expected);
}

/* ---- evidence ---- */

static void test_belief(void **state)
{
    struct evidence evidence = {0};
    (void)state;
    near(evidence_belief(&evidence, 7, HOUR, HOUR), 0, 0);
    evidence_note(&evidence, "a1", 7, 0.5, true, HOUR);
    evidence_note(&evidence, "a1", 7, 0.6, true, HOUR); /* it has grown */
    evidence_note(&evidence, "a2", 7, 0.5, true, HOUR);
    evidence_note(&evidence, "a3", 8, 0.9, true, HOUR);
    near(evidence_belief(&evidence, 7, HOUR, 9 * HOUR), 0.8, 1e-9);
    near(evidence_belief(&evidence, 8, HOUR, 9 * HOUR), 0.9, 1e-9);
    near(evidence_sum(&evidence, HOUR, 9 * HOUR), 2, 1e-9);
    evidence_note(&evidence, "a1", 7, 0.6, false, 9 * HOUR);
    evidence_note(&evidence, "a2", 7, 0.5, false, 9 * HOUR);
    near(evidence_belief(&evidence, 7, HOUR, 10 * HOUR),
         1 - (1 - 0.6 * exp(-1)) * (1 - 0.5 * exp(-1)), 1e-9);
    near(evidence_belief(&evidence, 9, HOUR, 10 * HOUR), 0, 0); /* its successor */
}

static void test_evidence_is_bounded(void **state)
{
    struct evidence evidence = {0};
    char id[32];
    (void)state;
    for (uint64_t i = 1; i <= 10 * EVIDENCE_KEPT; i++) {
        snprintf(id, sizeof id, "a%d", (int)i);
        evidence_note(&evidence, id, i, 0.5, true, i);
    }
    near(evidence_belief(&evidence, 10 * EVIDENCE_KEPT, HOUR, HOUR), 0.5, 1e-9);
    near(evidence_belief(&evidence, 9 * EVIDENCE_KEPT, HOUR, HOUR), 0, 0);
    near(evidence_sum(&evidence, HOUR, HOUR), 0.5 * EVIDENCE_KEPT, 1e-9);
}

/* What one daemon has noted as the next one knows it. */
static struct evidence recalled(const struct evidence *evidence, bool same_boot, uint64_t memory,
                                uint64_t at)
{
    struct evidence next = {0};
    json_t *pieces = evidence_json(evidence);
    evidence_recall(&next, pieces, same_boot, memory, at);
    json_decref(pieces);
    return next;
}

static void test_evidence_outlives_the_daemon(void **state)
{
    struct evidence evidence = {0};
    uint64_t at = clock_monotonic();
    (void)state;
    evidence_note(&evidence, "a1", 7, 0.8, false, at - NS_PER_S);
    evidence_note(&evidence, "a2", 8, 0.6, true, at - NS_PER_S);
    struct evidence next = recalled(&evidence, true, 10 * NS_PER_S, at);
    near(evidence_belief(&next, 7, 10 * NS_PER_S, at), 0.8 * exp(-0.1), 1e-9);
    /* Nobody follows the open one any more; a third daemon does not make it younger. */
    near(evidence_belief(&next, 8, 10 * NS_PER_S, at), 0.6, 1e-9);
    next = recalled(&next, true, 10 * NS_PER_S, at + 10 * NS_PER_S);
    near(evidence_belief(&next, 8, 10 * NS_PER_S, at + 10 * NS_PER_S), 0.6 * exp(-1), 1e-9);
    evidence_note(&next, "a2", 8, 0.9, true, at + 10 * NS_PER_S);
    near(evidence_belief(&next, 8, 10 * NS_PER_S, at + 10 * NS_PER_S), 0.9, 1e-9);
}

/* After a boot no replica is the same one, and the clock has begun anew; attacks still count. */
static void test_evidence_outlives_the_host(void **state)
{
    struct evidence evidence = {0};
    (void)state;
    evidence_note(&evidence, "a1", 7, 0.8, false, clock_monotonic() - HOUR / 2);
    struct evidence next = recalled(&evidence, false, HOUR, HOUR / 4); /* up for so long */
    near(evidence_belief(&next, 7, HOUR, HOUR / 4), 0, 0);
    near(evidence_sum(&next, HOUR, HOUR / 4), 0.8 * exp(-0.5), 1e-3);
    next = recalled(&evidence, false, HOUR, 2 * HOUR);
    near(evidence_sum(&next, HOUR, 2 * HOUR), 0.8 * exp(-0.5), 1e-3);
}

static void test_what_is_no_evidence_is_left_out(void **state)
{
    static const char *const TEXTS[] = {"{}", "[1, null, {}, [], {\"alert\": 7}]",
                                        "[{\"alert\": \"\", \"score\": 1}]",
                                        "[{\"alert\": \"a\", \"score\": -7, \"told\": -1}]",
                                        "[{\"alert\": \"a\", \"score\": \"1\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct evidence evidence = {0};
        json_t *pieces = json_loads(TEXTS[i], 0, NULL);
        assert_non_null(pieces);
        evidence_recall(&evidence, pieces, true, HOUR, HOUR);
        near(evidence_sum(&evidence, HOUR, HOUR), 0, 0);
        json_decref(pieces);
    }
}

/* ---- files ---- */

static char directory[] = "/tmp/test_tolerance_XXXXXX";
static uint64_t now = HOUR; /* goes on by itself: files are looked at now and then */

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void wait_for_news(struct known *known, const struct config *config)
{
    for (int i = 0; i < 500; i++) {
        now += 6 * NS_PER_S;
        if (known_tick(known, config, now))
            return;
        usleep(10000);
    }
    fail_msg("nothing new was read");
}

static size_t count_of(const struct known *known, const char *service)
{
    struct vulnerabilities all = known_of(known, service);
    size_t count = all.count;
    vulnerabilities_free(&all);
    return count;
}

/* The member of the first file. */
static void first_file(const struct known *known, const char *member, char *text, size_t size)
{
    json_t *files = known_files(known, HOUR, clock_realtime());
    json_t *value = json_object_get(json_array_get(files, 0), member);
    snprintf(text, size, "%s",
             json_is_string(value) ? json_string_value(value)
             : json_is_true(value) ? "true"
                                   : "false");
    json_decref(files);
}

static void test_files_that_change(void **state)
{
    static const char YAML[] =
        "vulnerabilities: {epss: epss.csv, scans: [{file: a.json, service: w*},"
        "{file: b.json, osv: osv.json}]}\n";
    char text[1024];
    struct error err;
    struct known *known = known_new();
    (void)state;
    assert_non_null(mkdtemp(directory));
    put("a.json", "{\"matches\":[{\"vulnerability\":{\"id\":\"CVE-2024-1\"}}],"
                  "\"descriptor\":{\"timestamp\":\"2025-01-01\"}}");
    put("b.json", "{\"bomFormat\":\"CycloneDX\",\"components\":[{\"purl\":\"pkg:pypi/a@1\"}]}");
    put("osv.json", "{\"id\":\"CVE-2024-2\",\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\","
                    "\"name\":\"a\"},\"versions\":[\"1\"]}]}");
    put("epss.csv", "cve,epss,percentile\nCVE-2024-1,0.5,0.9\n");
    struct config *config = config_parse(YAML, strlen(YAML), "f.yml", &err);
    assert_non_null(config);
    free(config->state_dir);
    config->state_dir = strdup(directory);

    wait_for_news(known, config);
    assert_int_equal(count_of(known, "web"), 2);
    assert_int_equal(count_of(known, "db"), 1);
    struct vulnerabilities web = known_of(known, "web");
    near(web.list[0].epss, 0.5, 1e-12);
    vulnerabilities_free(&web);
    first_file(known, "stale", text, sizeof text);
    assert_string_equal(text, "true");

    put("a.json", "nonsense");
    wait_for_news(known, config);
    assert_int_equal(count_of(known, "web"), 2); /* what it said before */
    first_file(known, "error", text, sizeof text);
    assert_non_null(strstr(text, "a.json:1:"));

    put("a.json", "{\"matches\":[]}");
    wait_for_news(known, config);
    assert_int_equal(count_of(known, "web"), 1);
    first_file(known, "stale", text, sizeof text);
    assert_string_equal(text, "false"); /* as new as its file */

    config_free(config);
    known_free(known);
    const char *const names[] = {"a.json", "b.json", "osv.json", "epss.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "%s/%s", directory, names[i]);
        unlink(text);
    }
    rmdir(directory);
}

/* ---- lives ---- */

/* This very process, in whatever cgroups it is. */
static void test_life(void **state)
{
    struct cgroup_hierarchy hierarchy;
    struct workload workload = {.pid = getpid()};
    struct life life = {0};
    struct error err;
    uint64_t first = clock_monotonic();
    (void)state;
    if (cgroup_hierarchy_find(&hierarchy, &err) < 0)
        skip();
    assert_true(life_look(&life, NULL, &hierarchy, &workload, "/none", first, NULL, first));
    assert_false(
        life_look(&life, NULL, &hierarchy, &workload, "/none", first, NULL, first + NS_PER_S));
    assert_true(life_age(&life, first) < 60);
    near(life_age(&life, first + 60 * NS_PER_S) - life_age(&life, first), 60, 1e-6);
    assert_true(isinf(life.lifetime.scale));
    assert_string_equal(life.ends_by, "");
    /* A process that nobody knows is as old as its cgroup. */
    struct life other = {0};
    workload.pid = 0;
    assert_true(
        life_look(&other, NULL, &hierarchy, &workload, "/none", first, NULL, first + 5 * NS_PER_S));
    near(life_age(&other, first + 5 * NS_PER_S), 5, 1e-6);
}

/* Its answers take 0.1 ms longer every second: at 4900 s of age they take half a second. */
static void test_latency_ends_a_life(void **state)
{
    const struct cgroup_hierarchy hierarchy = {.v2 = true, .mount = "/none"};
    const struct workload workload = {.pid = 0};
    struct life life = {0};
    uint64_t first = 3600 * NS_PER_S;
    (void)state;
    for (int second = 0; second <= 1200; second += 10) {
        const struct usage latency = {.used = 0.01 + 1e-4 * second, .limit = 0.5};
        life_look(&life, NULL, &hierarchy, &workload, "/none", first, &latency,
                  first + (uint64_t)second * NS_PER_S);
    }
    assert_string_equal(life.ends_by, "latency");
    near(life.lifetime.scale * pow(-log(0.5), 1 / life.lifetime.shape), 4900, 1);
    life_look(&life, NULL, &hierarchy, &workload, "/none", first, NULL, first + 1300 * NS_PER_S);
    assert_string_equal(life.ends_by, ""); /* its limit has gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_belief),
        cmocka_unit_test(test_evidence_is_bounded),
        cmocka_unit_test(test_evidence_outlives_the_daemon),
        cmocka_unit_test(test_evidence_outlives_the_host),
        cmocka_unit_test(test_what_is_no_evidence_is_left_out),
        cmocka_unit_test(test_files_that_change),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_latency_ends_a_life),
    };
    return cmocka_run_group_tests_name("tolerance", tests, NULL, NULL);
}
