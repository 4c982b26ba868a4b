/* flows: what the kernel tells of who speaks to whom. Real BPF, real cgroups, real sockets on the
 * loopback: skipped without the rights for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watched_cgroup.h"

#define SEEN 64

struct seen {
    struct flow_key key;
    struct flow_value value;
};

struct world {
    struct watched_cgroup own;
    struct seen told[SEEN], there[SEEN];
    size_t told_count, there_count;
    pid_t child;
    int go, done;
};

static void on_told(void *context, const struct flow_key *key, const struct flow_value *value)
{
    struct world *world = context;
    if (key->replica == world->own.replica && world->told_count < SEEN)
        world->told[world->told_count++] = (struct seen){*key, *value};
}

static void on_there(void *context, const struct flow_key *key, const struct flow_value *value)
{
    struct world *world = context;
    if (key->replica == world->own.replica && world->there_count < SEEN)
        world->there[world->there_count++] = (struct seen){*key, *value};
}

static bool open_world(struct world *world)
{
    const struct probe_options options = {.flows = true};
    const struct probe_hooks hooks = {.flow = on_told, .context = world};
    memset(world, 0, sizeof *world);
    return watched_cgroup_open(&world->own, options, &hooks, MODE_LEARN);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    if (world && !open_world(world)) {
        free(world);
        *state = NULL;
    }
    return 0;
}

static void end_child(struct world *world)
{
    if (world->child <= 0)
        return;
    close(world->go);
    close(world->done);
    waitpid(world->child, NULL, 0);
    world->child = 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (!world)
        return 0;
    end_child(world); /* of a test that failed */
    watched_cgroup_close(&world->own);
    free(world);
    return 0;
}

/* ---- a child that does as it is told ---- */

static void start_child(struct world *world, void (*act)(int round))
{
    int go[2], done[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    world->child = fork();
    if (world->child == 0) {
        char byte;
        close(go[1]);
        close(done[0]);
        for (int round = 0; read(go[0], &byte, 1) == 1; round++) {
            act(round);
            if (write(done[1], "x", 1) != 1)
                break;
        }
        _exit(0);
    }
    close(go[0]);
    close(done[1]);
    world->go = go[1];
    world->done = done[0];
}

static void next_round(struct world *world)
{
    char byte;
    assert_int_equal(write(world->go, "x", 1), 1);
    assert_int_equal(read(world->done, &byte, 1), 1);
}

static void look(struct world *world)
{
    struct error err;
    assert_true(probe_consume(world->own.probe, &err) >= 0);
    world->there_count = 0;
    probe_flows_each(world->own.probe, on_there, world);
}

static const struct seen *find(const struct seen *seen, size_t count, enum flow_role role,
                               int transport, const char *peer, uint16_t port)
{
    struct in6_addr address;
    assert_int_equal(inet_pton(AF_INET6, peer, &address), 1);
    for (size_t i = 0; i < count; i++)
        if (seen[i].key.role == role && seen[i].key.transport == transport &&
            seen[i].key.port == port && memcmp(seen[i].key.peer, &address, 16) == 0)
            return &seen[i];
    return NULL;
}

static const struct seen *there(const struct world *world, enum flow_role role, int transport,
                                const char *peer, uint16_t port)
{
    return find(world->there, world->there_count, role, transport, peer, port);
}

/* The kernel tells the host's numbers of processes, which are others in a namespace of its own. */
static bool sees_host_pids(void)
{
    const ino_t initial = 0xEFFFFFFC; /* PROC_PID_INIT_INO of linux/proc_ns.h */
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == initial;
}

/* ---- what it does ---- */

enum { PORT = 47811, PORT6, PORT_UDP, PORT_REFUSED };

static struct sockaddr_in v4(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_on(const void *address, socklen_t size, int family)
{
    int fd = socket(family, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, size) != 0 || listen(fd, 8) != 0)
        _exit(1);
    return fd;
}

static void talk(const void *address, socklen_t size, int family, int listener)
{
    int client = socket(family, SOCK_STREAM, 0);
    if (connect(client, address, size) != 0)
        _exit(1);
    close(accept(listener, NULL, NULL));
    close(client);
}

static void connect_and_send(int round)
{
    struct sockaddr_in four = v4(PORT), refused = v4(PORT_REFUSED), udp = v4(PORT_UDP);
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(PORT6), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    (void)round;
    int listener = listen_on(&four, sizeof four, AF_INET);
    for (int i = 0; i < 3; i++)
        talk(&four, sizeof four, AF_INET, listener);
    int listener6 = listen_on(&six, sizeof six, AF_INET6);
    talk(&six, sizeof six, AF_INET6, listener6);
    close(listener);
    close(listener6);
    int closed = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(closed, (struct sockaddr *)&refused, sizeof refused) == 0)
        _exit(1);
    close(closed);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(datagrams, "x", 1, 0, (struct sockaddr *)&udp, sizeof udp);
    sendto(datagrams, "x", 1, 0, (struct sockaddr *)&udp, sizeof udp);
    close(datagrams);
}

static void every_connection_is_seen_from_both_ends(void **state)
{
    struct world *world = *state;
    struct error err;
    if (!world) {
        skip();
        return; /* which skip has done: so that analyzers know */
    }
    start_child(world, connect_and_send);
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, world->child, &err), 0);
    next_round(world);
    look(world);
    const struct seen *calls = there(world, FLOW_CALLS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT);
    const struct seen *answers = there(world, FLOW_ANSWERS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT);
    assert_non_null(calls);
    assert_non_null(answers);
    assert_int_equal(calls->value.count, 3);
    assert_int_equal(answers->value.count, 3);
    assert_int_equal(calls->value.open, 0); /* each has ended, for both ends */
    assert_int_equal(answers->value.open, 0);
    if (sees_host_pids())
        assert_int_equal(calls->value.pid, world->child);
    assert_int_equal(calls->value.netns, answers->value.netns);
    /* the ends meet: the same connection was the latest of both */
    assert_int_equal(calls->value.local_port, answers->value.peer_port);
    assert_non_null(there(world, FLOW_LISTENS, IPPROTO_TCP, "::", PORT));
    assert_non_null(there(world, FLOW_CALLS, IPPROTO_TCP, "::1", PORT6));
    assert_non_null(there(world, FLOW_ANSWERS, IPPROTO_TCP, "::1", PORT6));
    /* who is refused has tried */
    assert_non_null(there(world, FLOW_CALLS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT_REFUSED));
    const struct seen *udp = there(world, FLOW_CALLS, IPPROTO_UDP, "::ffff:127.0.0.1", PORT_UDP);
    if (udp) /* not where no v2 hierarchy is mounted */
        assert_int_equal(udp->value.count, 2);
    assert_int_equal(world->told_count, world->there_count); /* each was told, once */
    assert_int_equal(probe_replica(world->own.probe, world->own.replica)->flows_held,
                     world->there_count);
    end_child(world);
}

static void listen_then_talk(int round)
{
    static int listener, client;
    struct sockaddr_in four = v4(PORT);
    if (round == 0) {
        listener = listen_on(&four, sizeof four, AF_INET);
        client = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(client, (struct sockaddr *)&four, sizeof four) != 0 ||
            accept(listener, NULL, NULL) < 0)
            _exit(1);
    } else if (round == 1) {
        talk(&four, sizeof four, AF_INET, listener);
    } else {
        close(client);
    }
}

/* Sockets that were there before they could be seen. */
static void older_sockets_are_adopted(void **state)
{
    struct world *world = *state;
    struct error err;
    if (!world) {
        skip();
        return; /* which skip has done: so that analyzers know */
    }
    start_child(world, listen_then_talk);
    next_round(world);
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, world->child, &err), 0);
    assert_int_equal(probe_flows_adopt(world->own.probe, &err), 0);
    look(world);
    const struct seen *calls = there(world, FLOW_CALLS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT);
    assert_non_null(there(world, FLOW_LISTENS, IPPROTO_TCP, "::", PORT));
    assert_non_null(there(world, FLOW_ANSWERS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT));
    assert_non_null(calls);
    assert_int_equal(calls->value.open, 1);
    next_round(world); /* a child of the adopted listener */
    next_round(world); /* and the end of the adopted connection */
    look(world);
    const struct seen *answers = there(world, FLOW_ANSWERS, IPPROTO_TCP, "::ffff:127.0.0.1", PORT);
    assert_int_equal(answers->value.count, 2);
    end_child(world);
}

/* Asks and answers: a server that is asked twice from one port, once from another. */
static void ask_and_answer(int round)
{
    struct sockaddr_in server = v4(PORT_UDP), from;
    socklen_t size = sizeof from;
    char byte;
    (void)round;
    int answering = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(answering, (struct sockaddr *)&server, sizeof server) != 0)
        _exit(1);
    for (int i = 0; i < 2; i++) {
        int asking = socket(AF_INET, SOCK_DGRAM, 0);
        for (int k = 0; k < 2 - i; k++) {
            sendto(asking, "x", 1, 0, (struct sockaddr *)&server, sizeof server);
            recvfrom(answering, &byte, 1, 0, (struct sockaddr *)&from, &size);
            sendto(answering, "y", 1, 0, (struct sockaddr *)&from, size);
            recvfrom(asking, &byte, 1, 0, (struct sockaddr *)&from, &size);
        }
        close(asking);
    }
    close(answering);
}

static void who_receives_datagrams_is_seen(void **state)
{
    struct world *world = *state;
    struct error err;
    if (!world) {
        skip();
        return; /* which skip has done: so that analyzers know */
    }
    start_child(world, ask_and_answer);
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, world->child, &err), 0);
    next_round(world);
    look(world);
    end_child(world);
    if (world->there_count == 0) { /* no v2 hierarchy is mounted */
        skip();
        return;
    }
    const struct seen *calls = there(world, FLOW_CALLS, IPPROTO_UDP, "::ffff:127.0.0.1", PORT_UDP);
    const struct seen *answers =
        there(world, FLOW_ANSWERS, IPPROTO_UDP, "::ffff:127.0.0.1", PORT_UDP);
    assert_non_null(calls);
    assert_non_null(answers);
    assert_int_equal(calls->value.count, 3);
    assert_int_equal(answers->value.count, 3);
    assert_int_equal(calls->value.local_port, answers->value.peer_port);
    assert_int_equal(world->there_count, 2); /* what went back is no flow */
}

/* ---- unix sockets ---- */

static struct sockaddr_un at_path(const char *what, pid_t parent)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/skink-flows-%s-%d", what,
             (int)parent);
    return address;
}

static void call_unix(int round)
{
    struct sockaddr_un stream = at_path("stream", getppid()),
                       datagram = at_path("datagram", getppid()), abstract;
    static int listener, receiver, hidden;
    abstract = at_path("hidden", getppid());
    abstract.sun_path[0] = '\0';
    if (round == 0) {
        listener = listen_on(&stream, sizeof stream, AF_UNIX);
        receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
        hidden = listen_on(&abstract, 22, AF_UNIX);
        if (bind(receiver, (struct sockaddr *)&datagram, sizeof datagram) != 0)
            _exit(1);
    } else if (round == 1) {
        struct iovec byte = {.iov_base = "x", .iov_len = 1};
        const struct msghdr message = {.msg_name = &datagram,
                                       .msg_namelen = sizeof datagram,
                                       .msg_iov = &byte,
                                       .msg_iovlen = 1};
        int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
        talk(&stream, sizeof stream, AF_UNIX, listener);
        talk(&abstract, 22, AF_UNIX, hidden);
        if (sendto(sender, "x", 1, 0, (struct sockaddr *)&datagram, sizeof datagram) != 1 ||
            sendmsg(sender, &message, 0) != 1)
            _exit(1);
        close(sender);
    } else {
        unlink(stream.sun_path);
        unlink(datagram.sun_path);
        close(listener);
        close(receiver);
        close(hidden);
    }
}

static const struct seen *there_unix(const struct world *world, enum flow_role role,
                                     const char *name)
{
    for (size_t i = 0; i < world->there_count; i++) {
        const struct seen *seen = &world->there[i];
        if (seen->key.transport == FLOW_UNIX && seen->key.role == role &&
            (strstr(seen->value.name, name) || strstr(seen->value.name + 1, name)))
            return seen;
    }
    return NULL;
}

static void unix_sockets_are_seen_by_their_names(void **state)
{
    struct world *world = *state;
    struct error err;
    struct stat status;
    if (!world) {
        skip();
        return; /* which skip has done: so that analyzers know */
    }
    start_child(world, call_unix);
    next_round(world); /* bound before anybody looks */
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, world->child, &err), 0);
    next_round(world);
    assert_int_equal(probe_flows_adopt(world->own.probe, &err), 0);
    assert_int_equal(probe_flows_adopt(world->own.probe, &err), 0); /* changes nothing */
    look(world);
    const struct seen *stream = there_unix(world, FLOW_CALLS, "stream");
    const struct seen *datagram = there_unix(world, FLOW_CALLS, "datagram");
    const struct seen *hidden = there_unix(world, FLOW_CALLS, "tmp/skink-flows-hid");
    assert_non_null(stream);
    assert_non_null(datagram);
    assert_non_null(hidden);
    assert_int_equal(stream->value.count, 1);
    assert_int_equal(datagram->value.count, 2);
    assert_string_equal(stream->value.command, "test_flows");
    const struct seen *bound = there_unix(world, FLOW_LISTENS, "stream");
    assert_non_null(bound);
    assert_memory_equal(bound->value.name, stream->value.name, FLOW_NAME);
    assert_int_equal(stat(at_path("stream", getpid()).sun_path, &status), 0);
    assert_int_equal(bound->value.inode, status.st_ino);
    assert_non_null(there_unix(world, FLOW_LISTENS, "datagram"));
    bound = there_unix(world, FLOW_LISTENS, "tmp/skink-flows-hid");
    assert_non_null(bound);
    assert_memory_equal(bound->value.name, hidden->value.name, FLOW_NAME);
    assert_int_equal(bound->value.netns, hidden->value.netns);
    assert_int_equal(world->there_count, 6);
    next_round(world);
    end_child(world);
}

static void call_many(int round)
{
    (void)round;
    for (uint32_t i = 0; i < FLOWS_EACH + 100; i++) {
        struct sockaddr_in udp = v4((uint16_t)(2000 + i));
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fd, (struct sockaddr *)&udp, sizeof udp) == 0)
            _exit(1);
        close(fd);
    }
}

static void too_many_flows_are_counted(void **state)
{
    struct world *world = *state;
    struct error err;
    if (!world) {
        skip();
        return; /* which skip has done: so that analyzers know */
    }
    start_child(world, call_many);
    assert_int_equal(cgroup_enter(&world->own.hierarchy, world->own.path, world->child, &err), 0);
    next_round(world);
    const struct replica *replica = probe_replica(world->own.probe, world->own.replica);
    assert_true(replica->flows_held >= FLOWS_EACH);
    assert_true(replica->counters.lost.flows >= 100);
    end_child(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_connection_is_seen_from_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(older_sockets_are_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_receives_datagrams_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unix_sockets_are_seen_by_their_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_flows_are_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
