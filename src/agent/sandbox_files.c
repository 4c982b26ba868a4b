/* Landlock: which files the daemon reaches, and that it binds to no port any more. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox_parts.h"
#include "base/cleanup.h"

/* By number: headers know fewer rights than the kernel that this runs on (landlock(7)). */
#define REFER     (1ULL << 13) /* from version 2 */
#define TRUNCATE  (1ULL << 14) /* 3 */
#define IOCTL_DEV (1ULL << 15) /* 5 */
#define BIND_TCP  (1ULL << 0)  /* 4, of the network */
#define ABSTRACT  (1ULL << 0)  /* 6, of scopes: abstract unix sockets, as containerd has them */

#define FIRST ((1ULL << 13) - 1) /* all rights of version 1 */
#define READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                     \
    (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                       \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     REFER | TRUNCATE)
#define REMOVE (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define CHANGE (LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)
#define OF_FILE \
    (LANDLOCK_ACCESS_FS_READ_FILE | CHANGE) /* what a rule about no directory may have */

struct ruleset {
    uint64_t fs, network, scoped;
};

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

/* An older kernel takes a smaller structure. */
static int make_ruleset(int version, struct ruleset *ruleset)
{
    size_t size = version >= 6 ? 24 : (version >= 4 ? 16 : 8);
    *ruleset = (struct ruleset){
        .fs = FIRST | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0) |
              (version >= 5 ? IOCTL_DEV : 0),
        .network = version >= 4 ? BIND_TCP : 0,
        .scoped = version >= 6 ? ABSTRACT : 0,
    };
    return (int)syscall(SYS_landlock_create_ruleset, ruleset, size, 0);
}

/* What is not there needs no rule. */
static int allow(int ruleset, uint64_t handled, const struct sandbox_path *one)
{
    static const uint64_t RIGHTS[] = {READ, WRITE, CHANGE, REMOVE};
    struct stat found;
    autoclose int fd = open(one->path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) < 0)
        return 0;
    uint64_t rights = RIGHTS[one->right] & handled & (S_ISDIR(found.st_mode) ? ~0ULL : OF_FILE);
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (rights == 0)
        return 0;
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int sandbox_files(const struct sandbox_path *paths, struct error *err)
{
    struct ruleset rights;
    int version = sandbox_landlock_version();
    if (version == 0)
        return error_set(err, EXIT_MACHINE, errno, "no Landlock in this kernel");
    autoclose int ruleset = make_ruleset(version, &rights);
    if (ruleset < 0)
        return error_set(err, EXIT_MACHINE, errno, "Landlock");
    for (const struct sandbox_path *one = paths; one->path; one++)
        if (allow(ruleset, rights.fs, one) < 0)
            return error_set(err, EXIT_MACHINE, errno, "Landlock: %s", one->path);
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return error_set(err, EXIT_MACHINE, errno, "Landlock");
    return version;
}
