/* campaign: the file, the schedule that a seed draws, command lines, programs that run beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "campaign/child.h"
#include "campaign/path.h"
#include "campaign/play.h"
#include "campaign/programs.h"
#include "campaign/truth.h"
#include "campaign/words.h"

static struct campaign *parse(const char *text)
{
    struct error err;
    struct campaign *campaign = campaign_parse(text, strlen(text), "c.yml", &err);
    if (!campaign)
        fail_msg("%s", err.text);
    return campaign;
}

static void refused(const char *text, const char *message)
{
    struct error err = {.text = ""};
    assert_null(campaign_parse(text, strlen(text), "c.yml", &err));
    assert_string_equal(err.text, message);
    assert_int_equal(err.code, EXIT_USAGE);
}

/* ---- the file ---- */

static void every_key_is_read(void **state)
{
    (void)state;
    struct campaign *campaign = parse("name: all\nabout: of it\nseed: 9\nrecord: false\n"
                                      "results: true\nshuffle: true\ngap: 3s..5s\ntimeout: 7s\n"
                                      "load: {shoppers: 0, think: 0.25, day: 1m}\n"
                                      "learn: {training: 8s, validation: 4s, wait: 2s}\n"
                                      "system: {name: mine, containers: 'web-*'}\n"
                                      "steps:\n"
                                      "  - attack: ssrf\n    arguments: -p 1\n    aside: true\n"
                                      "    times: 2\n    replica: media-1\n    after: 1s..2s\n"
                                      "  - scale: cart\n    count: 3\n    at: 90s\n"
                                      "  - deploy: front\n    version: '2.0'\n"
                                      "  - break: stock-1\n    fault: hang\n    seconds: 1.5\n"
                                      "  - benign: 2h\n");
    assert_string_equal(campaign->about, "of it");
    assert_int_equal(campaign->seed, 9);
    assert_true(!campaign->record && campaign->results && campaign->shuffle);
    assert_int_equal(campaign->gap.least, 3 * NS_PER_S);
    assert_int_equal(campaign->gap.most, 5 * NS_PER_S);
    assert_int_equal(campaign->timeout, 7 * NS_PER_S);
    assert_int_equal(campaign->shoppers, 0);
    assert_int_equal(campaign->training, 8 * NS_PER_S);
    assert_int_equal(campaign->wait, 2 * NS_PER_S);
    assert_string_equal(campaign->system.name, "mine");
    assert_string_equal(campaign->system.containers, "web-*");
    assert_int_equal(campaign->step_count, 5);
    const struct campaign_step *step = campaign->steps;
    assert_true(step[0].aside && step[0].times == 2 && step[0].after.most == 2 * NS_PER_S);
    assert_true(step[1].count == 3 && step[1].times == 1 && step[1].at.least == 90 * NS_PER_S);
    assert_string_equal(step[2].version, "2.0");
    assert_string_equal(step[3].fault, "hang");
    assert_int_equal(step[4].benign, 7200 * NS_PER_S);
    campaign_free(campaign);
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("name: a\nsteps: []\nseeds: 3\n", "c.yml:3: seeds: unknown key (did you mean seed?)");
    refused("name: a\n", "c.yml:1: steps: is missing");
    refused("name: a/b\nsteps: []\n",
            "c.yml:1: name: \"a/b\" has more than letters, digits, - and _");
    refused("name: a\nsteps:\n- attack: x\n  scale: y\n",
            "c.yml:4: steps[0].scale: a step is one thing (attack, scale, deploy, break, benign)");
    refused("name: a\nsteps:\n- scale: x\n", "c.yml:3: steps[0].count: is missing");
    refused("name: a\nsteps:\n- attack: x\n  version: 2\n",
            "c.yml:4: steps[0].version: belongs to a step that is a deploy");
    refused("name: a\nsteps:\n- attack: x\n- attack: x\n  replica: x-1\n"
            "system:\n  attack: \"try {attack}\"\n",
            "c.yml:7: system: attack has no {replica}, which steps[1] needs");
    refused("name: a\ngap: 5s..3s\nsteps: []\n", "c.yml:2: gap: \"5s..3s\" ends before it begins");
    refused("name: a\ngap: 5\nsteps: []\n",
            "c.yml:2: gap: \"5\" is not a duration such as 10s, 500ms or 2h (a time such as "
            "20s, or a range such as 20s..30s)");
    refused("", "c.yml: no campaign is in it");
}

static void the_campaigns_of_the_testbed_are_whole(void **state)
{
    static const char *const NAMES[] = {"smoke", "attacks", "benign"};
    (void)state;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct error err;
        char path[1024];
        snprintf(path, sizeof path, "%s/testbed/campaigns/%s.yml", getenv("SKINK_SOURCE"),
                 NAMES[i]);
        struct campaign *campaign = campaign_load(path, &err);
        if (!campaign || campaign_check(campaign, "testbed", &err) < 0)
            fail_msg("%s", err.text);
        campaign_free(campaign);
    }
}

/* ---- the schedule ---- */

#define SHUFFLED                                                                               \
    "name: s\nseed: %d\nshuffle: true\ngap: 10s..20s\nsteps:\n"                                \
    "- attack: a\n- attack: b\n- scale: x\n  count: 2\n- attack: c\n  times: 3\n- attack: d\n" \
    "  at: 1m..2m\n"

/* The ids and times (ms) of a schedule, in order. */
static char *draw(int seed)
{
    char text[512], *drawn = NULL;
    size_t size;
    struct timetable timetable;
    snprintf(text, sizeof text, SHUFFLED, seed);
    struct campaign *campaign = parse(text);
    timetable_make(campaign, &timetable);
    assert_int_equal(timetable.count, 7);
    assert_string_equal(timetable.steps[2].id, "03-scale-x"); /* changes stay */
    FILE *out = open_memstream(&drawn, &size);
    for (size_t i = 0; i < timetable.count; i++) {
        const struct scheduled *one = &timetable.steps[i];
        bool absolute = strcmp(step_name(one->step), "d") == 0;
        uint64_t ms = (absolute ? one->at : one->after) / NS_PER_MS;
        assert_in_range(ms, absolute ? 60000 : 10000, absolute ? 120000 : 20000);
        fprintf(out, "%s%s %llu", i ? ", " : "", one->id, (unsigned long long)ms);
    }
    fclose(out);
    timetable_clear(&timetable);
    campaign_free(campaign);
    return drawn;
}

static void a_seed_draws_one_schedule(void **state)
{
    (void)state;
    autofree char *one = draw(1), *same = draw(1), *other = draw(2);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
}

/* What a seed draws is part of a data set: it must not change with a version. */
static void seed_7_is_drawn_as_ever(void **state)
{
    (void)state;
    autofree char *drawn = draw(7);
    assert_string_equal(drawn, "01-d 74966, 02-c 14679, 03-scale-x 13281, 04-b 11342, 05-c 14131, "
                               "06-a 11035, 07-c 19599");
}

static void every_attack_is_still_there_after_shuffling(void **state)
{
    (void)state;
    for (int seed = 0; seed < 50; seed++) {
        autofree char *drawn = draw(seed);
        size_t found[4] = {0};
        for (const char *at = drawn; (at = strchr(at, '-')); at++)
            if (at[2] == ' ' && at[1] <= 'd') /* not the x that is scaled */
                found[at[1] - 'a']++;
        assert_true(found[0] == 1 && found[1] == 1 && found[2] == 3 && found[3] == 1);
    }
}

static void names_become_parts_of_paths(void **state)
{
    (void)state;
    char to[32];
    assert_string_equal(path_part("../etc", to, sizeof to), "-.-etc");
    assert_string_equal(path_part("cart-1", to, sizeof to), "cart-1");
    assert_string_equal(path_part("a b\xff", to, sizeof to), "a-b-");
}

/* ---- command lines ---- */

static void templates_become_words(void **state)
{
    (void)state;
    struct error err;
    const struct value values[] = {{"name", "a b; rm", false},
                                   {"arguments", "-p  1", true},
                                   {"none", NULL, false},
                                   {NULL, NULL, false}};
    char **words = words_make("run  --name={name} {none} --of={none} {arguments} x", values, &err);
    const char *expected[] = {"run", "--name=a b; rm", "-p", "1", "x", NULL};
    for (size_t i = 0; expected[i]; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[5]);
    words_free(words);
    assert_null(words_make("run {nobody}", values, &err));
    assert_string_equal(err.text, "\"{nobody}\": nothing can stand for {nobody}");
    assert_null(words_make("run a{arguments}", values, &err));
    assert_null(words_make("run {name", values, &err));
    assert_null(words_make(" {none} ", values, &err));
}

static void a_step_becomes_its_program(void **state)
{
    (void)state;
    struct error err;
    struct campaign *campaign = parse("name: a\nsteps:\n- attack: ssrf\n  arguments: --pause 1\n");
    char **words = program_of_step(campaign, "/t", &campaign->steps[0], &err);
    const char *expected[] = {"/t/attacks/ssrf.py", "--name", "shop", "--pause", "1", NULL};
    for (size_t i = 0; expected[i]; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[5]);
    words_free(words);
    campaign_free(campaign);
    campaign = parse("name: a\nsteps:\n- attack: ssrf\n  replica: media-2\n");
    words = program_of_step(campaign, "/t", &campaign->steps[0], &err);
    assert_string_equal(words[3], "--replica=media-2");
    assert_null(words[4]);
    words_free(words);
    campaign_free(campaign);
}

/* ---- programs ---- */

static void run_shell(struct child *child, const char *script)
{
    struct error err;
    char *copy = strdup(script);
    char *words[] = {(char[]){"sh"}, (char[]){"-c"}, copy, NULL};
    assert_int_equal(child_start(child, words, &err), 0);
    free(copy);
}

static void wait_end(struct child *child)
{
    for (int i = 0; i < 500 && !child_ended(child); i++)
        poll(NULL, 0, 10);
    assert_true(child_ended(child));
}

static void what_a_program_prints_is_kept(void **state)
{
    (void)state;
    struct child child;
    char why[64];
    run_shell(&child, "echo out; echo one >&2; echo two >&2; exit 3");
    wait_end(&child);
    assert_string_equal(child.text, "out\n");
    assert_false(child_succeeded(&child));
    assert_string_equal(child_why(&child, why, sizeof why), "exit code 3: two");
    child_clear(&child);
    run_shell(&child, "yes 0123456789 | head -n 100000; echo '{\"last\": 1}'");
    wait_end(&child);
    assert_int_equal(child.length, CHILD_OUTPUT);
    json_t *last = truth_last_object(child.text);
    assert_int_equal(json_integer_value(json_object_get(last, "last")), 1);
    json_decref(last);
    child_clear(&child);
}

static void a_program_ends_with_its_children(void **state)
{
    (void)state;
    struct child child;
    run_shell(&child, "trap '' TERM; sleep 60 & echo $!; wait; wait");
    while (child.length == 0) {
        poll(NULL, 0, 5);
        child_read(&child);
    }
    pid_t grandchild = (pid_t)strtol(child.text, NULL, 10);
    child_end(&child, 100);
    assert_int_equal(child.pid, 0);
    assert_false(child_succeeded(&child));
    for (int i = 0; i < 500 && kill(grandchild, 0) == 0; i++)
        poll(NULL, 0, 10);
    assert_int_equal(kill(grandchild, 0), -1);
    child_clear(&child);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct child child;
    struct error err;
    char *words[] = {(char[]){"/nowhere/at/all"}, NULL};
    assert_int_equal(child_start(&child, words, &err), -1);
    assert_string_equal(err.text, "/nowhere/at/all: cannot be started: No such file or directory");
}

/* ---- the truth ---- */

static void an_attack_says_where_it_was(void **state)
{
    (void)state;
    struct campaign *campaign = parse("name: a\nsteps:\n- attack: ssrf\n  aside: true\n");
    const struct scheduled scheduled = {.step = campaign->steps, .id = "01-ssrf"};
    const struct outcome outcome = {.word = "done", .begin = NS_PER_S, .end = 3 * NS_PER_S};
    json_t *line =
        truth_step(&scheduled, &outcome,
                   "noise\n{\"begin\": 1.5, \"entry\": \"media\", \"path\": [\"edge\"]}\n");
    autofree char *text = json_dumps(line, JSON_COMPACT);
    assert_string_equal(
        text, "{\"step\":\"01-ssrf\",\"kind\":\"attack\",\"name\":\"ssrf\","
              "\"begin\":\"1970-01-01T00:00:01.500000Z\",\"end\":\"1970-01-01T00:00:03.000000Z\","
              "\"outcome\":\"done\",\"aside\":true,\"succeeded\":true,\"entry\":\"media\","
              "\"path\":[\"edge\"],\"replicas\":null,\"touches\":null,\"technique\":null,"
              "\"evidence\":null}");
    json_decref(line);
    const struct outcome failed = {.word = "failed", .why = "signal 9"};
    line = truth_step(&scheduled, &failed, "{\"succeeded\": true}");
    assert_true(json_is_false(json_object_get(line, "succeeded")));
    assert_string_equal(json_string_value(json_object_get(line, "why")), "signal 9");
    json_decref(line);
    campaign_free(campaign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(the_campaigns_of_the_testbed_are_whole),
        cmocka_unit_test(a_seed_draws_one_schedule),
        cmocka_unit_test(seed_7_is_drawn_as_ever),
        cmocka_unit_test(every_attack_is_still_there_after_shuffling),
        cmocka_unit_test(names_become_parts_of_paths),
        cmocka_unit_test(templates_become_words),
        cmocka_unit_test(a_step_becomes_its_program),
        cmocka_unit_test(what_a_program_prints_is_kept),
        cmocka_unit_test(a_program_ends_with_its_children),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(an_attack_says_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
