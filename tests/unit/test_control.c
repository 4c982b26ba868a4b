/* agent/control: a real socket, a real event loop, clients of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/clock.h"

/* An agent in a thread; what the tests make it do, they ask it through the socket itself. */
struct agent {
    pthread_t thread;
    sd_event *event;
    struct control *control;
    struct error err;
};

static char directory[64], path[128];

static json_t *handle(void *context, const struct control_peer *peer, const json_t *request)
{
    struct agent *agent = context;
    const char *verb = json_string_value(json_object_get(request, "verb"));
    if (strcmp(verb, "status") == 0)
        return json_pack("{s:b, s:i}", "ok", 1, "pid", 42);
    if (strcmp(verb, "alerts") == 0)
        return json_pack("{s:b, s:[{s:i}]}", "ok", 1, "alerts", "id", 1);
    if (strcmp(verb, "refuse") == 0)
        return json_pack("{s:s}", "error", "refuse: as you wish");
    if (strcmp(verb, "who") == 0)
        return json_pack("{s:b,s:b,s:O}", "ok", 1, "operates", peer->operates, "by",
                         json_object_get(request, "by"));
    if (strcmp(verb, "quit") == 0) {
        sd_event_exit(agent->event, 0);
        return json_pack("{s:b}", "ok", 1);
    }
    if (strcmp(verb, "broadcast") == 0) {
        size_t size = (size_t)json_integer_value(json_object_get(request, "size"));
        char *text = calloc(1, size + 1);
        memset(text, 'x', size);
        json_t *alert = json_pack("{s:s, s:i, s:s}", "type", "alert", "id", 2, "message", text);
        control_broadcast(agent->control, alert);
        json_decref(alert);
        free(text);
        return json_pack("{s:b}", "ok", 1);
    }
    return NULL;
}

static void *loop(void *argument)
{
    struct agent *agent = argument;
    sd_event_loop(agent->event);
    control_close(agent->control);
    sd_event_unref(agent->event);
    return NULL;
}

static bool try_agent(struct agent *agent, const char *group)
{
    sd_event_new(&agent->event);
    agent->control = control_open(agent->event, path, group, NULL, handle, agent, &agent->err);
    if (!agent->control)
        sd_event_unref(agent->event);
    return agent->control;
}

static void start_agent(struct agent *agent)
{
    if (!try_agent(agent, NULL))
        fail_msg("%s", agent->err.text);
    assert_int_equal(pthread_create(&agent->thread, NULL, loop, agent), 0);
}

static json_t *ask(const char *verb)
{
    struct error err;
    json_t *request = json_pack("{s:s}", "verb", verb);
    json_t *reply;
    if (control_ask(path, request, &reply, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(request);
    return reply;
}

/* Asks by hand; size is the length of a broadcast. */
static void tell(const char *verb, int size)
{
    struct error err;
    json_t *request = json_pack("{s:s, s:i}", "verb", verb, "size", size);
    json_t *reply;
    assert_int_equal(control_ask(path, request, &reply, &err), 0);
    json_decref(request);
    json_decref(reply);
}

static void stop_agent(struct agent *agent)
{
    json_decref(ask("quit"));
    pthread_join(agent->thread, NULL);
}

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/skink-control-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/run/skink.sock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char inner[96];
    snprintf(inner, sizeof inner, "%s/run", directory);
    unlink(path);
    rmdir(inner);
    return rmdir(directory);
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* Reads until there are so many lines, or the end. Returns how many lines there were. */
static int read_lines(int fd, int lines, char *text, size_t size)
{
    size_t used = 0;
    int count = 0;
    while (count < lines && used < size - 1) {
        ssize_t got = recv(fd, text + used, size - 1 - used, 0);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            count += text[used++] == '\n';
    }
    text[used] = '\0';
    return count;
}

static void questions_are_answered(void **state)
{
    (void)state;
    struct agent agent;
    struct error err;
    json_t *reply;
    start_agent(&agent);
    reply = ask("status");
    assert_int_equal(json_integer_value(json_object_get(reply, "pid")), 42);
    json_decref(reply);

    json_t *request = json_pack("{s:s}", "verb", "refuse");
    assert_int_equal(control_ask(path, request, &reply, &err), -1);
    assert_string_equal(err.text, "the agent says: refuse: as you wish");
    json_object_set_new(request, "verb", json_string("dance"));
    assert_int_equal(control_ask(path, request, &reply, &err), -1);
    assert_string_equal(err.text, "the agent says: dance: no such verb");
    json_decref(request);
    stop_agent(&agent);
    assert_int_equal(access(path, F_OK), -1);
}

static void who_asks_is_told_by_the_kernel(void **state)
{
    (void)state;
    struct agent agent;
    struct error err;
    json_t *reply;
    json_int_t uid, pid;
    start_agent(&agent);
    json_t *request = json_pack("{s:s,s:{s:i,s:i}}", "verb", "who", "by", "uid", 7, "pid", 1);
    assert_int_equal(control_ask(path, request, &reply, &err), 0);
    assert_int_equal(json_unpack(reply, "{s:{s:I,s:I}}", "by", "uid", &uid, "pid", &pid), 0);
    assert_int_equal(uid, geteuid());
    assert_int_equal(pid, getpid());
    assert_true(json_is_true(json_object_get(reply, "operates")));
    json_decref(request);
    json_decref(reply);
    stop_agent(&agent);
}

static void nonsense_is_answered_too(void **state)
{
    (void)state;
    struct agent agent;
    char text[1024];
    start_agent(&agent);
    int fd = dial();
    dprintf(fd, "hello\n[]\n{\"verb\":1}\n{\"verb\":\"sta");
    assert_int_equal(read_lines(fd, 3, text, sizeof text), 3);
    assert_non_null(strstr(text, "{\"error\":\"request: not JSON"));
    assert_non_null(strstr(text, "{\"error\":\"request: no verb"));
    dprintf(fd, "tus\"}\n{\"verb\":\"status\"}\n");
    shutdown(fd, SHUT_WR);
    assert_int_equal(read_lines(fd, 3, text, sizeof text), 2); /* and then the end */
    assert_string_equal(text, "{\"ok\":true,\"pid\":42}\n{\"ok\":true,\"pid\":42}\n");
    close(fd);
    stop_agent(&agent);
}

static void a_line_that_is_too_long_ends_it(void **state)
{
    (void)state;
    struct agent agent;
    char text[1024];
    char *line = malloc(CONTROL_REQUEST + 100);
    memset(line, 'x', CONTROL_REQUEST + 100);
    start_agent(&agent);
    int fd = dial();
    assert_true(send(fd, line, CONTROL_REQUEST + 100, MSG_NOSIGNAL) > 0);
    assert_int_equal(read_lines(fd, 2, text, sizeof text), 1);
    assert_string_equal(text, "{\"error\":\"request: the line is longer than 64 KiB\"}\n");
    close(fd);
    free(line);
    stop_agent(&agent);
}

static void clients_are_limited(void **state)
{
    (void)state;
    struct agent agent;
    int fd[CONTROL_CLIENTS];
    char text[256];
    start_agent(&agent);
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        fd[i] = dial();
        dprintf(fd[i], "{\"verb\":\"status\"}\n");
        assert_int_equal(read_lines(fd[i], 1, text, sizeof text), 1);
    }
    int more = dial();
    assert_int_equal(read_lines(more, 2, text, sizeof text), 1);
    assert_string_equal(text, "{\"error\":\"too many connections\"}\n");
    close(more);
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        close(fd[i]);
    json_decref(ask("status"));
    stop_agent(&agent);
}

struct heard {
    int count;
    char text[512];
};

static bool listen_twice(void *context, const json_t *answer)
{
    struct heard *heard = context;
    char *text = json_dumps(answer, JSON_COMPACT);
    strncat(heard->text, text, sizeof heard->text - strlen(heard->text) - 1);
    free(text);
    if (++heard->count == 1)
        tell("broadcast", 3);
    return heard->count < 2;
}

static void followers_hear_every_alert(void **state)
{
    (void)state;
    struct agent agent;
    struct heard heard = {0};
    struct error err;
    start_agent(&agent);
    json_t *request = json_pack("{s:s, s:b}", "verb", "alerts", "follow", 1);
    assert_int_equal(control_follow(path, request, listen_twice, &heard, &err), 0);
    json_decref(request);
    assert_string_equal(heard.text, "{\"ok\":true,\"alerts\":[{\"id\":1}]}"
                                    "{\"type\":\"alert\",\"id\":2,\"message\":\"xxx\"}");
    stop_agent(&agent);
}

/* A follower that reads nothing is dropped; the others and the agent do not notice. */
static void a_follower_that_sleeps_is_dropped(void **state)
{
    (void)state;
    struct agent agent;
    char text[4096];
    start_agent(&agent);
    int asleep = dial();
    int awake = dial();
    dprintf(asleep, "{\"verb\":\"alerts\",\"follow\":true}\n");
    dprintf(awake, "{\"verb\":\"alerts\",\"follow\":true}\n");
    assert_int_equal(read_lines(awake, 1, text, sizeof text), 1);
    assert_int_equal(read_lines(asleep, 1, text, sizeof text), 1);
    for (int i = 0; i < 60; i++) {
        char *line = malloc(200000);
        tell("broadcast", 100000);
        assert_int_equal(read_lines(awake, 1, line, 200000), 1);
        free(line);
    }
    struct pollfd hangup = {.fd = asleep, .events = 0};
    assert_int_equal(poll(&hangup, 1, 2000), 1);
    assert_true(hangup.revents & POLLHUP);
    close(asleep);
    close(awake);
    stop_agent(&agent);
}

static void a_living_agent_keeps_its_socket(void **state)
{
    (void)state;
    struct agent first, second;
    char text[256];
    start_agent(&first);
    assert_false(try_agent(&second, NULL));
    snprintf(text, sizeof text,
             "socket %s: another agent answers on it (stop that one, or set socket)", path);
    assert_string_equal(second.err.text, text);
    json_decref(ask("status"));
    stop_agent(&first);
}

static void a_dead_socket_is_replaced(void **state)
{
    (void)state;
    struct agent agent;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(mkdir(path, 0755), 0);
    *slash = '/';
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    start_agent(&agent);
    json_decref(ask("status"));
    stop_agent(&agent);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct agent agent;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(mkdir(path, 0755), 0);
    *slash = '/';
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_false(try_agent(&agent, NULL));
    assert_non_null(strstr(agent.err.text, "there is a file that is no socket"));
    assert_int_equal(access(path, F_OK), 0);
}

static void only_the_group_may_use_it(void **state)
{
    (void)state;
    struct agent agent;
    struct stat status;
    assert_false(try_agent(&agent, "no-such-group"));
    assert_string_equal(agent.err.text, "group no-such-group: there is no such group (groupadd -r "
                                        "no-such-group)");
    const struct group *own = getgrgid(getgid());
    assert_non_null(own);
    assert_true(try_agent(&agent, own->gr_name));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_int_equal(status.st_gid, getgid());
    control_close(agent.control);
    sd_event_unref(agent.event);
}

static void nobody_there(void **state)
{
    (void)state;
    struct error err;
    json_t *reply;
    json_t *request = json_pack("{s:s}", "verb", "status");
    char text[256];
    assert_int_equal(control_ask(path, request, &reply, &err), -1);
    snprintf(text, sizeof text,
             "cannot reach the agent at %s: No such file or directory (does `skink run` run? "
             "--socket names another one)",
             path);
    assert_string_equal(err.text, text);
    json_decref(request);
}

/* An agent that hangs is given up after five seconds. */
static void an_agent_that_hangs(void **state)
{
    (void)state;
    struct agent agent;
    struct error err;
    json_t *reply;
    json_t *request = json_pack("{s:s}", "verb", "status");
    assert_true(try_agent(&agent, NULL)); /* and nobody runs its loop */
    uint64_t start = clock_monotonic();
    assert_int_equal(control_ask(path, request, &reply, &err), -1);
    assert_in_range(clock_monotonic() - start, 4 * NS_PER_S, 7 * NS_PER_S);
    assert_non_null(strstr(err.text, "no reply within 5 s"));
    json_decref(request);
    control_close(agent.control);
    sd_event_unref(agent.event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(questions_are_answered),
        TEST(who_asks_is_told_by_the_kernel),
        TEST(nonsense_is_answered_too),
        TEST(a_line_that_is_too_long_ends_it),
        TEST(clients_are_limited),
        TEST(followers_hear_every_alert),
        TEST(a_follower_that_sleeps_is_dropped),
        TEST(a_living_agent_keeps_its_socket),
        TEST(a_dead_socket_is_replaced),
        TEST(what_is_no_socket_is_left_alone),
        TEST(only_the_group_may_use_it),
        TEST(nobody_there),
        TEST(an_agent_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
