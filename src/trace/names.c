#include "trace/names.h"

#include <stdio.h>
#include <string.h>

/* What others call a call that has another name in the kernel's tables. */
static const char *const ALIASES[][2] = {
    {"pread", "pread64"},
    {"pwrite", "pwrite64"},
    {"prlimit", "prlimit64"},
    {"umount", "umount2"},
    {"sigreturn", "rt_sigreturn"},
    {"fstatat", "newfstatat"},
    {"fadvise", "fadvise64"},
    {"sysctl", "_sysctl"},
    {"????", "#32767"}, /* strace could not find out */
    {"unknown", "#32767"},
    {"<unknown>", "#32767"}, /* sysdig has no name for it */
    {"syscall", "#32767"},
};

static int look_up(const char *name, bool i386)
{
    char compat[CALL_NAME + sizeof "/32"];
    snprintf(compat, sizeof compat, "%s/32", name);
    return call_by_name(i386 ? compat : name);
}

static int resolve(const char *name, bool i386)
{
    int number = look_up(name, i386);
    for (size_t i = 0; number < 0 && i < sizeof ALIASES / sizeof *ALIASES; i++)
        if (strcmp(ALIASES[i][0], name) == 0)
            number = look_up(ALIASES[i][1], i386);
    return number >= 0 ? number : look_up(name, true);
}

int names_find(struct names *names, const char *name, size_t length, bool i386)
{
    if (length == 0 || length >= CALL_NAME || memchr(name, '\0', length))
        return -1;
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619U;
    __typeof__(&names->slot[0][0]) slot = &names->slot[i386][(hash ^ hash >> 15) % NAMES_SLOTS];
    if (memcmp(slot->name, name, length) != 0 || slot->name[length] != '\0') {
        memcpy(slot->name, name, length);
        slot->name[length] = '\0';
        slot->number = resolve(slot->name, i386);
    }
    return slot->number;
}
