/* Names and numbers of calls, by libseccomp's tables. */
#include "trace/call.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "profile/pattern.h"

#define COMPAT_SUFFIX "/32"

uint32_t call_number_code(uint16_t number)
{
    return call_code(number & ~CALL_NUMBER_COMPAT, number & CALL_NUMBER_COMPAT);
}

const char *call_name(uint32_t code, char text[CALL_NAME])
{
    bool compat = code >= CALL_COMPAT;
    int number = (int)(compat ? code - CALL_COMPAT : code);
    uint32_t arch = compat ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;
    autofree char *name = seccomp_syscall_resolve_num_arch(arch, number);
    const char *suffix = compat ? COMPAT_SUFFIX : "";
    if (name)
        snprintf(text, CALL_NAME, "%s%s", name, suffix);
    else
        snprintf(text, CALL_NAME, "#%d%s", number, suffix);
    return text;
}

/*
 * libseccomp resolves the socket and System V calls of 32-bit x86 to pseudo numbers (-101 …), since
 * they may also come through socketcall and ipc: their own numbers are found by their names.
 */
static int number_by_name(uint32_t arch, const char *name)
{
    int number = seccomp_syscall_resolve_name_arch(arch, name);
    for (int i = 0; number < 0 && number != __NR_SCMP_ERROR && i < CALL_OTHER; i++) {
        autofree char *other = seccomp_syscall_resolve_num_arch(arch, i);
        if (other && strcmp(other, name) == 0)
            number = i;
    }
    return number < 0 ? -1 : number;
}

int call_by_name(const char *name)
{
    char base[CALL_NAME];
    size_t length = strlen(name), suffix = strlen(COMPAT_SUFFIX);
    if (length >= sizeof base)
        return -1;
    bool compat = length > suffix && strcmp(name + length - suffix, COMPAT_SUFFIX) == 0;
    snprintf(base, sizeof base, "%.*s", (int)(compat ? length - suffix : length), name);

    int number = -1;
    uint64_t unnamed;
    struct error err;
    if (base[0] != '#')
        number = number_by_name(compat ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64, base);
    else if (parse_u64("number", base + 1, 0, CALL_NUMBER_OTHER, &unnamed, &err) == 0)
        number = (int)unnamed;
    return number < 0 ? -1 : number | (compat ? CALL_NUMBER_COMPAT : 0);
}
