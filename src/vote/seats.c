#include "vote/seats.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct seats {
    pthread_mutex_t lock;
    uint64_t version;
    size_t count;
    struct seat seat[BALLOT_REPLICAS];
};

/* ---- from text ---- */

static size_t find_name(const struct seat *seat, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(seat[i].name) == length && memcmp(seat[i].name, name, length) == 0)
            return i;
    return BALLOT_NOBODY;
}

size_t seat_find(const struct seat *seat, size_t count, const char *text, size_t length)
{
    size_t found = find_name(seat, count, text, length);
    if (found != BALLOT_NOBODY || length != 1 || text[0] < '1' || text[0] > '9')
        return found;
    size_t number = (size_t)(text[0] - '1');
    return number < count ? number : BALLOT_NOBODY;
}

int seat_add(struct seat *seat, size_t *count, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (length == 0 || length >= SEAT_TEXT || !strchr(equals, ':') ||
        strlen(equals + 1) >= SEAT_TEXT || strpbrk(text, " \t\r"))
        return error_set(err, EXIT_USAGE, 0, "%s: not a name and an address (web-1=10.0.0.2:8080)",
                         text);
    if (find_name(seat, *count, text, length) != BALLOT_NOBODY)
        return error_set(err, EXIT_USAGE, 0, "%s: there is one of this name", text);
    if (*count == BALLOT_REPLICAS)
        return error_set(err, EXIT_USAGE, 0, "%s: one too many (at most %d)", text,
                         BALLOT_REPLICAS);
    struct seat *next = &seat[(*count)++];
    memset(next, 0, sizeof *next);
    memcpy(next->name, text, length);
    memcpy(next->address, equals + 1, strlen(equals + 1));
    return 0;
}

static int read_lines(FILE *file, const char *path, struct seat *seat, size_t *count,
                      struct error *err)
{
    char line[3 * SEAT_TEXT];
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        size_t length = strcspn(line, "\n");
        bool whole = line[length] == '\n' || feof(file);
        line[length] = '\0';
        if (whole && (line[0] == '\0' || line[0] == '#'))
            continue;
        if (!whole)
            return error_set(err, EXIT_USAGE, 0, "%s:%u: too long", path, number);
        if (seat_add(seat, count, line, err) < 0)
            return error_context(err, "%s:%u", path, number);
    }
    return ferror(file) ? error_set(err, EXIT_MACHINE, errno, "%s", path) : 0;
}

int seats_read(const char *path, struct seat *seat, size_t *count, struct error *err)
{
    autofile FILE *file = fopen(path, "re");
    *count = 0;
    return file ? read_lines(file, path, seat, count, err)
                : error_set(err, EXIT_MACHINE, errno, "%s", path);
}

/* ---- while requests are under way ---- */

struct seats *seats_new(const struct seat *seat, size_t count)
{
    struct seats *seats = memory_must(calloc(1, sizeof *seats));
    pthread_mutex_init(&seats->lock, NULL);
    seats->version = 1;
    seats->count = count;
    memcpy(seats->seat, seat, count * sizeof *seat);
    return seats;
}

void seats_free(struct seats *seats)
{
    if (!seats)
        return;
    pthread_mutex_destroy(&seats->lock);
    free(seats);
}

bool seats_look(struct seats *seats, uint64_t *seen, struct seat *copy)
{
    pthread_mutex_lock(&seats->lock);
    bool changed = *seen != seats->version;
    if (changed)
        memcpy(copy, seats->seat, seats->count * sizeof *copy);
    *seen = seats->version;
    pthread_mutex_unlock(&seats->lock);
    return changed;
}

bool seats_changed(struct seats *seats, uint64_t seen)
{
    pthread_mutex_lock(&seats->lock);
    bool changed = seen != seats->version;
    pthread_mutex_unlock(&seats->lock);
    return changed;
}

size_t seats_change(struct seats *seats, const struct seat *seat, bool *changed)
{
    size_t many = 0;
    pthread_mutex_lock(&seats->lock);
    for (size_t i = 0; i < seats->count; i++) {
        changed[i] = strcmp(seats->seat[i].name, seat[i].name) != 0 ||
                     strcmp(seats->seat[i].address, seat[i].address) != 0;
        many += changed[i];
        seats->seat[i] = seat[i];
    }
    seats->version += many > 0;
    pthread_mutex_unlock(&seats->lock);
    return many;
}
