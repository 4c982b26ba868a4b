#include "agent/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "agent/doctor_parts.h"
#include "agent/sandbox.h"
#include "base/cleanup.h"
#include "probe/refusing.h"
#include "probe/support.h"

enum { KERNEL_MAJOR = 5, KERNEL_MINOR = 15 };

const char *doctor_verdict_name(enum doctor_verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "fail"};
    return names[verdict];
}

enum doctor_verdict doctor_verdict(const struct doctor_finding *findings, size_t count)
{
    enum doctor_verdict worst = DOCTOR_OK;
    for (size_t i = 0; i < count; i++)
        if (findings[i].verdict > worst)
            worst = findings[i].verdict;
    return worst;
}

void doctor_add(struct doctor_report *report, enum doctor_verdict verdict, const char *point,
                const char *advice, const char *format, ...)
{
    if (report->count == DOCTOR_FINDINGS)
        return;
    struct doctor_finding *finding = &report->findings[report->count++];
    va_list args;
    va_start(args, format);
    finding->verdict = verdict;
    finding->point = point;
    vsnprintf(finding->found, sizeof finding->found, format, args);
    snprintf(finding->advice, sizeof finding->advice, "%s", advice ? advice : "");
    va_end(args);
}

static void examine_kernel(struct doctor_report *report)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    uname(&name);
    bool known = sscanf(name.release, "%3u.%3u", &major, &minor) == 2;
    bool new_enough = major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR);
    if (known && new_enough)
        doctor_add(report, DOCTOR_OK, "kernel", NULL, "Linux %s", name.release);
    else
        doctor_add(report, DOCTOR_FAIL, "kernel", "boot a newer kernel",
                   "Linux %s is older than %d.%d", name.release, KERNEL_MAJOR, KERNEL_MINOR);
    if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
        doctor_add(report, DOCTOR_OK, "BTF", NULL, "the kernel describes its types");
    else
        doctor_add(report, DOCTOR_FAIL, "BTF",
                   "boot a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys",
                   "/sys/kernel/btf/vmlinux: %s", strerror(errno));
}

/* The effective capabilities of this process, 0 when unknown. */
static uint64_t capabilities(void)
{
    uint64_t set = 0;
    char line[128];
    autofile FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "CapEff: %16" SCNx64, &set) == 1)
            break;
    return set;
}

static void examine_rights(struct doctor_report *report)
{
    static const struct {
        int bit;
        const char *name;
        bool vital;
    } wanted[] = {
        {CAP_BPF, "CAP_BPF", true},
        {CAP_PERFMON, "CAP_PERFMON", true},
        {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false},
        {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false},
        {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false},
    };
    uint64_t have = capabilities();
    char missing[128] = "";
    size_t used = 0;
    enum doctor_verdict verdict = DOCTOR_OK;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (have >> wanted[i].bit & 1)
            continue;
        used += (size_t)snprintf(missing + used, sizeof missing - used, " %s", wanted[i].name);
        if (verdict != DOCTOR_FAIL)
            verdict = wanted[i].vital ? DOCTOR_FAIL : DOCTOR_WARN;
    }
    if (verdict == DOCTOR_OK)
        doctor_add(report, verdict, "rights", NULL, "all capabilities that Skink uses");
    else
        doctor_add(report, verdict, "rights", "run it as root: sudo skink …", "missing:%s",
                   missing);
}

static void examine_bpf(struct doctor_report *report)
{
    struct error err = {0};
    if (probe_try_attach(&err) == 0)
        doctor_add(report, DOCTOR_OK, "probe", NULL, "a program loads and attaches to sys_enter");
    else
        doctor_add(report, DOCTOR_FAIL, "probe",
                   err.errnum == EPERM ? "see rights and lockdown" : NULL, "%s", err.text);
    if (probe_try_maps(&err) == 0)
        doctor_add(report, DOCTOR_OK, "maps", NULL, "task storage, ring buffer, array of maps");
    else
        doctor_add(report, DOCTOR_FAIL, "maps", "see rights; a kernel from 5.15 on has them", "%s",
                   err.text);
}

/* What the kernel has of it: the daemon leaves out the rest. */
static void examine_sandbox(struct doctor_report *report, const struct config *config)
{
    int version = sandbox_landlock_version();
    bool seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    if (!config->sandbox)
        doctor_add(report, DOCTOR_WARN, "sandbox", "take sandbox: false out of the configuration",
                   "switched off: the daemon keeps all of its rights");
    else if (version > 0 && seccomp)
        doctor_add(report, DOCTOR_OK, "sandbox", NULL,
                   "capabilities, seccomp and Landlock (version %d)", version);
    else
        doctor_add(
            report, DOCTOR_WARN, "sandbox",
            "boot a kernel with CONFIG_SECCOMP_FILTER, CONFIG_SECURITY_LANDLOCK and lsm=landlock,…",
            "this kernel has no%s%s", seccomp ? "" : " seccomp", version > 0 ? "" : " Landlock");
}

/* Integrity lockdown lets tracing programs be; confidentiality takes the reading of memory away. */
static void examine_lockdown(struct doctor_report *report)
{
    char line[128] = "";
    autofile FILE *file = fopen("/sys/kernel/security/lockdown", "re");
    if (!file || !fgets(line, sizeof line, file))
        doctor_add(report, DOCTOR_OK, "lockdown", NULL, "not known: securityfs does not show it");
    else if (strstr(line, "[confidentiality]"))
        doctor_add(report, DOCTOR_FAIL, "lockdown", "boot with lockdown=integrity",
                   "confidentiality");
    else
        doctor_add(report, DOCTOR_OK, "lockdown", NULL, "%s",
                   strstr(line, "[integrity]") ? "integrity" : "none");
}

/* One measure of many needs it. */
static void examine_refusing(struct doctor_report *report)
{
    struct error err = {0};
    if (probe_can_refuse(&err) == 0)
        doctor_add(report, DOCTOR_OK, "refuse", NULL, "BPF LSM: the kernel can refuse calls");
    else
        doctor_add(report, DOCTOR_WARN, "refuse", NULL, "the measure refuse cannot be taken: %s",
                   err.text);
}

static void examine_tracers(struct doctor_report *report)
{
    struct error err = {0};
    struct probe_tracer tracers[8];
    const int max = sizeof tracers / sizeof tracers[0];
    int count = probe_tracers(tracers, (size_t)max, &err);
    if (count <= 0) {
        doctor_add(report, DOCTOR_OK, "tracers", NULL, "%s",
                   count < 0 ? "not known: it takes CAP_SYS_ADMIN to list them"
                             : "no other program on sys_enter");
        return;
    }
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < count && i < max; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, " %s (%" PRIu32 ")",
                                 tracers[i].name[0] ? tracers[i].name : "-", tracers[i].id);
    doctor_add(report, DOCTOR_WARN, "tracers",
               "each makes every call of every process slower: bpftool link show",
               "%d on sys_enter:%s", count, names);
}

size_t doctor_examine(const struct config *config, struct doctor_finding findings[DOCTOR_FINDINGS])
{
    struct doctor_report report = {.findings = findings};
    examine_kernel(&report);
    examine_rights(&report);
    examine_sandbox(&report, config);
    examine_lockdown(&report);
    examine_bpf(&report);
    examine_refusing(&report);
    examine_tracers(&report);
    doctor_examine_cgroups(&report);
    doctor_examine_engines(&report, config);
    doctor_examine_state(&report, config);
    return report.count;
}
