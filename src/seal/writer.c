/* Appends to a sealed log: an entry is whole, on the disk and its key forgotten, or it is not. */
#include "seal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "seal/entry.h"

#define LINE_ROOM 512 /* bytes of an entry beside its body */
#define FULL_NAME "%s/sealed-%012" PRIu64 ".log"

void writer_saw(struct seal_log *log)
{
    if (log->fd < 0 || fstat(log->fd, &log->seen) < 0)
        log->seen = (struct stat){0};
}

int writer_open_file(struct seal_log *log, struct error *err)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = open(log->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (log->fd < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot open %s", log->path);
    writer_saw(log);
    if (log->seen.st_size == 0)
        log->file_first = log->state.next;
    return 0;
}

/* All of it on the disk, or nothing of it in the file. */
static int write_whole(struct seal_log *log, const char *line, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t wrote = write(log->fd, line + done, length - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            break;
        done += (size_t)wrote;
    }
    if (done == length && fdatasync(log->fd) == 0)
        return 0;
    int errnum = errno;
    if (done > 0 && ftruncate(log->fd, log->seen.st_size) < 0)
        errnum = errno;
    errno = errnum;
    return -1;
}

/* The entry first, then its key: killed between the two, the key is one behind, which is known. */
static int write_entry(struct seal_log *log, const char *kind, const char *body, struct error *err)
{
    autofree char *line =
        entry_make(log->state.next, clock_realtime(), kind, body, log->head, &log->state.key);
    size_t length = strlen(line);
    if (log->fd < 0 && writer_open_file(log, err) < 0)
        return -1;
    if (write_whole(log, line, length) < 0) {
        error_set(err, EXIT_MACHINE, errno, "%s", log->path);
        writer_saw(log);
        return -1;
    }
    writer_saw(log);
    seal_hash(line, length - 1, log->head);
    log->state.next++;
    key_evolve(&log->state.key);
    return state_write(log->state_fd, &log->state) < 0
               ? error_set(err, EXIT_MACHINE, errno, "%s/sealed.key", log->directory)
               : 0;
}

/* The file is full: it gets a name of its own, and the chain goes on in a new one. */
static int rotate(struct seal_log *log, struct error *err)
{
    autofree char *full = NULL;
    char body[64];
    snprintf(body, sizeof body, "{\"first\":%" PRIu64 "}", log->file_first);
    if (write_entry(log, "rotate", body, err) < 0)
        return -1;
    if (asprintf(&full, FULL_NAME, log->directory, log->file_first) < 0)
        memory_must(NULL);
    if (rename(log->path, full) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot rename %s", log->path);
    return writer_open_file(log, err);
}

/* What is to be said before anything else: a new key, what could not be written. */
static int catch_up(struct seal_log *log, struct error *err)
{
    char body[64];
    if (log->unsaid && write_entry(log, "key", "{\"kept\":false}", err) < 0)
        return -1;
    log->unsaid = false;
    if (log->lost == 0)
        return 0;
    snprintf(body, sizeof body, "{\"entries\":%" PRIu64 "}", log->lost);
    if (write_entry(log, "lost", body, err) < 0)
        return -1;
    log->lost = 0;
    return 0;
}

/* ---- is it as it was left? ---- */

static bool is_there(const struct seal_log *log)
{
    struct stat now;
    return stat(log->path, &now) == 0 && now.st_ino == log->seen.st_ino &&
           now.st_dev == log->seen.st_dev;
}

static bool is_unchanged(const struct seal_log *log)
{
    struct stat now;
    const struct stat *seen = &log->seen;
    return fstat(log->fd, &now) == 0 && now.st_size == seen->st_size &&
           now.st_ctim.tv_sec == seen->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

/* What is appended must be a line of its own, whatever stands before it. */
static void end_line(struct seal_log *log)
{
    char last = '\n';
    writer_saw(log);
    if (log->seen.st_size > 0 && pread(log->fd, &last, 1, log->seen.st_size - 1) == 1 &&
        last != '\n' && write(log->fd, "\n", 1) == 1)
        writer_saw(log);
}

/* Notices what another has done to the file, goes on in spite of it, and writes it down. */
static void attend(struct seal_log *log)
{
    struct error ignored;
    char body[64];
    if (log->fd < 0 || (is_there(log) && is_unchanged(log)))
        return;
    log->disturbed = is_there(log) ? "changed" : "moved or removed";
    if (!is_there(log) && writer_open_file(log, &ignored) < 0)
        return;
    end_line(log);
    snprintf(body, sizeof body, "{\"what\":\"%s\"}", log->disturbed);
    write_entry(log, "tampered", body, &ignored);
}

int seal_look(struct seal_log *log, struct error *err)
{
    if (log->fd < 0 && writer_open_file(log, err) < 0)
        return -1;
    attend(log);
    if (!log->disturbed)
        return 0;
    error_set(err, EXIT_MACHINE, 0, "%s: another has %s it", log->path, log->disturbed);
    log->disturbed = NULL;
    return error_hint(err, "skink log verify names the place");
}

int seal_append(struct seal_log *log, const char *kind, const char *body, struct error *err)
{
    attend(log);
    uint64_t number = log->state.next;
    bool full = log->seen.st_size > 0 &&
                (uint64_t)log->seen.st_size + strlen(body) + LINE_ROOM > log->file_max;
    if (catch_up(log, err) == 0 && (!full || rotate(log, err) == 0)) {
        number = log->state.next;
        if (write_entry(log, kind, body, err) == 0)
            return 0;
    }
    log->lost += log->state.next == number; /* else it is written, and its key alone is not */
    return -1;
}

/* ---- what is old ---- */

/* Number of the first entry of a full file, by its name. */
static bool first_of(const char *path, uint64_t *number)
{
    const char *name = strrchr(path, '/'), *at = name ? strchr(name, '-') : NULL;
    return at && (at++, parse_digits(&at, at + strlen(at), 10, number)) && strcmp(at, ".log") == 0;
}

int seal_prune(struct seal_log *log, uint32_t keep, struct error *err)
{
    char **files = seal_files(log->directory);
    char body[128];
    size_t full = 0;
    uint64_t next;
    int outcome = 0;
    while (files[full] && strcmp(files[full], log->path) != 0)
        full++;
    size_t old = keep > 0 && full > keep ? full - keep : 0;
    if (old > 0 && first_of(files[old], &next)) {
        snprintf(body, sizeof body, "{\"next\":%" PRIu64 ",\"files\":%zu}", next, old);
        outcome = seal_append(log, "pruned", body, err);
        for (size_t i = 0; i < old && outcome == 0; i++)
            if (unlink(files[i]) < 0)
                outcome = error_set(err, EXIT_MACHINE, errno, "%s", files[i]);
    }
    seal_files_free(files);
    return outcome;
}

/* ---- the rest ---- */

int seal_begin_key(struct seal_log *log, struct seal_first *first, struct error *err)
{
    char body[64];
    struct seal_key fresh;
    bool begins = log->unsaid;
    key_draw(&fresh);
    log->unsaid = false;
    snprintf(body, sizeof body, "{\"kept\":true,\"first\":%" PRIu64 "}", log->state.next + !begins);
    if (!begins && seal_append(log, "key", body, err) < 0) /* by the old key, which ends here */
        return -1;
    *first = (struct seal_first){.first = log->state.next, .key = fresh};
    log->state.key = fresh;
    log->state.kept = true;
    key_forget(&fresh);
    if (state_write(log->state_fd, &log->state) < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s/sealed.key", log->directory);
    return begins ? seal_append(log, "key", body, err) : 0;
}

bool seal_is_kept(const struct seal_log *log)
{
    return log->state.kept;
}

uint64_t seal_next(const struct seal_log *log)
{
    return log->state.next;
}

void seal_close(struct seal_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    if (log->state_fd >= 0)
        close(log->state_fd);
    key_forget(&log->state.key);
    free(log->directory);
    free(log->path);
    free(log);
}
