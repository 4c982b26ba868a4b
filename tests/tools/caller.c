/*
 * Makes system calls, the same ones at each run: what the end-to-end tests let Skink watch.
 *
 *     caller random SEED COUNT     calls drawn from a dozen harmless ones
 *     caller repeat COUNT          the same call again and again
 *     caller threads THREADS SEED COUNT
 *                                  as random, in threads; the last one execs while the others run
 *     caller forks CHILDREN SEED COUNT
 *                                  as random, in processes one after the other, each forked anew
 *     caller execs TIMES SEED COUNT
 *                                  as random, then execs itself until TIMES have passed
 *     caller odd SEED COUNT        32-bit, x32 and impossible calls among the others
 *     caller bomb DEPTH            every process forks two, DEPTH generations, and waits for them
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GETPID_32 20

struct task {
    uint64_t seed;
    long count;
    pthread_barrier_t *start;
};

static const long HARMLESS[] = {SYS_getpid,  SYS_getppid, SYS_getuid, SYS_getgid,
                                SYS_geteuid, SYS_getegid, SYS_gettid, SYS_sched_yield,
                                SYS_getpgrp, SYS_getpgid, SYS_getsid, SYS_getpriority};
static const long ODD[] = {-1, 100000, 0x40000000 | SYS_getpid, 600, 510, 511, 0x7ffe, 0x8014};

/* xorshift64* (Vigna 2016): the same numbers everywhere. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL >> 32;
}

static void call(long number)
{
    syscall(number, 0, 0, 0);
}

#ifdef __x86_64__
/* A 32-bit call, which a 64-bit program may make as well. */
static void call_32(long number)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(0), "c"(0), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
}
#else
static void call_32(long number)
{
    call(number);
}
#endif

static void make_random(uint64_t seed, long count)
{
    uint64_t state = seed * 2 + 1;
    for (long i = 0; i < count; i++)
        call(HARMLESS[draw(&state) % (sizeof HARMLESS / sizeof *HARMLESS)]);
}

static void make_odd(uint64_t seed, long count)
{
    uint64_t state = seed * 2 + 1;
    for (long i = 0; i < count; i++) {
        switch (draw(&state) % 3) {
        case 0:
            call_32(GETPID_32 + (long)(draw(&state) % 2) * 4);
            break; /* getpid, getuid */
        case 1:
            call(ODD[draw(&state) % (sizeof ODD / sizeof *ODD)]);
            break;
        default:
            call(SYS_getpid);
        }
    }
}

static void *thread(void *argument)
{
    const struct task *task = argument;
    pthread_barrier_wait(task->start);
    make_random(task->seed, task->count);
    return NULL;
}

/* Ends the other threads in the midst of their calls. */
static void *exec_from_thread(void *argument)
{
    const struct task *task = argument;
    pthread_barrier_wait(task->start);
    make_random(task->seed, task->count / 2);
    execl("/proc/self/exe", "caller", "random", "7", "100", NULL);
    return NULL;
}

static void make_threads(long threads, uint64_t seed, long count)
{
    pthread_t made;
    pthread_barrier_t start;
    struct task *tasks = calloc((size_t)threads, sizeof *tasks);
    pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
    for (long i = 0; tasks && i < threads; i++) {
        tasks[i] = (struct task){seed + (uint64_t)i, count, &start};
        if (pthread_create(&made, NULL, i + 1 < threads ? thread : exec_from_thread, &tasks[i]))
            exit(1);
    }
    pthread_barrier_wait(&start);
    for (;;)
        make_random(seed, 100); /* until the exec */
}

static void make_forks(long children, uint64_t seed, long count)
{
    for (long i = 0; i < children; i++) {
        pid_t child = fork();
        if (child == 0) {
            make_random(seed + (uint64_t)i, count);
            _exit(0);
        }
        make_random(seed, 10);
        waitpid(child, NULL, 0);
    }
}

static void make_execs(long times, char *seed, char *count)
{
    char left[32];
    make_random(strtoull(seed, NULL, 10) + (uint64_t)times, strtol(count, NULL, 10));
    if (times <= 1)
        return;
    snprintf(left, sizeof left, "%ld", times - 1);
    execl("/proc/self/exe", "caller", "execs", left, seed, count, NULL);
    exit(1);
}

static void bomb(long depth)
{
    if (depth == 0)
        return;
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            bomb(depth - 1);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t number[3] = {0};
    for (int i = 2; i < argc && i < 5; i++)
        number[i - 2] = strtoull(argv[i], NULL, 10);
    if (strcmp(what, "random") == 0)
        make_random(number[0], (long)number[1]);
    else if (strcmp(what, "repeat") == 0)
        for (uint64_t i = 0; i < number[0]; i++)
            call(SYS_getpid);
    else if (strcmp(what, "threads") == 0)
        make_threads((long)number[0], number[1], (long)number[2]);
    else if (strcmp(what, "forks") == 0)
        make_forks((long)number[0], number[1], (long)number[2]);
    else if (strcmp(what, "execs") == 0 && argc > 4)
        make_execs((long)number[0], argv[3], argv[4]);
    else if (strcmp(what, "odd") == 0)
        make_odd(number[0], (long)number[1]);
    else if (strcmp(what, "bomb") == 0)
        bomb((long)number[0]);
    else
        return 2;
    return 0;
}
