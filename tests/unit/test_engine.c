/* respond: an engine that answers late, wrongly or not at all leaves no container behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/engine.h"
#include "respond/successor.h"
#include "workload/workload.h"

#define OLD    "fedcba9876543210"
#define NEW    "0123456789abcdef"
#define MADE   "{\"Id\": \"" NEW "\"}"
#define LATE   (MEASURE_TIME_OUT + NS_PER_S / 2) /* then an engine that says nothing has done it */
#define SILENT "(silence)"
#define DRIPS  "(one byte after the other)"

/* What the engine does otherwise, to requests in which this text is. */
struct fault {
    const char *request, *status, *body;
    const char *why;  /* the error says */
    bool others_name; /* the container of that name is none of ours */
};

/* A fake engine's containers, beside the old one: this one, or none. */
struct shelf {
    uint64_t made; /* when it is there; 0: never */
    unsigned created;
};

static const char INSPECTED[] =
    "{\"Config\": {\"Image\": \"web\"}, \"HostConfig\": {}, \"State\": {\"Running\": true},"
    " \"NetworkSettings\": {\"Networks\": {\"net\": {\"IPAddress\": \"10.0.0.9\"}}}}";
static const char NOWHERE[] = "{\"Config\": {}, \"HostConfig\": {}, \"State\": {\"Running\": true},"
                              " \"NetworkSettings\": {\"Networks\": {}}}";

/* ---- the engine ---- */

static void say(int fd, const char *status, const char *body)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                        strlen(body), body);
    send(fd, text, (size_t)size, MSG_NOSIGNAL);
}

static void drip(int fd)
{
    static const char ENDLESS[] = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n";
    bool hears = send(fd, ENDLESS, sizeof ENDLESS - 1, MSG_NOSIGNAL) > 0;
    while (hears) {
        usleep(100000);
        hears = send(fd, " ", 1, MSG_NOSIGNAL) > 0;
    }
}

static void remove_it(int fd, struct shelf *shelf)
{
    bool there = shelf->made && clock_monotonic() >= shelf->made;
    if (there)
        shelf->made = 0;
    say(fd, there ? "204 No Content" : "404 Not Found", "");
}

static void obey(int fd, const char *request, struct shelf *shelf)
{
    if (strncmp(request, "DELETE", 6) == 0)
        remove_it(fd, shelf);
    else if (strstr(request, "/create"))
        say(fd, "201 Created", MADE);
    else if (strstr(request, "/start"))
        say(fd, "204 No Content", "");
    else
        say(fd, "200 OK", INSPECTED);
}

static void answer(int fd, const char *request, const struct fault *fault, struct shelf *shelf)
{
    bool faulty = strstr(request, fault->request);
    bool silent = faulty && strcmp(fault->body, SILENT) == 0;
    if (strstr(request, "/create") && !fault->others_name) {
        shelf->made = clock_monotonic() + (silent ? LATE : 0);
        shelf->created++;
    }
    if (!faulty)
        obey(fd, request, shelf);
    else if (strcmp(fault->body, DRIPS) == 0)
        drip(fd);
    else if (!silent)
        say(fd, fault->status, fault->body);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static pid_t engine(const char *path, const struct fault *fault, struct shelf *shelf)
{
    char request[4096];
    int listening = listen_at(path);
    pid_t child = fork();
    if (child != 0) {
        close(listening);
        return child;
    }
    for (;;) {
        ssize_t size;
        int fd = accept(listening, NULL, NULL);
        while ((size = recv(fd, request, sizeof request - 1, 0)) > 0) {
            request[size] = '\0';
            answer(fd, request, fault, shelf);
        }
        close(fd);
    }
}

/* ---- the balancer, in which this process is the server ---- */

static pid_t balancer(const char *path, const uint8_t *address)
{
    char stat[256], command[256], text[INET6_ADDRSTRLEN];
    int listening = listen_at(path);
    pid_t child = fork();
    if (child != 0) {
        close(listening);
        return child;
    }
    workload_address_text(address, text);
    int size = snprintf(stat, sizeof stat,
                        "# pxname,svname,qcur,scur,status,check_status,addr,\n"
                        "web,web-1,0,0,UP,L4OK,%s%s%s:80,\n",
                        strchr(text, ':') ? "[" : "", text, strchr(text, ':') ? "]" : "");
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (recv(fd, command, sizeof command, 0) > 0)
            send(fd, stat, (size_t)size, MSG_NOSIGNAL);
        close(fd);
    }
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* ---- the tests ---- */

struct place {
    char directory[32], engine[64], balancer[64];
    struct shelf *shelf;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->directory, sizeof place->directory, "/tmp/skink-engine-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->engine, sizeof place->engine, "%s/engine", place->directory);
    snprintf(place->balancer, sizeof place->balancer, "%s/balancer", place->directory);
    place->shelf =
        mmap(NULL, sizeof *place->shelf, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(place->shelf, MAP_FAILED);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    munmap(place->shelf, sizeof *place->shelf);
    unlink(place->engine);
    unlink(place->balancer);
    rmdir(place->directory);
    free(place);
    return 0;
}

static void try_fault(const struct place *place, const struct fault *fault)
{
    struct error err = {.text = ""};
    char address[64];
    const struct measure_target target = {.workload = {.id = OLD}, .engine_socket = place->engine};
    *place->shelf = (struct shelf){.made = 0};
    pid_t child = engine(place->engine, fault, place->shelf);
    uint64_t begun = clock_monotonic();
    int outcome = engine_start_like(&target, "web-2", address, sizeof address, &err);
    uint64_t took = clock_passed(clock_monotonic(), begun);
    end(child);
    unlink(place->engine);
    if (outcome != -1 || !strstr(err.text, fault->why))
        fail_msg("%s %.30s: %d, %s", fault->request, fault->body, outcome, err.text);
    if (place->shelf->made)
        fail_msg("%s %.30s: left a container", fault->request, fault->body);
    if (took > 2 * MEASURE_TIME_OUT + NS_PER_S)
        fail_msg("%s %.30s: took %.1f s", fault->request, fault->body, (double)took / NS_PER_S);
}

static void nothing_is_left(void **state)
{
    static const struct fault FAULTS[] = {
        {OLD "/json", "500 No", "{\"message\": \"tired\"}", "500: tired", false},
        {OLD "/json", "200 OK", "{\"Config\":", "how the container was made", false},
        {OLD "/json", "", DRIPS, "no answer within", false},
        {"/create", "500 No", "", "answers 500", false},
        {"/create", "201 Created", "{\"Id\": \"", "without an id", false},
        {"/create", "201 Created", "{\"Warnings\": []}", "without an id", false},
        {"/create", "201 Created", "{\"Id\": \"../../images\"}", "without an id", false},
        {"/create", "", SILENT, "no answer within", false},
        {"/create", "", DRIPS, "no answer within", false},
        {"/start", "500 No", "{\"message\": \"port is taken\"}", "port is taken", false},
        {"/start", "", SILENT, "no answer within", false},
        {NEW "/json", "404 Not Found", "", "answers 404", false},
        {NEW "/json", "200 OK", "<html>", "has ended", false},
        {NEW "/json", "200 OK", "{\"State\": {\"Running\": false}}", "has ended", false},
        {NEW "/json", "", DRIPS, "no answer within", false},
    };
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
        try_fault(*state, &FAULTS[i]);
}

static void anothers_container_is_left_alone(void **state)
{
    const struct place *place = *state;
    static const struct fault TAKEN = {"/create", "409 Conflict", "", "answers 409", true};
    struct error err;
    char address[64];
    const struct measure_target target = {.workload = {.id = OLD}, .engine_socket = place->engine};
    *place->shelf = (struct shelf){.made = 1};
    pid_t child = engine(place->engine, &TAKEN, place->shelf);
    assert_int_equal(engine_start_like(&target, "web-2", address, sizeof address, &err), -1);
    end(child);
    assert_int_equal(place->shelf->made, 1);
}

static void one_without_an_address_is_no_successor(void **state)
{
    struct place *place = *state;
    const struct fault fault = {NEW "/json", "200 OK", NOWHERE, "", false};
    struct measure_target target = {.workload = {.id = OLD, .service = "web", .pid = getpid()},
                                    .rule = {.balancer = place->balancer, .backend = "web"},
                                    .engine_socket = place->engine};
    struct cgroup_hierarchy hierarchy;
    struct successor successor;
    struct error err;
    uint8_t own[1][16];
    uint32_t network;
    assert_int_equal(cgroup_hierarchy_find(&hierarchy, &err), 0);
    assert_int_equal(cgroup_of_process(&hierarchy, getpid(), target.workload.cgroup_path,
                                       sizeof target.workload.cgroup_path, &err),
                     0);
    assert_int_equal(workload_addresses(getpid(), own, 1, &network), 1);
    *place->shelf = (struct shelf){.made = 0};
    pid_t children[] = {engine(place->engine, &fault, place->shelf),
                        balancer(place->balancer, own[0])};
    json_t *token = json_object();
    assert_int_equal(successor_start(&target, &successor, token, &err), -1);
    assert_string_equal(err.text, "the new replica's address is not known");
    assert_int_equal(place->shelf->created, 1);
    assert_int_equal(place->shelf->made, 0);
    json_decref(token);
    end(children[0]);
    end(children[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(anothers_container_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_without_an_address_is_no_successor, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
