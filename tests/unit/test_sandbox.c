/* agent/sandbox: a child that is confined tries what is forbidden, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sandbox.h"
#include "base/cleanup.h"

#define LIMITED 77 /* the kernel has no Landlock */

static char directory[64];
static int landlock; /* asked before: who is confined may not ask */

/* What a child ends with that enters the sandbox and then runs `attempt`. */
static int confined(int (*attempt)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox;
        struct error err;
        const struct sandbox_path paths[] = {{(char *)"/proc", SANDBOX_READ},
                                             {(char *)"/usr", SANDBOX_READ},
                                             {(char *)"/lib", SANDBOX_READ},
                                             {directory, SANDBOX_WRITE},
                                             {NULL, SANDBOX_READ}};
        if (sandbox_enter(&sandbox, paths, &err) < 0 || !sandbox.seccomp)
            _exit(99);
        _exit(attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void ends_with(int (*attempt)(void), int code)
{
    int status = confined(attempt);
    if (WIFEXITED(status) && WEXITSTATUS(status) == LIMITED)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void is_deadly(int (*attempt)(void))
{
    int status = confined(attempt);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* ---- calls ---- */

static int execute(void)
{
    return execl("/bin/true", "true", NULL);
}

static int fork_once(void)
{
    return fork() < 0;
}

static int trace(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static int enter_namespace(void)
{
    return (int)syscall(SYS_unshare, 0);
}

static int mount_something(void)
{
    return mount("none", directory, "tmpfs", 0, NULL);
}

static void intruders_calls_are_deadly(void **state)
{
    (void)state;
    is_deadly(execute);
    is_deadly(fork_once);
    is_deadly(trace);
    is_deadly(enter_namespace);
    is_deadly(mount_something);
}

/* As a kernel would that does not have it. */
static int load_program(void)
{
    union bpf_attr attributes = {0};
    long loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    return loaded == -1 && errno == ENOSYS ? 0 : 1;
}

static int open_packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

static void other_calls_are_not_there(void **state)
{
    (void)state;
    ends_with(load_program, 0);
    ends_with(open_packet_socket, 0);
}

static void *read_seccomp(void *context)
{
    *(int *)context = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    return NULL;
}

static int start_thread(void)
{
    pthread_t thread;
    int seccomp = 0;
    if (pthread_create(&thread, NULL, read_seccomp, &seccomp) != 0)
        return 1;
    pthread_join(thread, NULL);
    return seccomp == 2 ? 0 : 2;
}

static void threads_are_confined_too(void **state)
{
    (void)state;
    ends_with(start_thread, 0);
}

/* ---- files ---- */

static int write_elsewhere(void)
{
    char inside[128], outside[128];
    if (landlock == 0)
        return LIMITED;
    snprintf(inside, sizeof inside, "%s/inside", directory);
    snprintf(outside, sizeof outside, "%s-outside", directory);
    autoclose int allowed = open(inside, O_WRONLY | O_CREAT, 0600);
    autoclose int refused = open(outside, O_WRONLY | O_CREAT, 0600);
    return allowed >= 0 && refused == -1 && errno == EACCES ? 0 : 1;
}

static int read_elsewhere(void)
{
    if (landlock == 0)
        return LIMITED;
    autoclose int allowed = open("/proc/self/status", O_RDONLY);
    autoclose int refused = open("/etc/shadow", O_RDONLY);
    return allowed >= 0 && refused == -1 && errno == EACCES ? 0 : 1;
}

static int reach_another_process(void)
{
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)getppid());
    if (landlock == 0)
        return LIMITED;
    return readlink(link, target, sizeof target) == -1 ? 0 : 1;
}

static int listen_on_a_port(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    autoclose int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (landlock < 4)
        return LIMITED;
    return bind(fd, (const struct sockaddr *)&any, sizeof any) == -1 && errno == EACCES ? 0 : 1;
}

static void files_are_out_of_reach(void **state)
{
    (void)state;
    ends_with(write_elsewhere, 0);
    ends_with(read_elsewhere, 0);
    ends_with(reach_another_process, 0);
    ends_with(listen_on_a_port, 0);
}

/* ---- rights ---- */

static int change_owner(void)
{
    return chown(directory, 1, 1) == -1 && errno == ENOSYS ? 0 : 1;
}

static int raise_rights(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0
               ? 0
               : 1;
}

static void rights_are_gone(void **state)
{
    (void)state;
    ends_with(change_owner, 0);
    ends_with(raise_rights, 0);
}

static int make_directory(void **state)
{
    (void)state;
    landlock = sandbox_landlock_version();
    snprintf(directory, sizeof directory, "/tmp/skink-sandbox-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    char inside[128];
    (void)state;
    snprintf(inside, sizeof inside, "%s/inside", directory);
    unlink(inside);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intruders_calls_are_deadly),
        cmocka_unit_test(other_calls_are_not_there),
        cmocka_unit_test(threads_are_confined_too),
        cmocka_unit_test(files_are_out_of_reach),
        cmocka_unit_test(rights_are_gone),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
