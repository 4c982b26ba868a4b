/* The file of a voting front's seats. What is accepted has names that differ, each with an address.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vote/seats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct seat *seat, size_t count)
{
    if (count > BALLOT_REPLICAS)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!*seat[i].name || !strchr(seat[i].address, ':') ||
            seat_find(seat, count, seat[i].name, strlen(seat[i].name)) != i)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct seat seat[BALLOT_REPLICAS];
    size_t count;
    char path[32];
    int file = memfd_create("seats", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    if (seats_read(path, seat, &count, &err) == 0)
        check(seat, count);
    close(file);
    return 0;
}
