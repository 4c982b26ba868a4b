#include "respond/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define NARROWEST 30 /* bits: two addresses to draw from */

struct request {
    struct nlmsghdr head;
    struct ifaddrmsg address;
    struct rtattr attribute;
    struct in_addr value;
};

int address_find(struct in_addr wanted, struct address *found, struct error *err)
{
    struct ifaddrs *all;
    char text[INET_ADDRSTRLEN];
    bool here = false;
    if (getifaddrs(&all) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot list the addresses");
    for (const struct ifaddrs *each = all; each && !here; each = each->ifa_next) {
        const struct sockaddr_in *own = (const struct sockaddr_in *)(const void *)each->ifa_addr;
        const struct sockaddr_in *mask =
            (const struct sockaddr_in *)(const void *)each->ifa_netmask;
        here = own && mask && own->sin_family == AF_INET && own->sin_addr.s_addr == wanted.s_addr;
        if (!here)
            continue;
        found->address = wanted;
        found->prefix = (uint8_t)__builtin_popcount(mask->sin_addr.s_addr);
        snprintf(found->interface, sizeof found->interface, "%s", each->ifa_name);
    }
    freeifaddrs(all);
    inet_ntop(AF_INET, &wanted, text, sizeof text);
    return here ? 0 : error_set(err, EXIT_MACHINE, 0, "%s: is not an address there", text);
}

/* 0, or the kernel's error. */
static int send_request(const struct request *request)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[256];
    } answer;
    autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, request, request->head.nlmsg_len, 0) < 0 ||
        recv(fd, &answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof(int)))
        return errno;
    return answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
}

/* Else the kernel takes every other address of the network away with its first one. */
static void keep_others(const struct address *address)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
             address->interface);
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? 0 : write(fd, "1", 1);
    (void)written;
}

int address_set(const struct address *address, bool there, struct error *err)
{
    char text[INET_ADDRSTRLEN];
    struct request request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = there ? RTM_NEWADDR : RTM_DELADDR,
                 .nlmsg_flags =
                     NLM_F_REQUEST | NLM_F_ACK | (there ? NLM_F_CREATE | NLM_F_EXCL : 0)},
        .address = {.ifa_family = AF_INET,
                    .ifa_prefixlen = address->prefix,
                    .ifa_index = if_nametoindex(address->interface)},
        .attribute = {.rta_len = RTA_LENGTH(sizeof request.value), .rta_type = IFA_LOCAL},
        .value = address->address,
    };
    if (!there)
        keep_others(address);
    int failed = send_request(&request);
    if (failed == 0 || failed == (there ? EEXIST : EADDRNOTAVAIL))
        return 0;
    inet_ntop(AF_INET, &address->address, text, sizeof text);
    return error_set(err, EXIT_MACHINE, failed, "%s: cannot be %s %s", text,
                     there ? "given to" : "taken from", address->interface);
}

int address_parse_range(const char *text, struct in_addr *network, uint8_t *prefix,
                        struct error *err)
{
    char copy[INET_ADDRSTRLEN];
    uint64_t bits = 0;
    const char *slash = strchr(text, '/');
    const char *digits = slash ? slash + 1 : "";
    size_t length = slash ? (size_t)(slash - text) : 0;
    if (length > 0 && length < sizeof copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
        if (inet_pton(AF_INET, copy, network) == 1 &&
            parse_digits(&digits, digits + strlen(digits), 10, &bits) && !*digits && bits >= 8 &&
            bits <= NARROWEST) {
            *prefix = (uint8_t)bits;
            return 0;
        }
    }
    return error_set(err, EXIT_USAGE, 0,
                     "\"%s\" is no range of IPv4 addresses (such as 10.1.2.0/24)", text);
}

struct in_addr address_draw(struct in_addr network, uint8_t prefix)
{
    uint32_t hosts = (1u << (32 - prefix)) - 2, drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
        drawn = 0;
    uint32_t first = ntohl(network.s_addr) & ~((1u << (32 - prefix)) - 1);
    return (struct in_addr){htonl(first + 1 + drawn % hosts)};
}
