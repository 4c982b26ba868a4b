/* The TCP connections of a process, as the hand reads them from its sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hand.h"

/* A listener on the loopback, its port, and connections to it whose other ends a child has. */
struct world {
    int listener, client[HAND_CONNECTIONS + 1];
    uint16_t port;
    size_t clients;
    pid_t child;
};

static void connect_one(struct world *world, int family, const void *address, socklen_t size)
{
    int *client = &world->client[world->clients++];
    *client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*client, address, size), 0);
}

static void listen_anywhere(struct world *world)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t size = sizeof any;
    world->listener = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(bind(world->listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(world->listener, 2 * HAND_CONNECTIONS), 0);
    assert_int_equal(getsockname(world->listener, (struct sockaddr *)&any, &size), 0);
    world->port = ntohs(any.sin6_port);
}

/* The child answers all clients, and waits. */
static void start_child(struct world *world)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    world->child = fork();
    if (world->child == 0) {
        for (size_t i = 0; i < world->clients; i++) {
            close(world->client[i]);
            if (accept(world->listener, NULL, NULL) < 0)
                _exit(1);
        }
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
}

static void end(struct world *world)
{
    kill(world->child, SIGKILL);
    waitpid(world->child, NULL, 0);
    for (size_t i = 0; i < world->clients; i++)
        close(world->client[i]);
    close(world->listener);
}

static size_t look(const struct world *world, struct hand_connection list[HAND_CONNECTIONS])
{
    const uint32_t pid[] = {(uint32_t)world->child, 0};
    return hand_connections(hand_connections_ask(NULL, pid, 2), list);
}

static void both_families_are_read(void **state)
{
    (void)state;
    struct world world = {0};
    struct hand_connection list[HAND_CONNECTIONS];
    listen_anywhere(&world);
    const struct sockaddr_in four = {.sin_family = AF_INET,
                                     .sin_port = htons(world.port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                                     .sin6_port = htons(world.port),
                                     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    connect_one(&world, AF_INET, &four, sizeof four);
    connect_one(&world, AF_INET6, &six, sizeof six);
    start_child(&world);
    assert_int_equal(look(&world, list), 2); /* the listener is none */
    assert_memory_equal(list[0].peer, mapped, sizeof mapped);
    assert_memory_equal(list[1].peer, &in6addr_loopback, sizeof in6addr_loopback);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(list[i].port, world.port);
        assert_int_equal(list[i].pid, world.child);
    }
    end(&world);
}

static void too_many_are_none(void **state)
{
    (void)state;
    struct world world = {0};
    struct hand_connection list[HAND_CONNECTIONS];
    listen_anywhere(&world);
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                                     .sin6_port = htons(world.port),
                                     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    for (int i = 0; i <= HAND_CONNECTIONS; i++)
        connect_one(&world, AF_INET6, &six, sizeof six);
    start_child(&world);
    assert_int_equal(look(&world, list), 0);
    end(&world);
    assert_int_equal(look(&world, list), 0); /* nor has one that has ended any */
    assert_int_equal(hand_connections(-1, list), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_read),
        cmocka_unit_test(too_many_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
