#include "trace/errnos.h"

#include <stdint.h>
#include <string.h>

#define ERRNO_MAX 4095 /* the kernel's */

/* What the kernel tells only itself, and strace: the call begins again or returns EINTR. */
static const struct {
    const char *name;
    int number;
} RESTARTS[] = {{"ERESTARTSYS", 512},
                {"ERESTARTNOINTR", 513},
                {"ERESTARTNOHAND", 514},
                {"ERESTART_RESTARTBLOCK", 516}};

static int resolve(const char *name)
{
    for (size_t i = 0; i < sizeof RESTARTS / sizeof *RESTARTS; i++)
        if (strcmp(RESTARTS[i].name, name) == 0)
            return RESTARTS[i].number;
    for (int number = 1; number <= ERRNO_MAX; number++) {
        const char *known = strerrorname_np(number);
        if (known && strcmp(known, name) == 0)
            return number;
    }
    return 0;
}

int errnos_find(struct errnos *errnos, const char *name, size_t length)
{
    if (length == 0 || length >= ERRNOS_NAME || memchr(name, '\0', length))
        return 0;
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619U;
    __typeof__(&errnos->slot[0]) slot = &errnos->slot[(hash ^ hash >> 16) % ERRNOS_SLOTS];
    if (memcmp(slot->name, name, length) != 0 || slot->name[length] != '\0') {
        memcpy(slot->name, name, length);
        slot->name[length] = '\0';
        slot->number = resolve(slot->name);
    }
    return slot->number;
}
