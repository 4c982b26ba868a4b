/* Keys in files: the operator's, and the one that the host keeps from entry to entry. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "seal/key.h"

#define FIRST_FORMAT "skink-log-key 1\nfirst %020" PRIu64 "\nkey %s\n"
#define STATE_FORMAT "skink-log-state 1\nnext %020" PRIu64 "\nkey %s\nkept %d\ncheck %s\n"
#define TEXT_MAX     512 /* one sector: written whole or not at all */

/* ---- the operator's ---- */

int seal_first_write(const char *path, const struct seal_first *first, struct error *err)
{
    char hex[SEAL_HEX + 1];
    char text[TEXT_MAX];
    hex_write(first->key.byte, hex);
    int length = snprintf(text, sizeof text, FIRST_FORMAT, first->first, hex);
    if (strcmp(path, "-") == 0)
        return fputs(text, stdout) < 0 || fflush(stdout) != 0
                   ? error_set(err, EXIT_USAGE, errno, "standard output")
                   : 0;
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    if (fd < 0 || write(fd, text, (size_t)length) != length || fsync(fd) < 0)
        return error_set(err, EXIT_USAGE, errno, "cannot write the key %s", path);
    return 0;
}

/* The value behind a line's word; what is not as it is written, the caller finds by writing it
 * again. */
static const char *value_of(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at ? at + strlen(word) : "";
}

static bool take_number(const char *text, const char *word, uint64_t *number)
{
    const char *at = value_of(text, word);
    return parse_digits(&at, at + strlen(at), 10, number);
}

static bool take_key(const char *text, char hex[SEAL_HEX + 1], struct seal_key *key)
{
    bool whole = hex_read(value_of(text, "\nkey "), key->byte);
    hex_write(key->byte, hex);
    return whole;
}

int seal_first_parse(const char *text, const char *name, struct seal_first *first,
                     struct error *err)
{
    char hex[SEAL_HEX + 1];
    char again[TEXT_MAX];
    *first = (struct seal_first){0};
    bool whole = take_number(text, "\nfirst ", &first->first) && take_key(text, hex, &first->key);
    snprintf(again, sizeof again, FIRST_FORMAT, first->first, hex);
    if (!whole || strcmp(text, again) != 0)
        return error_set(err, EXIT_USAGE, 0, "%s: not a key of a sealed log (skink log init)",
                         name);
    return 0;
}

int seal_first_read(const char *path, struct seal_first *first, struct error *err)
{
    char text[TEXT_MAX] = "";
    autofile FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, EXIT_USAGE, errno, "cannot read the key %s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    return seal_first_parse(text, path, first, err);
}

/* ---- the host's ---- */

/* With a check of its own: half a key must not be taken for one. */
static int state_text(const struct seal_state *state, char text[TEXT_MAX])
{
    char hex[SEAL_HEX + 1];
    char check[SEAL_HEX + 1];
    uint8_t hash[SEAL_BYTES];
    hex_write(state->key.byte, hex);
    int length = snprintf(text, TEXT_MAX, STATE_FORMAT, state->next, hex, state->kept, "");
    seal_hash(text, (size_t)length, hash);
    hex_write(hash, check);
    return snprintf(text, TEXT_MAX, STATE_FORMAT, state->next, hex, state->kept, check);
}

int state_write(int fd, const struct seal_state *state)
{
    char text[TEXT_MAX];
    int length = state_text(state, text);
    ssize_t wrote = pwrite(fd, text, (size_t)length, 0);
    OPENSSL_cleanse(text, sizeof text);
    return wrote == length && fdatasync(fd) == 0 ? 0 : -1;
}

int state_read(int fd, struct seal_state *state)
{
    char text[TEXT_MAX] = "";
    char again[TEXT_MAX];
    char hex[SEAL_HEX + 1];
    uint64_t kept;
    *state = (struct seal_state){0};
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0)
        return (int)size;
    if (!take_number(text, "\nnext ", &state->next) || !take_key(text, hex, &state->key) ||
        !take_number(text, "\nkept ", &kept))
        return -1;
    state->kept = kept != 0;
    state_text(state, again);
    return strcmp(text, again) == 0 ? 1 : -1;
}

static int open_state(const char *directory, int flags)
{
    autofree char *path = NULL;
    if (asprintf(&path, "%s/sealed.key", directory) < 0)
        abort();
    return open(path, O_CLOEXEC | flags, 0600);
}

int state_lock(const char *directory, struct error *err)
{
    autoclose int fd = open_state(directory, O_RDWR | O_CREAT);
    if (fd < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s/sealed.key", directory);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        error_set(err, EXIT_MACHINE, 0, "%s/sealed.log: another Skink writes it", directory);
        return error_hint(err, "stop that one, or use another state directory");
    }
    return take_fd(fd);
}

int seal_state_read(const char *directory, struct seal_state *state, struct error *err)
{
    autoclose int fd = open_state(directory, O_RDONLY);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return error_set(err, EXIT_USAGE, errno, "%s/sealed.key", directory);
    int found = state_read(fd, state);
    return found < 0 ? error_set(err, EXIT_USAGE, 0, "%s/sealed.key: damaged", directory) : found;
}

bool seal_in_use(const char *directory)
{
    autoclose int fd = open_state(directory, O_RDONLY);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}
