/*
 * The sealed log: what Skink saw and did, in lines of JSON that nobody can change later without
 * being found out.
 *
 * Each entry carries its number, the hash of the entry before it, and a code of authenticity under
 * a key of its own. The key of an entry follows from the one before by a one-way function, and the
 * old key is forgotten: who takes over the host learns the key of the next entry, and none with
 * which he could rewrite those that are there (Bellare & Yee 1997, "Forward integrity for secure
 * audit logs"; Schneier & Kelsey 1999, "Secure audit logs to support computer forensics"). Who
 * keeps the first key elsewhere can check every entry.
 *
 * In the state directory: sealed.log; sealed-NUMBER.log, full ones, by their first entry;
 * sealed.key, the number and the key of the next entry.
 */
#ifndef SKINK_SEAL_SEAL_H
#define SKINK_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

#define SEAL_BYTES        32                 /* of a key, a hash, a code (SHA-256) */
#define SEAL_FILE_MAX     (16 * 1024 * 1024) /* bytes after which a new file begins */
#define SEAL_CHECKPOINT_S 60 /* seconds after which the daemon writes an entry anyway */

struct seal_key {
    uint8_t byte[SEAL_BYTES];
};

/* The key that an operator keeps elsewhere: of entry `first`, and by it of all that follow. */
struct seal_first {
    uint64_t first;
    struct seal_key key;
};

/* What the host keeps: the key of the entry that comes next. */
struct seal_state {
    uint64_t next;
    struct seal_key key;
    bool kept; /* an operator has been given the first key */
};

/* ---- checking ---- */

enum seal_fault {
    SEAL_CHANGED,      /* an entry is not what was written */
    SEAL_MISSING,      /* entries are not there, within the log or at its beginning */
    SEAL_OUT_OF_ORDER, /* an entry where it does not belong: moved, repeated, put in */
    SEAL_FOREIGN,      /* a line that is no entry */
    SEAL_CUT_OFF,      /* the end of the log is not there */
    SEAL_KEY,          /* the host's key is missing, old, or not the one that should be there */
    SEAL_TORN,         /* no fault: an entry that was being written when the daemon was killed */
    SEAL_HANDED_OVER,  /* no fault: what follows is sealed by another key, and was not checked */
    SEAL_PRUNED,       /* no fault: the log says that its beginning was removed as it was told to */
    SEAL_FAULTS,
};

/* No fault: worth knowing alone. */
bool seal_is_notice(enum seal_fault fault);

struct seal_finding {
    enum seal_fault fault;
    const char *file; /* "" when it is about the end of the log */
    uint64_t line;    /* from 1; 0 when it is about no line */
    uint64_t entry;
    const char *text; /* what is wrong, as a sentence without a full stop */
};

/* file and text are valid during the call alone. */
typedef void (*seal_hook)(void *context, const struct seal_finding *finding);

struct seal_summary {
    uint64_t first, next;     /* numbers of the first entry and of the one to come */
    uint64_t entries, sealed; /* all, and those whose code was checked with a key */
    uint64_t faults;          /* notices are none */
    uint64_t file_first;      /* number of the first entry of the last file */
    uint64_t torn;            /* bytes of an unfinished entry at the end */
    bool closed;              /* the last entry is the end of a daemon */
    char last_time[CLOCK_TEXT];
    uint8_t head[SEAL_BYTES]; /* hash of the last entry */
};

struct seal_check;

#define SEAL_ANYWHERE UINT64_MAX
#define SEAL_AS_TOLD  (UINT64_MAX - 1) /* at 0, or where an entry of its own says that it begins */

/*
 * key: the operator's, or NULL: the chain of hashes alone is checked. from: the number that the log
 * must begin with, or one of the above. hook is told of everything that is found.
 */
struct seal_check *seal_check_new(const struct seal_first *key, uint64_t from, seal_hook hook,
                                  void *context);
void seal_check_free(struct seal_check *check);

/* The text of a file: lines, each with its newline; a last one without is an unfinished entry. */
void seal_check_text(struct seal_check *check, const char *file, const char *text, size_t size);

/* 0, or -1: it cannot be read. */
int seal_check_file(struct seal_check *check, const char *path, struct error *err);

/* After the last file. state: what the host kept before the first file was read, NULL: it was not
 * there, and that is a fault. in_use: a daemon may have added entries since. */
void seal_check_end(struct seal_check *check, const struct seal_state *state, bool in_use);

const struct seal_summary *seal_check_summary(const struct seal_check *check);

/* ---- keys ---- */

/* The operator's file. Written with mode 0400, never over another file; "-": standard output. */
int seal_first_write(const char *path, const struct seal_first *first, struct error *err);
int seal_first_read(const char *path, struct seal_first *first, struct error *err);
int seal_first_parse(const char *text, const char *name, struct seal_first *first,
                     struct error *err);

/* What a state directory keeps. 1: read; 0: there is none; -1: it cannot be read. */
int seal_state_read(const char *directory, struct seal_state *state, struct error *err);

/* Does a daemon write this log now? */
bool seal_in_use(const char *directory);

/* ---- files ---- */

/* The files of a log from the oldest on, NULL-ended; free with seal_files_free. */
char **seal_files(const char *directory);
void seal_files_free(char **files);

/* ---- writing ---- */

struct seal_log;

/*
 * Opens the log of a state directory for one writer. What is wrong with its last file, or with the
 * key, is told to hook and written down as an entry of its own; the log goes on after it. file_max:
 * bytes of a file, 0: SEAL_FILE_MAX. NULL on error.
 */
struct seal_log *seal_open(const char *directory, uint64_t file_max, seal_hook hook, void *context,
                           struct error *err);

/* One entry, whole and on the disk, or -1 and nothing. kind: small letters; body: one line of JSON.
 * What could not be written is counted, and said in the next entry that can. */
int seal_append(struct seal_log *log, const char *kind, const char *body, struct error *err);

/*
 * Is the file as this log has left it? -1 (err) when another has changed, moved or removed it; that
 * is written down, too, and the log goes on in a new file when it has to.
 */
int seal_look(struct seal_log *log, struct error *err);

/* Removes the oldest full files but so many, 0: none, and says so in the log before. */
int seal_prune(struct seal_log *log, uint32_t keep, struct error *err);

/* A new first key from the next entry on, for the operator to keep. */
int seal_begin_key(struct seal_log *log, struct seal_first *first, struct error *err);

/* Has an operator been given the first key? */
bool seal_is_kept(const struct seal_log *log);

/* Number of the next entry. */
uint64_t seal_next(const struct seal_log *log);

/* NULL is allowed. */
void seal_close(struct seal_log *log);

#endif
