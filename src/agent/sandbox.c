#include "agent/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox_parts.h"

/* All that the running daemon needs. */
static const struct {
    int number;
    const char *name;
} KEPT[] = {
    {CAP_BPF, "bpf"},                   /* makes maps when tables grow */
    {CAP_PERFMON, "perfmon"},           /* attaches again what another has detached */
    {CAP_NET_ADMIN, "net_admin"},       /* the same, for the links of a cgroup */
    {CAP_DAC_OVERRIDE, "dac_override"}, /* engines of other users: their sockets and states */
};

/* What watching takes, and measures that start no program; deploy/skink.service.in has the same. */
static const int LIMITED[] = {
    CAP_BPF,          CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE,       CAP_DAC_READ_SEARCH,
    CAP_DAC_OVERRIDE, CAP_CHOWN,   CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_KILL,
    CAP_SETPCAP,
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Without the bounding set and with no new privileges, no program could get others back either. */
static int keep(unsigned long long set, unsigned long long *left, struct error *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, EXIT_MACHINE, errno, "no_new_privs");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        if (!(set >> i & 1))
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* takes CAP_SETPCAP; a service may have none */
    if (syscall(SYS_capget, &head, data) < 0)
        return error_set(err, EXIT_MACHINE, errno, "capabilities");
    *left = set & (data[0].permitted | (unsigned long long)data[1].permitted << 32);
    for (int i = 0; i < 2; i++) {
        uint32_t half = (uint32_t)(*left >> 32 * i);
        data[i] = (struct __user_cap_data_struct){.effective = half, .permitted = half};
    }
    if (syscall(SYS_capset, &head, data) < 0)
        return error_set(err, EXIT_MACHINE, errno, "capabilities");
    return 0;
}

static int drop_capabilities(struct sandbox *sandbox, struct error *err)
{
    unsigned long long set = 0;
    for (size_t i = 0; i < COUNT(KEPT); i++)
        set |= 1ULL << KEPT[i].number;
    return keep(set, &sandbox->capabilities, err);
}

int sandbox_limit(struct error *err)
{
    unsigned long long set = 0, left;
    for (size_t i = 0; i < COUNT(LIMITED); i++)
        set |= 1ULL << LIMITED[i];
    return keep(set, &left, err);
}

static void note(struct sandbox *sandbox, const struct error *err)
{
    size_t length = strlen(sandbox->why);
    snprintf(sandbox->why + length, sizeof sandbox->why - length, "%s%s", length ? "; " : "",
             err->text);
}

int sandbox_enter(struct sandbox *sandbox, const struct sandbox_path *paths, struct error *err)
{
    struct error missing;
    *sandbox = (struct sandbox){.on = true};
    if (drop_capabilities(sandbox, err) < 0)
        return -1;
    sandbox->landlock = sandbox_files(paths, &missing);
    if (sandbox->landlock < 0) {
        sandbox->landlock = 0;
        note(sandbox, &missing);
    }
    sandbox->seccomp = sandbox_calls(&missing) == 0;
    if (!sandbox->seccomp)
        note(sandbox, &missing);
    return 0;
}

json_t *sandbox_json(const struct sandbox *sandbox)
{
    json_t *names = json_array();
    for (size_t i = 0; sandbox->on && i < COUNT(KEPT); i++)
        if (sandbox->capabilities >> KEPT[i].number & 1)
            json_array_append_new(names, json_string(KEPT[i].name));
    return json_pack("{s:b,s:o,s:i,s:b,s:s}", "on", sandbox->on, "capabilities", names, "landlock",
                     sandbox->landlock, "seccomp", sandbox->seccomp, "why", sandbox->why);
}
