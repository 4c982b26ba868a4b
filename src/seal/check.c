/* Reads a sealed log and says where it is not what was written. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "seal/entry.h"

#define LEAP_MAX ((uint64_t)1 << 24) /* entries that may be missing in a row: keys are followed */

struct seal_check {
    seal_hook hook;
    void *context;
    bool keyed; /* key is that of entry key_next */
    uint64_t key_next;
    struct seal_key key;
    struct seal_first first; /* the operator's */
    uint64_t written;        /* so many entries there were when he got it */
    uint64_t from;
    uint64_t pruned;    /* an entry says that what is before this one was removed */
    bool begun, linked; /* the next entry's prev must be summary.head */
    const char *file;   /* under way */
    uint64_t line;
    struct seal_summary summary;
};

bool seal_is_notice(enum seal_fault fault)
{
    return fault == SEAL_TORN || fault == SEAL_HANDED_OVER || fault == SEAL_PRUNED;
}

static __attribute__((format(printf, 4, 5))) void
found(struct seal_check *check, enum seal_fault fault, uint64_t entry, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct seal_finding finding = {.fault = fault,
                                         .file = check->file ? check->file : "",
                                         .line = check->file ? check->line : 0,
                                         .entry = entry,
                                         .text = text};
    check->summary.faults += !seal_is_notice(fault);
    if (check->hook)
        check->hook(check->context, &finding);
}

struct seal_check *seal_check_new(const struct seal_first *key, uint64_t from, seal_hook hook,
                                  void *context)
{
    struct seal_check *check = memory_must(calloc(1, sizeof *check));
    check->hook = hook;
    check->context = context;
    check->from = from;
    if (key) {
        check->keyed = true;
        check->first = *key;
        check->key = key->key;
        check->key_next = key->first;
        check->written = key->first > 0 ? key->first : 1; /* a new log begins with an entry */
    }
    return check;
}

void seal_check_free(struct seal_check *check)
{
    if (!check)
        return;
    key_forget(&check->key);
    key_forget(&check->first.key);
    free(check);
}

/* ---- one entry ---- */

/* Where the log begins. */
static void begin(struct seal_check *check, const struct entry *entry)
{
    static const uint8_t NOTHING[SEAL_BYTES];
    struct seal_summary *summary = &check->summary;
    check->begun = true;
    summary->first = summary->next = entry->number;
    if (check->from >= SEAL_AS_TOLD || entry->number == check->from) {
        check->linked = entry->number == 0;
        memcpy(summary->head, NOTHING, sizeof NOTHING);
    } else if (entry->number > check->from) {
        found(check, SEAL_MISSING, check->from,
              "the beginning is missing: entries %" PRIu64 " to %" PRIu64, check->from,
              entry->number - 1);
    }
}

/* In its order? False: it is not looked at any further. */
static bool in_order(struct seal_check *check, const struct entry *entry)
{
    uint64_t next = check->summary.next;
    if (entry->number < next) {
        found(check, SEAL_OUT_OF_ORDER, entry->number,
              "entry %" PRIu64 " stands after entry %" PRIu64 ": moved, repeated or put in",
              entry->number, next - 1);
        return false;
    }
    if (entry->number == next)
        return true;
    if (entry->number - next > LEAP_MAX) {
        found(check, SEAL_CHANGED, next, "instead of entry %" PRIu64 " there is a number %" PRIu64,
              next, entry->number);
        return false;
    }
    if (entry->number - next == 1)
        found(check, SEAL_MISSING, next, "entry %" PRIu64 " is missing", next);
    else
        found(check, SEAL_MISSING, next, "entries %" PRIu64 " to %" PRIu64 " are missing", next,
              entry->number - 1);
    check->linked = false;
    return true;
}

static bool linked(struct seal_check *check, const struct entry *entry)
{
    if (!check->linked || memcmp(entry->prev, check->summary.head, SEAL_BYTES) == 0)
        return true;
    found(check, SEAL_CHANGED, entry->number,
          "entry %" PRIu64 " does not continue the one before: one of the two was changed",
          entry->number);
    return false;
}

/* Does the key of this entry fit? An entry "key" hands over to a key that is not ours. */
static bool sealed(struct seal_check *check, const struct entry *entry, const char *line, bool told)
{
    uint8_t mac[SEAL_BYTES];
    if (!check->keyed || entry->number < check->key_next)
        return !told;
    if (entry->number - check->key_next > LEAP_MAX) {
        found(check, SEAL_KEY, entry->number, "the key is of an entry too far before it");
        check->keyed = false;
        return false;
    }
    for (; check->key_next < entry->number; check->key_next++)
        key_evolve(&check->key);
    key_seal(&check->key, line, entry->sealed, mac);
    bool fits = memcmp(mac, entry->mac, SEAL_BYTES) == 0;
    check->summary.sealed += fits;
    if (!fits && !told)
        found(check, SEAL_CHANGED, entry->number, "entry %" PRIu64 " was changed", entry->number);
    key_evolve(&check->key);
    check->key_next++;
    if (!fits || !entry_is(entry, "key") || entry->number == check->first.first)
        return fits;
    check->keyed = false;
    found(check, SEAL_HANDED_OVER, check->key_next,
          "another key was made here: from entry %" PRIu64 " on that one is needed",
          check->key_next);
    return true;
}

/* {"next":NUMBER,… of an entry that says that what is before this one was removed. */
static void note_pruned(struct seal_check *check, const struct entry *entry, const char *line)
{
    static const char NEXT[] = "\"body\":{\"next\":";
    uint64_t next;
    const char *end = line + entry->sealed;
    const char *at = memmem(line, entry->sealed, NEXT, sizeof NEXT - 1);
    if (!at)
        return;
    at += sizeof NEXT - 1;
    if (parse_digits(&at, end, 10, &next) && next <= entry->number && next > check->pruned)
        check->pruned = next;
}

static void look(struct seal_check *check, const char *line, size_t length)
{
    struct seal_summary *summary = &check->summary;
    struct entry entry;
    if (!entry_parse(line, length, &entry)) {
        found(check, SEAL_FOREIGN, summary->next, "no entry: the line was changed or put in");
        return;
    }
    if (!check->begun)
        begin(check, &entry);
    if (check->line == 1)
        summary->file_first = entry.number;
    if (!in_order(check, &entry))
        return;
    if (sealed(check, &entry, line, !linked(check, &entry)) && entry_is(&entry, "pruned"))
        note_pruned(check, &entry, line);
    seal_hash(line, length, summary->head);
    check->linked = true;
    summary->next = entry.number + 1;
    summary->entries++;
    summary->closed = entry_is(&entry, "stop");
    snprintf(summary->last_time, sizeof summary->last_time, "%.*s", (int)entry.time_length,
             entry.time);
}

/* ---- files ---- */

static void line_of(struct seal_check *check, const char *line, size_t size)
{
    check->line++;
    if (size > 0 && line[size - 1] == '\n') {
        look(check, line, size - 1);
        return;
    }
    check->summary.torn = size;
    found(check, SEAL_TORN, check->summary.next,
          "%zu bytes of an entry that was not finished: the daemon was killed, or writes it now",
          size);
}

static void begin_file(struct seal_check *check, const char *file)
{
    if (check->summary.torn > 0)
        found(check, SEAL_FOREIGN, check->summary.next,
              "the log goes on in another file after an unfinished entry");
    check->summary.torn = 0;
    check->summary.file_first = check->summary.next;
    check->file = file;
    check->line = 0;
}

void seal_check_text(struct seal_check *check, const char *file, const char *text, size_t size)
{
    const char *end = text + size;
    begin_file(check, file);
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *after = newline ? newline + 1 : end;
        line_of(check, text, (size_t)(after - text));
        text = after;
    }
    check->file = NULL;
}

int seal_check_file(struct seal_check *check, const char *path, struct error *err)
{
    autofile FILE *file = fopen(path, "re");
    autofree char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (!file)
        return error_set(err, EXIT_USAGE, errno, "cannot read %s", path);
    begin_file(check, path);
    while ((size = getline(&line, &room, file)) > 0)
        line_of(check, line, (size_t)size);
    check->file = NULL;
    return ferror(file) ? error_set(err, EXIT_USAGE, errno, "cannot read %s", path) : 0;
}

/* ---- the end ---- */

/* A beginning that is not there: was it removed as the log was told, or by another? */
static void check_beginning(struct seal_check *check)
{
    uint64_t first = check->summary.first;
    if (check->from != SEAL_AS_TOLD || first == 0)
        return;
    if (first <= check->pruned)
        found(check, SEAL_PRUNED, 0, "entries 0 to %" PRIu64 " were pruned, as the log says",
              first - 1);
    else
        found(check, SEAL_MISSING, 0, "the beginning is missing: entries 0 to %" PRIu64, first - 1);
}

/* The key of an entry: followed on, or, when the log went beyond it, from the first once more. */
static struct seal_key key_of(const struct seal_check *check, uint64_t entry)
{
    bool past = entry < check->key_next;
    struct seal_key key = past ? check->first.key : check->key;
    for (uint64_t at = past ? check->first.first : check->key_next; at < entry; at++)
        key_evolve(&key);
    return key;
}

/* Is the key that the host has the one that the operator's leads to? */
static void check_host_key(struct seal_check *check, const struct seal_state *state)
{
    if (!check->keyed || state->next < check->first.first ||
        (state->next > check->key_next && state->next - check->key_next > LEAP_MAX))
        return;
    struct seal_key key = key_of(check, state->next);
    if (memcmp(&key, &state->key, sizeof key) != 0)
        found(check, SEAL_KEY, state->next,
              "the host's key is not the one that follows from the first: it was replaced");
    key_forget(&key);
}

void seal_check_end(struct seal_check *check, const struct seal_state *state, bool in_use)
{
    check_beginning(check);
    uint64_t next = check->summary.next;
    uint64_t written = state && state->next > check->written ? state->next : check->written;
    if (!state && next > 0)
        found(check, SEAL_KEY, next,
              "the host's key (sealed.key) is missing: nobody knows how many entries there were");
    if (written > next)
        found(check, SEAL_CUT_OFF, next,
              "the end is cut off: entries %" PRIu64 " to %" PRIu64 " are missing", next,
              written - 1);
    if (!state)
        return;
    if (state->next + 1 < next && !in_use) /* one behind: killed between the entry and its key */
        found(check, SEAL_KEY, next,
              "the host's key is that of entry %" PRIu64 ", %" PRIu64
              " entries back: an old one was put in its place",
              state->next, next - state->next);
    check_host_key(check, state);
}

const struct seal_summary *seal_check_summary(const struct seal_check *check)
{
    return &check->summary;
}
