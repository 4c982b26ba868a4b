/* What a replica uses of what is limited, from its cgroup and /proc. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "tolerate/ageing.h"

#define TEXT      8192
#define PATH      1600
#define PROCESSES 256          /* of a replica that are looked at */
#define UNLIMITED (1ULL << 60) /* cgroup v1 says so by a number near 2^63 */

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* The beginning of a small file. */
static bool read_text(const char *directory, const char *name, char text[TEXT])
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, text, TEXT - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool number_at(const char *text, uint64_t *number)
{
    return parse_digits(&text, text + strlen(text), 10, number);
}

/* ---- memory ---- */

static double host_memory(void)
{
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

/* File pages that were not used lately, which the kernel takes back before anything fails. */
static uint64_t reclaimable(const char *directory, const char *word)
{
    char text[TEXT];
    uint64_t bytes = 0;
    const char *line = read_text(directory, "memory.stat", text) ? strstr(text, word) : NULL;
    return line && number_at(line + strlen(word), &bytes) ? bytes : 0;
}

bool usage_memory(const char *directory, struct usage *usage)
{
    char text[TEXT];
    uint64_t used, limit;
    bool v2 = read_text(directory, "memory.current", text);
    if (!v2 && !read_text(directory, "memory.usage_in_bytes", text))
        return false;
    if (!number_at(text, &used))
        return false;
    uint64_t idle = reclaimable(directory, v2 ? "\ninactive_file " : "\ntotal_inactive_file ");
    usage->used = (double)(used > idle ? used - idle : 0);
    usage->limit = host_memory();
    if (read_text(directory, v2 ? "memory.max" : "memory.limit_in_bytes", text) &&
        number_at(text, &limit) && limit < UNLIMITED && (double)limit < usage->limit)
        usage->limit = (double)limit;
    return true;
}

/* ---- descriptors ---- */

static uint64_t open_descriptors(uint64_t pid)
{
    char path[64];
    uint64_t count = 0;
    snprintf(path, sizeof path, "/proc/%llu/fd", (unsigned long long)pid);
    __attribute__((cleanup(close_directory))) DIR *directory = opendir(path);
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    return count;
}

static bool descriptors_of(uint64_t pid, struct usage *usage)
{
    static const char LIMIT[] = "\nMax open files";
    char directory[64], text[TEXT];
    uint64_t limit;
    snprintf(directory, sizeof directory, "/proc/%llu", (unsigned long long)pid);
    const char *line = read_text(directory, "limits", text) ? strstr(text, LIMIT) : NULL;
    if (!line)
        return false;
    line += strlen(LIMIT);
    if (!number_at(line + strspn(line, " "), &limit) || limit == 0)
        return false;
    *usage = (struct usage){.used = (double)open_descriptors(pid), .limit = (double)limit};
    return true;
}

bool usage_descriptors(const char *directory, struct usage *usage)
{
    char text[TEXT];
    bool found = false;
    if (!read_text(directory, "cgroup.procs", text))
        return false;
    const char *at = text, *end = text + strlen(text);
    uint64_t pid;
    for (int i = 0; i < PROCESSES && parse_digits(&at, end, 10, &pid); i++, at += *at == '\n') {
        struct usage one;
        if (!descriptors_of(pid, &one))
            continue;
        if (!found || one.used / one.limit > usage->used / usage->limit)
            *usage = one;
        found = true;
    }
    return found;
}
