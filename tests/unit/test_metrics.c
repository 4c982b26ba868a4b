/* agent/metrics: the text format, and a real HTTP server in an event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/metrics.h"
#include "base/clock.h"

static void text_format(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    metrics_family(out, "skink_calls_total", "counter", "Calls\\ seen\nby the probe.");
    metrics_sample(out, "skink_calls_total", 9007199254740991.0, "service", "a\"b\\c\nd", "replica",
                   "w", NULL);
    metrics_sample(out, "skink_cpu", 0.25, NULL);
    metrics_sample(out, "skink_bytes", 1e300, "name", "\xc3\xa9\xff\xed\xa0\x80.", NULL);
    fclose(out);
    assert_string_equal(text, "# HELP skink_calls_total Calls\\\\ seen\\nby the probe.\n"
                              "# TYPE skink_calls_total counter\n"
                              "skink_calls_total{service=\"a\\\"b\\\\c\\nd\",replica=\"w\"} "
                              "9007199254740991\n"
                              "skink_cpu 0.25\n"
                              "skink_bytes{name=\"\xc3\xa9??"
                              "??.\"} 1e+300\n");
    free(text);
}

static void addresses(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct error err;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    assert_int_equal(metrics_address("127.0.0.1:9469", &address, &err), sizeof *v4);
    assert_int_equal(v4->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(ntohs(v4->sin_port), 9469);
    assert_int_equal(metrics_address("[::1]:1", &address, &err), sizeof *v6);
    assert_memory_equal(&v6->sin6_addr, &in6addr_loopback, sizeof in6addr_loopback);
    assert_int_equal(ntohs(v6->sin6_port), 1);
    const char *bad[] = {"",      ":",         "9469",      "localhost:1", "127.0.0.1",
                         "::1:2", "1.2.3.4:x", "[::1]:-1",  "[]:1",        "[::1:2",
                         "[::1]", "1.2.3.4:",  "1.2.3:4:5", "[1.2.3.4]:1", "1.2.3.4:65536"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(metrics_address(bad[i], &address, &err), -1);
}

/* ---- the server ---- */

static pthread_t thread;
static sd_event *event;
static struct metrics *metrics;
static int wake[2];

static void render(void *context, FILE *out)
{
    metrics_sample(out, "skink_test", *(const int *)context, NULL);
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)fd;
    (void)events;
    (void)context;
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void *loop(void *context)
{
    (void)context;
    sd_event_loop(event);
    return NULL;
}

static int start(void **state)
{
    static int value = 42;
    struct error err;
    (void)state;
    if (pipe(wake) < 0 || sd_event_new(&event) < 0 ||
        sd_event_add_io(event, NULL, wake[0], EPOLLIN, on_wake, NULL) < 0)
        return -1;
    metrics = metrics_open(event, "127.0.0.1:0", render, &value, &err);
    if (!metrics)
        fail_msg("%s", err.text);
    return pthread_create(&thread, NULL, loop, NULL);
}

static int stop(void **state)
{
    (void)state;
    close(wake[1]);
    pthread_join(thread, NULL);
    metrics_close(metrics);
    sd_event_unref(event);
    close(wake[0]);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)metrics_port(metrics))};
    struct timeval patience = {.tv_sec = METRICS_TIMEOUT_S + 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The whole answer to one request on a connection of its own. */
static const char *get(const char *request)
{
    static char text[4096];
    size_t used = 0;
    int fd = dial();
    dprintf(fd, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request);
    for (ssize_t got; (got = recv(fd, text + used, sizeof text - 1 - used, 0)) > 0;)
        used += (size_t)got;
    text[used] = '\0';
    close(fd);
    return text;
}

static void requests_are_answered(void **state)
{
    (void)state;
    const char *answer = get("GET /metrics");
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    assert_non_null(strstr(answer, "\r\n\r\nskink_test 42\n"));
    assert_non_null(strstr(get("GET /healthz"), "\r\n\r\nok\n"));
    assert_non_null(strstr(get("GET /"), "HTTP/1.1 404"));
    assert_non_null(strstr(get("POST /metrics"), "HTTP/1.1 405"));
    assert_null(strstr(get("HEAD /metrics"), "skink_test"));
    assert_non_null(strstr(get("nonsense"), "HTTP/1.1 4"));
}

/* Idle connections use up their places, not the agent; after the time-out there is room again. */
static void idle_connections_end(void **state)
{
    (void)state;
    int idle[METRICS_CONNECTIONS];
    char byte;
    for (int i = 0; i < METRICS_CONNECTIONS; i++)
        idle[i] = dial();
    uint64_t begin = clock_monotonic();
    assert_int_equal(recv(idle[0], &byte, 1, 0), 0);
    assert_in_range(clock_monotonic() - begin, NS_PER_S, (METRICS_TIMEOUT_S + 3) * NS_PER_S);
    for (int i = 0; i < METRICS_CONNECTIONS; i++)
        close(idle[i]);
    assert_non_null(strstr(get("GET /healthz"), "ok\n"));
}

static void a_port_in_use_is_refused(void **state)
{
    (void)state;
    char listen[32];
    struct error err;
    snprintf(listen, sizeof listen, "127.0.0.1:%u", metrics_port(metrics));
    assert_null(metrics_open(event, listen, render, NULL, &err));
    assert_non_null(strstr(err.text, "Address already in use"));
    assert_int_equal(err.code, EXIT_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_format),
        cmocka_unit_test(addresses),
        cmocka_unit_test_setup_teardown(requests_are_answered, start, stop),
        cmocka_unit_test_setup_teardown(idle_connections_end, start, stop),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
