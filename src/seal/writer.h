/* What the two files of the writer share; nobody else includes this. */
#ifndef SKINK_SEAL_WRITER_H
#define SKINK_SEAL_WRITER_H

#include <sys/stat.h>

#include "seal/key.h"

struct seal_log {
    char *directory, *path;
    uint64_t file_max;
    int fd;       /* -1: could not be opened the last time */
    int state_fd; /* locked */
    struct seal_state state;
    uint8_t head[SEAL_BYTES]; /* hash of the last entry */
    uint64_t file_first;      /* number of the first entry of the open file */
    struct stat seen;         /* as this log has left the file */
    bool unsaid;              /* the key is new, and no entry says so */
    uint64_t lost;            /* entries that could not be written since the last that could */
    const char *disturbed;    /* what another has done to the file, until it is told */
};

/* Opens path for appending and notes what it is; a file that is there is taken as it is. */
int writer_open_file(struct seal_log *log, struct error *err);

/* Notes the file as it is now. */
void writer_saw(struct seal_log *log);

#endif
