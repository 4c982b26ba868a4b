/*
 * Makes system calls and knows exactly how many.
 *
 *     calls PAGE CGROUP_PROCS THREADS flood|novel|RATE
 *
 * It joins the cgroup first and counts from there, until PAGE says stop. flood: each thread repeats
 * one sequence of calls as fast as it can. RATE: the same, so many calls a second, with a pause
 * every millisecond. novel: the calls come in random order, so that most windows are new.
 *
 * Nothing is called that the count would not know: threads are made by clone alone, everyone waits
 * by looking, and what was counted is written into the shared page.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "calls.h"

#define THREADS_MAX 64
#define STACK       16384
#define PAUSES      1000 /* a second, when paced */

enum mode { FLOOD, NOVEL, PACED };

/* Calls that change nothing and return at once. */
static const long SEQUENCE[] = {SYS_getpid, SYS_gettid,  SYS_getuid,  SYS_geteuid,
                                SYS_getgid, SYS_getegid, SYS_getppid, SYS_getpgrp};
#define LENGTH (sizeof SEQUENCE / sizeof *SEQUENCE)

static struct {
    volatile struct page *page;
    enum mode mode;
    uint64_t rate;
    struct timespec next; /* pause */
    struct {
        uint64_t calls;
        int ended;
        char stack[STACK] __attribute__((aligned(16)));
    } threads[THREADS_MAX];
} all;

/* The paced thread's calls until the next pause, which is one of them. */
static uint64_t paced(void)
{
    uint64_t count = all.rate / PAUSES;
    for (uint64_t i = 0; i + 1 < count; i++)
        syscall(SEQUENCE[i % LENGTH]);
    all.next.tv_nsec += 1000000000 / PAUSES;
    if (all.next.tv_nsec >= 1000000000) {
        all.next.tv_nsec -= 1000000000;
        all.next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &all.next, NULL);
    return count;
}

static uint64_t flood(void)
{
    for (size_t i = 0; i < LENGTH; i++)
        syscall(SEQUENCE[i]);
    return LENGTH;
}

static uint64_t novel(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    syscall(SEQUENCE[(*seed >> 33) % LENGTH]);
    return 1;
}

static void work(int index)
{
    uint64_t seed = (uint64_t)index + 1;
    uint64_t calls = 0;
    while (!all.page->stop)
        calls += all.mode == FLOOD ? flood() : all.mode == PACED ? paced() : novel(&seed);
    all.threads[index].calls = calls;
}

static int thread(void *index)
{
    work((int)(intptr_t)index);
    __atomic_store_n(&all.threads[(intptr_t)index].ended, 1, __ATOMIC_RELEASE);
    syscall(SYS_exit, 0);
    return 0;
}

static int start_threads(int count, struct error *err)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                      CLONE_SYSVSEM; /* what pthread_create sets, but for what costs it calls */
    for (int i = 1; i < count; i++)
        if (clone(thread, all.threads[i].stack + STACK, flags, (void *)(intptr_t)i) < 0)
            return error_set(err, EXIT_MACHINE, errno, "calls: clone");
    return 0;
}

/* All calls since the cgroup was joined: the work, each thread's clone and exit, the end. */
static uint64_t sum(int count)
{
    uint64_t calls = all.threads[0].calls + 1;
    for (int i = 1; i < count; i++) {
        while (!__atomic_load_n(&all.threads[i].ended, __ATOMIC_ACQUIRE))
            __builtin_ia32_pause();
        calls += all.threads[i].calls + 2;
    }
    return calls;
}

static int map_page(const char *path, struct error *err)
{
    autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    all.page = fd < 0 ? MAP_FAILED
                      : mmap(NULL, sizeof *all.page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return all.page == MAP_FAILED ? error_set(err, EXIT_USAGE, errno, "calls: %s", path) : 0;
}

static int read_mode(const char *text, struct error *err)
{
    all.mode = strcmp(text, "flood") == 0 ? FLOOD : strcmp(text, "novel") == 0 ? NOVEL : PACED;
    return all.mode == PACED ? parse_u64("RATE", text, PAUSES, 10000000, &all.rate, err) : 0;
}

/* The last step that is not counted. */
static int join(const char *path, struct error *err)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    clock_gettime(CLOCK_MONOTONIC, &all.next);
    if (fd < 0 || write(fd, "0\n", 2) != 2)
        return error_set(err, EXIT_USAGE, errno, "calls: cannot join %s", path);
    return take_fd(fd) < 0; /* left open: closing would be a call */
}

int main(int argc, char **argv)
{
    struct error err;
    uint64_t count;
    if (argc != 5) {
        fprintf(stderr, "usage: calls PAGE CGROUP_PROCS THREADS flood|novel|RATE\n");
        return EXIT_USAGE;
    }
    if (parse_u64("THREADS", argv[3], 1, THREADS_MAX, &count, &err) < 0 ||
        read_mode(argv[4], &err) < 0 || map_page(argv[1], &err) < 0 || join(argv[2], &err) < 0 ||
        start_threads((int)count, &err) < 0)
        return error_report(&err);
    work(0);
    all.page->calls = sum((int)count);
    _exit(EXIT_DONE);
}
