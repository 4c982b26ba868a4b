/* strace: its text gives the calls, forks, execs and exits that it tells of. */
#include "reading.h"

static const char STRACE[] =
    "execve(\"./a\", [\"./a\"], 0x7ffc /* 37 vars */) = 0\n"
    "brk(NULL)                               = 0x55a8be950000\n"
    "openat(AT_FDCWD, \"a) = 7\", O_RDONLY) = -1 ENOENT (No such file or directory)\n"
    "fcntl(10, F_GETFL)                      = 0x2 (flags O_RDWR)\n"
    "umask(022)                              = 022\n"
    "poll([{fd=3}], 1, -1)                   = ? ERESTART_RESTARTBLOCK (Interrupted by signal)\n"
    "--- SIGCHLD {si_signo=SIGCHLD, si_status=0} ---\n"
    "read(3</etc/passwd>, \"x\"..., 10)        = 10 <0.000012>\n"
    "syscall_0x1f4(0, 0)                     = -1 (errno 38)\n"
    "accept4(3,  <detached ...>\n"
    "exit_group(0)                           = ?\n"
    "+++ exited with 0 +++\n";

static void strace_of_one(void **state)
{
    (void)state;
    store_text("one.strace", STRACE);
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 execve=0\n1:1 exec\n1:1 brk=94183240302592\n1:1 openat=-2\n1:1 fcntl=2\n"
                 "1:1 umask=18\n1:1 poll=-516\n1:1 read=10\n1:1 #500=-1\n1:1 accept4\n"
                 "1:1 exit_group\n1:1 exit\n");
    assert_survives_truncation("one.strace", STRACE, "strace");
}

/* strace -f on a terminal, where its messages cut lines in two. */
static const char STRACE_THREADS[] =
    "getpid()                                = 70\n"
    "clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f}strace: Process 71 attached\n"
    " => {parent_tid=[71]}, 88)              = 71\n"
    "[pid    71] futex(0x7f, FUTEX_WAIT, 2, NULL <unfinished ...>\n"
    "[pid    70] clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>\n"
    "strace: Process 72 attached\n"
    "[pid    72] getppid()                  = 70\n"
    "[pid    70] <... clone resumed>)       = 72\n"
    "[pid    72] +++ killed by SIGKILL (core dumped) +++\n"
    "[pid    71] <... futex resumed>)       = -1 EAGAIN (Resource temporarily unavailable)\n"
    "[pid    71] execve(\"/bin/b\", [\"b\"], 0x7f /* 9 vars */ <unfinished ...>\n"
    "[pid    70] <... nanosleep resumed>)   = ?\n"
    "+++ superseded by execve in pid 71 +++\n"
    "<... execve resumed>)                   = 0\n"
    "exit_group(1)                           = ?\n"
    "+++ exited with 1 +++\n";

static void strace_of_threads(void **state)
{
    (void)state;
    store_text("threads.strace", STRACE_THREADS);
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 getpid=70\n1:1 clone3=71\n71:1 fork<1\n71:1 futex=-11\n1:1 clone=72\n"
                 "72:72 fork<1\n72:72 getppid=70\n72:72 exit\n71:1 execve=0\n1:1 nanosleep\n"
                 "71:1 exit\n1:1 exec\n1:1 exit_group\n1:1 exit\n");
    assert_survives_truncation("threads.strace", STRACE_THREADS, "strace");
}

/* strace -f -o FILE: every line begins with its thread. */
static void strace_into_a_file(void **state)
{
    (void)state;
    store_text("file.strace", "70    1574370749.000001 fork()   = 71\n"
                              "71    1574370749.000003 getpid() = 71\n"
                              "70    1574370749.000005 wait4(-1, <unfinished ...>\n"
                              "71    1574370749.000007 +++ exited with 0 +++\n"
                              "70    1574370749.000009 <... wait4 resumed>NULL, 0, NULL) = 71\n"
                              "70    1574370749.000011 fork()   = 71\n");
    const struct reading *reading = read_file(&STRICT);
    assert_reads(reading, "strace",
                 "70:70 fork=71\n71:71 fork<70\n71:71 getpid=71\n70:70 wait4=71\n71:71 exit\n"
                 "70:70 fork=71\n71:71 fork<70\n");
    assert_int_equal(reading->calls[2].time, 1574370749000003000);
    assert_int_equal(reading->calls[3].time, 1574370749000005000);
}

static void strace_times(void **state)
{
    (void)state;
    const uint64_t s = 1000000000, day = 86400 * s;
    const struct {
        const char *text;
        uint64_t first, second;
    } cases[] = {
        {"10:00:01 brk(0) = 0\n10:00:02 brk(0) = 0\n", 36001 * s, 36002 * s},
        {"23:59:59.5 brk(0) = 0\n00:00:00.25 brk(0) = 0\n", day - s / 2, day + s / 4},
        {"1574370749.000001 brk(0) = 0\n1574370750.000000002 brk(0) = 0\n", 1574370749 * s + 1000,
         1574370750 * s + 2},
        {"     0.000000 brk(0) = 0\n     1.500000 brk(0) = 0\n", 1, 3 * s / 2},
        {"10:00:01 (+     0.000000) brk(0) = 0\n10:00:02 (+     1.0) brk(0) = 0\n", 36001 * s,
         36002 * s},
        {"[pid 9] 10:00:01.5 brk(0) = 0\n9 10:00:02 brk(0) = 0\n", 36001 * s + s / 2, 36002 * s},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_text("times.strace", cases[i].text);
        const struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, 0);
        assert_int_equal(reading->count, 2);
        assert_int_equal(reading->calls[0].time, cases[i].first);
        assert_int_equal(reading->calls[1].time, cases[i].second);
    }
}

static void strace_of_32_bits(void **state)
{
    (void)state;
    store_text("narrow.strace", "execve(\"./a\", [\"./a\"], 0x7ffc) = 0\n"
                                "[ Process PID=70 runs in 32 bit mode. ]\n"
                                "close(3) = 0\n"
                                "socketcall(1, 0xff) = 0\n");
    assert_reads(read_file(&STRICT), "strace",
                 "1:1 execve=0\n1:1 exec\n1:1 close/32=0\n1:1 socketcall/32=0\n");
}

static void strace_faults(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "read(3, \"abc", "read(3) = x",        "read 3 = 4", "no_such_call(3) = 0",
        "+++ exited",    "<... read resumed>", "--- SIGINT", "syscall_0xg(1) = 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128];
        snprintf(text, sizeof text, "brk(0) = 0\n%s\nbrk(0) = 1\n", wrong[i]);
        store_text("wrong.strace", text);
        struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, -1);
        assert_int_equal(reading->count, 1);
        assert_non_null(strstr(reading->err.text, "wrong.strace: line 2: "));
        reading = read_file(&LENIENT);
        assert_int_equal(reading->last, 0);
        assert_int_equal(reading->faults.skipped + reading->faults.unnamed, 1);
        assert_int_equal(reading->count, 2 + reading->faults.unnamed);
    }
}

/* A call that takes long does not keep all others waiting: memory is bounded. */
static void strace_of_a_long_call(void **state)
{
    (void)state;
    size_t size = 0;
    autofree char *text = NULL;
    FILE *stream = open_memstream(&text, &size);
    fputs("70 accept(3, <unfinished ...>\n", stream);
    for (int i = 0; i < 10000; i++)
        fprintf(stream, "71 lseek(3, 0, SEEK_CUR) = %d\n", i);
    fputs("70 <... accept resumed>) = 4\n70 close(4) = 0\n", stream);
    fclose(stream);
    store("long.strace", text, size);
    struct error err;
    struct call calls[20000];
    struct trace_reader *reader = trace_open(path, TRACE_ALL, &err);
    assert_int_equal(trace_read(reader, calls, 20000, &err), 10002);
    assert_int_equal(calls[0].tid, 70);
    assert_false(calls[0].has_value);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(calls[1 + i].value, i);
    assert_int_equal(calls[10001].tid, 70);
    trace_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strace_of_one),         cmocka_unit_test(strace_of_threads),
        cmocka_unit_test(strace_into_a_file),    cmocka_unit_test(strace_times),
        cmocka_unit_test(strace_of_32_bits),     cmocka_unit_test(strace_faults),
        cmocka_unit_test(strace_of_a_long_call),
    };
    return run_reading_tests(tests);
}
