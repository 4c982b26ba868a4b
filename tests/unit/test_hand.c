/* The hand: who stops the process that carries a measure out holds nobody up. */
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
#include <unistd.h>

#include "agent/hand.h"
#include "base/clock.h"

#define PATIENCE (NS_PER_S / 2)

/* A directory, and a configuration in it by which `revoke` runs this command there. */
struct world {
    char directory[32], settings[64], said[64];
    struct config *config;
    struct hand *hand;
    struct measure_target target;
};

static void set_up(struct world *world, const char *command)
{
    struct error err;
    memset(world, 0, sizeof *world);
    snprintf(world->directory, sizeof world->directory, "/tmp/skink-hand-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->settings, sizeof world->settings, "%s/skink.yml", world->directory);
    snprintf(world->said, sizeof world->said, "%s/said", world->directory);
    FILE *file = fopen(world->settings, "we");
    assert_non_null(file);
    fprintf(file, "services:\n  web:\n    respond:\n      revoke: cd %s; %s\n", world->directory,
            command);
    fclose(file);
    world->config = config_load(world->settings, &err);
    assert_non_null(world->config);
    world->hand = hand_start(world->config, &err);
    assert_non_null(world->hand);
    snprintf(world->target.workload.service, sizeof world->target.workload.service, "web");
}

static void tear_down(struct world *world)
{
    hand_stop(world->hand);
    config_free(world->config);
    unlink(world->said);
    unlink(world->settings);
    rmdir(world->directory);
}

static int order(const struct world *world, struct error *err)
{
    int fd = hand_carry_out(world->hand, measure_find("revoke"), &world->target, err);
    assert_true(fd >= 0);
    return fd;
}

static int outcome(int fd, struct error *err)
{
    static const struct measure_kernel NONE = {.context = NULL};
    return hand_outcome(fd, PATIENCE, &NONE, NULL, err);
}

/* The number that the command wrote. */
static pid_t said_pid(const struct world *world)
{
    long pid = 0;
    FILE *file = fopen(world->said, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    return (pid_t)pid;
}

static void what_is_done_in_time(void **state)
{
    struct world world;
    struct error err;
    (void)state;
    set_up(&world, "echo $PPID >said");
    int fd = order(&world, &err);
    assert_int_equal(outcome(fd, &err), 0);
    assert_true(said_pid(&world) > 0);
    close(fd);
    tear_down(&world);
}

/* It is given up; and then it goes on, so that it can take back what it has done. */
static void a_stopped_one_is_given_up(void **state)
{
    struct world world;
    struct error err;
    (void)state;
    set_up(&world, "echo $PPID >said; kill -STOP $PPID");
    int fd = order(&world, &err);
    uint64_t begun = clock_monotonic();
    assert_int_equal(outcome(fd, &err), -1);
    assert_non_null(strstr(err.text, "was its process stopped?"));
    assert_in_range(clock_passed(clock_monotonic(), begun), PATIENCE / 2, 2 * PATIENCE);
    pid_t stopped = said_pid(&world);
    assert_int_equal(kill(stopped, 0), 0);
    close(fd);
    for (int i = 0; i < 200 && kill(stopped, 0) == 0; i++)
        usleep(10000);
    assert_int_equal(kill(stopped, 0), -1);
    tear_down(&world);
}

static void one_that_is_killed_is_told_of(void **state)
{
    struct world world;
    struct error err;
    (void)state;
    set_up(&world, "kill -KILL $PPID");
    int fd = order(&world, &err);
    assert_int_equal(outcome(fd, &err), -1);
    assert_string_equal(err.text, "the hand has ended before it was done");
    close(fd);
    tear_down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_in_time),
        cmocka_unit_test(a_stopped_one_is_given_up),
        cmocka_unit_test(one_that_is_killed_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
