/* Takes a sealed log up where it ended, whatever ended it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "seal/writer.h"

/* What the log looks like before it is written to. */
struct found {
    struct seal_summary summary;
    struct seal_state state;
    int had_state; /* as state_read */
};

/* The end is in the last file, or, when that is still empty, in the one before it. */
static int read_end(const char *directory, seal_hook hook, void *context, struct found *found,
                    struct error *err)
{
    char **files = seal_files(directory);
    struct seal_check *check = seal_check_new(NULL, SEAL_ANYWHERE, hook, context);
    size_t count = 0;
    int outcome = 0;
    while (files[count])
        count++;
    for (size_t i = count > 1 ? count - 2 : 0; outcome == 0 && i < count; i++)
        outcome = seal_check_file(check, files[i], err);
    seal_check_end(check, found->had_state == 1 ? &found->state : NULL, false);
    found->summary = *seal_check_summary(check);
    seal_check_free(check);
    seal_files_free(files);
    return outcome;
}

/* Removes the unfinished entry of a daemon that was killed. */
static int mend_tail(struct seal_log *log, const struct found *found, struct error *err)
{
    if (found->summary.torn == 0)
        return 0;
    if (ftruncate(log->fd, log->seen.st_size - (off_t)found->summary.torn) < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s: the unfinished entry stays", log->path);
    writer_saw(log);
    return 0;
}

/* The key of the next entry; a new one where the old one is lost. */
static void take_key(struct seal_log *log, const struct found *found)
{
    log->state = found->state;
    if (found->had_state == 1) {
        for (; log->state.next < found->summary.next; log->state.next++)
            key_evolve(&log->state.key);
        return;
    }
    log->state.next = found->summary.next;
    log->state.kept = false;
    log->unsaid = true;
    key_draw(&log->state.key);
}

/* Says in the log itself how it was found. */
static int write_down(struct seal_log *log, const struct found *found, struct error *err)
{
    char body[128];
    int outcome = 0;
    if (found->summary.torn > 0) {
        snprintf(body, sizeof body, "{\"bytes\":%" PRIu64 "}", found->summary.torn);
        outcome = seal_append(log, "torn", body, err);
    }
    if (outcome == 0 && found->summary.faults > 0) {
        snprintf(body, sizeof body, "{\"faults\":%" PRIu64 ",\"what\":\"found at the start\"}",
                 found->summary.faults);
        outcome = seal_append(log, "tampered", body, err);
    }
    return outcome;
}

struct seal_log *seal_open(const char *directory, uint64_t file_max, seal_hook hook, void *context,
                           struct error *err)
{
    struct found found = {0};
    struct seal_log *log = memory_must(calloc(1, sizeof *log));
    log->fd = -1;
    log->file_max = file_max ? file_max : SEAL_FILE_MAX;
    log->directory = memory_must(strdup(directory));
    if (asprintf(&log->path, "%s/sealed.log", directory) < 0)
        memory_must(NULL);
    log->state_fd = state_lock(directory, err);
    if (log->state_fd < 0) {
        seal_close(log);
        return NULL;
    }
    found.had_state = state_read(log->state_fd, &found.state);
    if (read_end(directory, hook, context, &found, err) < 0) {
        seal_close(log);
        return NULL;
    }
    memcpy(log->head, found.summary.head, sizeof log->head);
    take_key(log, &found);
    log->file_first = found.summary.file_first;
    if (writer_open_file(log, err) < 0 || mend_tail(log, &found, err) < 0 ||
        write_down(log, &found, err) < 0) {
        seal_close(log);
        return NULL;
    }
    key_forget(&found.state.key);
    return log;
}
