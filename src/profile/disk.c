/* Profiles on disk: read whole, replaced whole, found by name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "profile/profile.h"

#define FILE_MAX         (256u << 20) /* two million of the longest patterns and their curve */
#define SUFFIX           ".profile"
#define TEMPORARY_SUFFIX ".XXXXXX"
#define STEM_MAX         (NAME_MAX - sizeof SUFFIX - sizeof TEMPORARY_SUFFIX)

/* Opens a regular file that is not too large. Does not hang on a FIFO. */
static int open_profile(const char *path, size_t *size, struct error *err)
{
    struct stat st;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_set(err, EXIT_USAGE, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, EXIT_USAGE, 0, "%s: not a regular file", path);
    if (st.st_size > FILE_MAX)
        return error_set(err, EXIT_USAGE, 0, "%s: %lld bytes are more than a profile may have (%u)",
                         path, (long long)st.st_size, FILE_MAX);
    *size = (size_t)st.st_size;
    return take_fd(fd);
}

struct profile *profile_load(const char *path, struct error *err)
{
    size_t size = 0, got = 0;
    autoclose int fd = open_profile(path, &size, err);
    if (fd < 0)
        return NULL;
    autofree char *data = memory_must(malloc(size + 1));
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set(err, EXIT_USAGE, errno, "%s: reading at byte %zu", path, got);
            return NULL;
        }
        if (n == 0)
            break; /* cut off since: the parser says where */
        got += (size_t)n;
    }
    return profile_parse(data, got, path, err);
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The rename survives a power cut only when the directory is on the disk too. */
static int sync_directory_of(const char *path)
{
    autofree char *directory = memory_must(strdup(path));
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[1] = '\0';
    autoclose int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : fsync(fd);
}

static int replace(int fd, const char *temporary, const char *path, const void *data, size_t size)
{
    if (write_all(fd, data, size) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0) {
        int cause = errno;
        unlink(temporary);
        errno = cause;
        return -1;
    }
    return sync_directory_of(path);
}

int profile_write(const char *path, const void *data, size_t size, struct error *err)
{
    autofree char *temporary = NULL;
    if (asprintf(&temporary, "%s" TEMPORARY_SUFFIX, path) < 0)
        temporary = memory_must(NULL);
    autoclose int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0 || replace(fd, temporary, path, data, size) < 0)
        return error_set(err, EXIT_USAGE, errno, "%s: cannot write the profile", path);
    return 0;
}

/* A leading dot would hide the file (or name the directory itself), so it is escaped too. */
static void escape(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || (*c == '.' && c > text);
        if (plain)
            fputc(*c, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*c);
    }
}

char *profile_path(const char *dir, const char *service, const char *version)
{
    autofree char *stem = NULL;
    char *path = NULL, hash[2 + 2 * sizeof(XXH128_hash_t)] = "";
    size_t length;
    FILE *out = memory_must(open_memstream(&stem, &length));
    escape(out, service);
    fputc('@', out);
    escape(out, version);
    if (fclose(out) != 0)
        memory_must(NULL);
    int kept = (int)length;
    if (length > STEM_MAX) { /* '~' is never plain: no short name looks like this */
        XXH128_hash_t h = XXH3_128bits(stem, length);
        snprintf(hash, sizeof hash, "~%016llx%016llx", (unsigned long long)h.high64,
                 (unsigned long long)h.low64);
        kept = (int)(STEM_MAX - strlen(hash));
    }
    if (asprintf(&path, "%s/%.*s%s" SUFFIX, dir, kept, stem, hash) < 0)
        memory_must(NULL);
    return path;
}
