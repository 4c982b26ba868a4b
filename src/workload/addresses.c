/* The addresses of a process's network namespace, from what /proc says of it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "workload/workload.h"

struct addresses {
    uint8_t (*address)[16];
    size_t count, max;
};

static void add(struct addresses *list, const uint8_t address[16])
{
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->address[i], address, 16) == 0)
            return; /* every table of the kernel has it */
    if (list->count < list->max)
        memcpy(list->address[list->count++], address, 16);
}

/* "|-- 10.0.0.2", and below it "/32 host LOCAL" when the address is the namespace's own. */
static void read_v4(FILE *file, struct addresses *list)
{
    char line[256];
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};
    while (fgets(line, sizeof line, file)) {
        char text[INET_ADDRSTRLEN];
        if (sscanf(line, " |-- %15s", text) == 1)
            inet_pton(AF_INET, text, address + 12);
        else if (strstr(line, "/32 host LOCAL"))
            add(list, address);
    }
}

/* "fe800000000000000042acfffe110002 02 40 20 80 eth0" */
static void read_v6(FILE *file, struct addresses *list)
{
    char line[256];
    while (fgets(line, sizeof line, file)) {
        uint8_t address[16];
        size_t i = 0;
        while (i < 16 && sscanf(line + 2 * i, "%2hhx", &address[i]) == 1)
            i++;
        if (i == 16)
            add(list, address);
    }
}

uint32_t workload_network(pid_t pid)
{
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return stat(path, &found) == 0 ? (uint32_t)found.st_ino : 0;
}

size_t workload_addresses(pid_t pid, uint8_t (*addresses)[16], size_t max, uint32_t *netns)
{
    char path[64];
    struct addresses list = {.address = addresses, .max = max};
    *netns = workload_network(pid);
    if (!*netns)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/net/fib_trie", (int)pid);
    autofile FILE *v4 = fopen(path, "re");
    if (v4)
        read_v4(v4, &list);
    snprintf(path, sizeof path, "/proc/%d/net/if_inet6", (int)pid);
    autofile FILE *v6 = fopen(path, "re");
    if (v6)
        read_v6(v6, &list);
    return list.count;
}

void workload_address_text(const uint8_t address[16], char *text)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    bool v4 = memcmp(address, MAPPED, sizeof MAPPED) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text, INET6_ADDRSTRLEN);
}
