#include "incident/ends.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct known {
    size_t owner;
    uint32_t netns;
    uint8_t address[16]; /* of an address */
    uint16_t port;       /* of a listener */
};

struct book {
    struct known *entry;
    size_t count, room;
};

struct ends {
    struct book addresses, listeners;
};

static const uint8_t LOOPBACK[16] = {[15] = 1};
static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

struct ends *ends_new(void)
{
    return memory_must(calloc(1, sizeof(struct ends)));
}

void ends_free(struct ends *ends)
{
    if (!ends)
        return;
    free(ends->addresses.entry);
    free(ends->listeners.entry);
    free(ends);
}

void ends_clear(struct ends *ends)
{
    ends->addresses.count = ends->listeners.count = 0;
}

static bool same(const struct known *a, const struct known *b)
{
    return a->owner == b->owner && a->netns == b->netns && a->port == b->port &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

static void write_down(struct book *book, const struct known *known)
{
    for (size_t i = 0; i < book->count; i++)
        if (same(&book->entry[i], known))
            return;
    if (book->count == book->room) {
        book->room = book->room ? 2 * book->room : 64;
        book->entry = memory_must(reallocarray(book->entry, book->room, sizeof *book->entry));
    }
    book->entry[book->count++] = *known;
}

bool ends_is_loopback(const uint8_t address[16])
{
    return memcmp(address, LOOPBACK, sizeof LOOPBACK) == 0 ||
           (memcmp(address, MAPPED, sizeof MAPPED) == 0 && address[12] == 127);
}

void ends_address(struct ends *ends, size_t owner, uint32_t netns, const uint8_t address[16])
{
    static const uint8_t NONE[16];
    struct known known = {.owner = owner, .netns = netns};
    memcpy(known.address, address, sizeof known.address);
    if (memcmp(address, NONE, sizeof NONE) != 0 && memcmp(address + 12, NONE, 4) != 0)
        write_down(&ends->addresses, &known);
}

void ends_listens(struct ends *ends, size_t owner, uint32_t netns, uint16_t port)
{
    const struct known known = {.owner = owner, .netns = netns, .port = port};
    write_down(&ends->listeners, &known);
}

static bool listens(const struct ends *ends, const struct known *address, uint16_t port)
{
    const struct book *book = &ends->listeners;
    for (size_t i = 0; i < book->count; i++)
        if (book->entry[i].owner == address->owner && book->entry[i].netns == address->netns &&
            book->entry[i].port == port)
            return true;
    return false;
}

/* The only owner of the address; only among those that listen on the port when `listening`. */
static size_t only_one(const struct ends *ends, uint32_t netns, const uint8_t address[16],
                       uint16_t port, bool listening)
{
    const struct book *book = &ends->addresses;
    bool local = ends_is_loopback(address);
    size_t found = ENDS_NOBODY;
    for (size_t i = 0; i < book->count; i++) {
        const struct known *known = &book->entry[i];
        bool fits = local ? known->netns == netns : memcmp(known->address, address, 16) == 0;
        if (!fits || known->owner == found || (listening && !listens(ends, known, port)))
            continue;
        if (found != ENDS_NOBODY)
            return ENDS_NOBODY;
        found = known->owner;
    }
    return found;
}

size_t ends_find(const struct ends *ends, uint32_t netns, const uint8_t address[16], uint16_t port)
{
    size_t found = only_one(ends, netns, address, port, false);
    return found != ENDS_NOBODY ? found : only_one(ends, netns, address, port, true);
}
