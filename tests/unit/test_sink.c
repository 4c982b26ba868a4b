/* agent/sink: files that move and disks that fill, webhooks that fail, readers that sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/sink.h"
#include "agent/webhook.h"
#include "base/clock.h"

/* ---- files ---- */

static char directory[] = "/tmp/skink-sink-XXXXXX";
static char path[64], moved_path[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/skink-sink-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/alerts.jsonl", directory);
    snprintf(moved_path, sizeof moved_path, "%s/alerts.jsonl.1", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    unlink(moved_path);
    return rmdir(directory);
}

static struct sink *open_sink(const struct sink_options *options)
{
    struct error err;
    struct sink *sink = sink_open(options, &err);
    if (!sink)
        print_error("%s\n", err.text);
    assert_non_null(sink);
    return sink;
}

static void send_alert(struct sink *sink, int id, size_t padding)
{
    char *text = calloc(1, padding + 1);
    memset(text, 'x', padding);
    json_t *alert = json_pack("{s:s, s:i, s:s}", "type", "alert", "id", id, "message", text);
    sink_alert(sink, alert);
    json_decref(alert);
    free(text);
}

static struct sink_health health_of(const struct sink *sink)
{
    struct sink_health health;
    sink_health(sink, &health);
    return health;
}

/* Every line of the file is a whole alert; returns how many, *last is the last id. */
static int count_lines(const char *name, int *last)
{
    FILE *file = fopen(name, "r");
    char *line = NULL;
    size_t size = 0;
    int count = 0;
    assert_non_null(file);
    while (getline(&line, &size, file) > 0) {
        json_t *alert = json_loads(line, 0, NULL);
        assert_non_null(alert);
        assert_non_null(strchr(line, '\n'));
        *last = (int)json_integer_value(json_object_get(alert, "id"));
        json_decref(alert);
        count++;
    }
    free(line);
    fclose(file);
    return count;
}

static void the_file_follows_its_name(void **state)
{
    (void)state;
    struct sink *sink = open_sink(&(struct sink_options){.file = path});
    struct stat status;
    int last = -1;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777 & ~0640, 0);
    send_alert(sink, 1, 10);
    send_alert(sink, 2, 10);
    assert_int_equal(count_lines(path, &last), 2);
    assert_int_equal(last, 2);

    assert_int_equal(rename(path, moved_path), 0);
    send_alert(sink, 3, 10);
    assert_int_equal(count_lines(moved_path, &last), 2);
    assert_int_equal(count_lines(path, &last), 1);
    assert_int_equal(last, 3);

    assert_int_equal(unlink(path), 0);
    send_alert(sink, 4, 10);
    assert_int_equal(count_lines(path, &last), 1);
    assert_int_equal(last, 4);
    assert_int_equal(health_of(sink).written, 4);
    sink_close(sink);

    sink = open_sink(&(struct sink_options){.file = path});
    send_alert(sink, 5, 10);
    assert_int_equal(count_lines(path, &last), 2);
    sink_close(sink);
}

static void a_file_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct error err;
    assert_null(sink_open(&(struct sink_options){.file = "/nonexistent/a/b"}, &err));
    assert_string_equal(err.text, "cannot open the file of alerts /nonexistent/a/b: No such file "
                                  "or directory");
}

/* Runs in a mount namespace, which ends with the process; false: this machine does not let us. */
static bool own_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        print_message("skipped: a mount namespace needs CAP_SYS_ADMIN: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static void fill_up(const char *name)
{
    char page[4096] = {1};
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, page, sizeof page) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void a_full_disk_leaves_whole_lines(void **state)
{
    (void)state;
    int last = -1;
    if (!own_mounts())
        skip();
    assert_int_equal(mount("tmpfs", directory, "tmpfs", 0, "size=16k"), 0);
    struct sink *sink = open_sink(&(struct sink_options){.file = path});
    send_alert(sink, 1, 3000);
    fill_up(moved_path);
    send_alert(sink, 2, 3000); /* begins in the last page and does not end in it */
    send_alert(sink, 3, 3000);
    struct sink_health health = health_of(sink);
    assert_int_equal(health.written, 1);
    assert_int_equal(health.file_failures, 2);
    assert_non_null(strstr(health.file_error, "No space left"));
    assert_int_equal(count_lines(path, &last), 1);

    assert_int_equal(unlink(moved_path), 0);
    send_alert(sink, 4, 3000);
    health = health_of(sink);
    assert_int_equal(health.written, 2);
    assert_string_equal(health.file_error, "");
    assert_int_equal(count_lines(path, &last), 2);
    assert_int_equal(last, 4);
    sink_close(sink);
    assert_int_equal(umount(directory), 0);
}

/* ---- standard output and the journal ---- */

static int stdout_before;

static void redirect_stdout(int fd)
{
    fflush(stdout);
    stdout_before = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
}

static void restore_stdout(void)
{
    dup2(stdout_before, STDOUT_FILENO);
    close(stdout_before);
}

static void standard_output_gets_lines(void **state)
{
    (void)state;
    int ends[2];
    char text[4096] = "";
    assert_int_equal(pipe(ends), 0);
    redirect_stdout(ends[1]);
    struct sink *sink = open_sink(&(struct sink_options){.to_stdout = true});
    send_alert(sink, 7, 3);
    sink_close(sink);
    restore_stdout();
    close(ends[1]);
    assert_in_range(read(ends[0], text, sizeof text - 1), 1, sizeof text);
    assert_string_equal(text, "{\"type\":\"alert\",\"id\":7,\"message\":\"xxx\"}\n");
    close(ends[0]);
}

/* A reader that sleeps holds up neither alerts nor the end. */
static void standard_output_may_sleep(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    redirect_stdout(ends[1]);
    struct sink *sink = open_sink(&(struct sink_options){.to_stdout = true});
    uint64_t start = clock_monotonic();
    for (int i = 0; i < 2 * OUTLET_LINES; i++)
        send_alert(sink, i, 2000);
    uint64_t put = clock_monotonic();
    struct sink_health health = health_of(sink);
    sink_close(sink);
    uint64_t closed = clock_monotonic();
    restore_stdout();
    close(ends[0]);
    close(ends[1]);
    assert_true(put - start < NS_PER_S);
    assert_true(closed - put < 3 * NS_PER_S);
    assert_in_range(health.stdout_dropped, OUTLET_LINES / 2, OUTLET_LINES);
}

static void the_journal_gets_fields(void **state)
{
    (void)state;
    static const struct sockaddr_un journal = {.sun_family = AF_UNIX,
                                               .sun_path = "/run/systemd/journal/socket"};
    char entry[16384] = "";
    if (!own_mounts())
        skip();
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, "size=64k"), 0);
    mkdir("/run/systemd", 0755);
    mkdir("/run/systemd/journal", 0755);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&journal, sizeof journal), 0);
    struct sink *sink = open_sink(&(struct sink_options){.to_journal = true});
    json_t *alert = json_pack("{s:s, s:s, s:s, s:{s:s}, s:i}", "message", "web_1 left", "state",
                              "open", "service", "web", "replica", "name", "web_1", "score", 12);
    sink_alert(sink, alert);
    json_decref(alert);
    sink_close(sink);
    assert_in_range(recv(fd, entry, sizeof entry - 1, MSG_DONTWAIT), 1, sizeof entry);
    close(fd);
    umount("/run");
    assert_non_null(strstr(entry, "MESSAGE=web_1 left\n"));
    assert_non_null(strstr(entry, "SKINK_SERVICE=web\n"));
    assert_non_null(strstr(entry, "SKINK_REPLICA=web_1\n"));
    assert_non_null(strstr(entry, "SKINK_SCORE=12\n"));
    assert_non_null(strstr(entry, "PRIORITY=1\n"));
}

/* ---- the webhook ---- */

/* A server that answers its requests with the statuses given, in order; 0: never, -1: hangs up. */
struct server {
    pthread_t thread;
    int fd;
    char url[64];
    const int *statuses;
    int count;
    int requests;
    char last[8192];
};

static size_t read_request(int fd, char *text, size_t size)
{
    size_t used = 0;
    char *body = NULL;
    size_t length = 0;
    while (used < size - 1 && (!body || used < (size_t)(body - text) + length)) {
        ssize_t got = recv(fd, text + used, size - 1 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        text[used] = '\0';
        const char *header = strstr(text, "Content-Length: ");
        if (!body && header && (body = strstr(text, "\r\n\r\n"))) {
            body += 4;
            length = strtoul(header + 16, NULL, 10);
        }
    }
    return used;
}

static void *serve(void *argument)
{
    struct server *server = argument;
    int silent[8];
    int silent_count = 0;
    for (int i = 0; i < server->count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            break;
        read_request(fd, server->last, sizeof server->last);
        server->requests++;
        if (server->statuses[i] > 0)
            dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    server->statuses[i]);
        if (server->statuses[i] == 0)
            silent[silent_count++] = fd;
        else
            close(fd);
    }
    while (silent_count > 0) {
        char byte;
        silent_count--;
        while (recv(silent[silent_count], &byte, 1, 0) > 0)
            ;
        close(silent[silent_count]);
    }
    return NULL;
}

static void start_server(struct server *server, const int *statuses, int count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *server = (struct server){.statuses = statuses, .count = count};
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/hook", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_server(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static struct webhook *hook(const struct server *server, uint64_t timeout_ms, uint64_t pause_ns)
{
    struct error err;
    struct webhook_options options = WEBHOOK_OPTIONS_DEFAULT;
    options.url = server->url;
    options.timeout_ms = timeout_ms;
    options.pause_ns = pause_ns;
    options.pause_max_ns = 2 * pause_ns;
    struct webhook *webhook = webhook_start(&options, &err);
    assert_non_null(webhook);
    return webhook;
}

/* Waits until so many alerts were sent and dropped. */
static void expect_counts(struct webhook *webhook, uint64_t sent, uint64_t dropped)
{
    uint64_t deadline = clock_monotonic() + 10 * NS_PER_S;
    uint64_t now_sent = 0, now_dropped = 0;
    while (clock_monotonic() < deadline && now_sent + now_dropped < sent + dropped) {
        poll(NULL, 0, 2);
        webhook_count(webhook, &now_sent, &now_dropped);
    }
    assert_int_equal(now_sent, sent);
    assert_int_equal(now_dropped, dropped);
}

static void a_webhook_that_fails_is_tried_again(void **state)
{
    (void)state;
    static const int statuses[] = {500, -1, 429, 204};
    struct server server;
    start_server(&server, statuses, 4);
    struct webhook *webhook = hook(&server, 2000, 10 * NS_PER_MS);
    webhook_put(webhook, "{\"id\":1}");
    expect_counts(webhook, 1, 0);
    webhook_stop(webhook, clock_monotonic());
    stop_server(&server);
    assert_int_equal(server.requests, 4);
    assert_non_null(strstr(server.last, "POST /hook HTTP/1.1\r\n"));
    assert_non_null(strstr(server.last, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(server.last, "\r\n\r\n{\"id\":1}"));
}

static void a_webhook_that_refuses_is_not(void **state)
{
    (void)state;
    static const int statuses[] = {400, 302, 200};
    struct server server;
    start_server(&server, statuses, 3);
    struct webhook *webhook = hook(&server, 2000, 10 * NS_PER_MS);
    for (int i = 0; i < 3; i++)
        webhook_put(webhook, "{}");
    expect_counts(webhook, 1, 2);
    webhook_stop(webhook, clock_monotonic());
    stop_server(&server);
    assert_int_equal(server.requests, 3);
}

/* A server that never answers: nobody waits, what does not fit is counted, the end comes soon. */
static void a_webhook_that_never_answers(void **state)
{
    (void)state;
    static const int statuses[] = {0, 0, 0, 0, 0};
    struct server server;
    start_server(&server, statuses, 5);
    struct webhook *webhook = hook(&server, 50, 10 * NS_PER_MS);
    webhook_put(webhook, "{}");
    expect_counts(webhook, 0, 1);
    webhook_stop(webhook, clock_monotonic());
    stop_server(&server);
    assert_int_equal(server.requests, 5);

    start_server(&server, statuses, 5);
    webhook = hook(&server, 60000, NS_PER_S);
    uint64_t start = clock_monotonic();
    for (int i = 0; i < OUTLET_LINES + 10; i++)
        webhook_put(webhook, "{}");
    assert_true(clock_monotonic() - start < NS_PER_S);
    expect_counts(webhook, 0, 10);
    webhook_stop(webhook, clock_monotonic() + 100 * NS_PER_MS);
    assert_true(clock_monotonic() - start < 3 * NS_PER_S);
    stop_server(&server);
}

/* Nobody listens, and the pause is long: the end does not wait for it. */
static void a_webhook_that_is_not_there(void **state)
{
    (void)state;
    struct server server;
    start_server(&server, NULL, 0);
    stop_server(&server);
    struct webhook *webhook = hook(&server, 2000, 60 * NS_PER_S);
    uint64_t start = clock_monotonic();
    webhook_put(webhook, "{}");
    webhook_stop(webhook, start + 200 * NS_PER_MS);
    assert_true(clock_monotonic() - start < 2 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_follows_its_name, make_directory,
                                        remove_directory),
        cmocka_unit_test(a_file_that_cannot_be_is_refused),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_whole_lines, make_directory,
                                        remove_directory),
        cmocka_unit_test(standard_output_gets_lines),
        cmocka_unit_test(standard_output_may_sleep),
        cmocka_unit_test(the_journal_gets_fields),
        cmocka_unit_test(a_webhook_that_fails_is_tried_again),
        cmocka_unit_test(a_webhook_that_refuses_is_not),
        cmocka_unit_test(a_webhook_that_never_answers),
        cmocka_unit_test(a_webhook_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
