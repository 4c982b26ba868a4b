#include "base/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define QUIET    (2 * NS_PER_S)    /* shorter operations show nothing */
#define INTERVAL (100 * NS_PER_MS) /* between two writings of the line */
#define BAR      20                /* characters */
#define WIDTH    80                /* of a terminal that does not say */

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* A line can be rewritten there. */
static bool is_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

void progress_start(struct progress *progress, const char *label, const char *unit, uint64_t total)
{
    uint64_t now = clock_monotonic();
    *progress = (struct progress){.label = label,
                                  .unit = unit,
                                  .total = total,
                                  .started = now,
                                  .next = now + QUIET,
                                  .wanted = is_terminal(),
                                  .coloured = !is_set("NO_COLOR")};
}

/* ---- the text ---- */

/* "17", or "1.9 GiB" of bytes. */
static void spell_amount(const struct progress *progress, uint64_t amount, char *text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)amount;
    size_t unit = 0;
    if (strcmp(progress->unit, PROGRESS_BYTES) != 0) {
        snprintf(text, size, "%llu", (unsigned long long)amount);
        return;
    }
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    snprintf(text, size, "%.*f %s", unit ? 1 : 0, value, units[unit]);
}

/* "17 s", "3 m 05 s", "2 h 10 m". */
static void spell_time(uint64_t ns, char *text, size_t size)
{
    unsigned long long s = (ns + NS_PER_S / 2) / NS_PER_S;
    if (s < 60)
        snprintf(text, size, "%llu s", s);
    else if (s < 3600)
        snprintf(text, size, "%llu m %02llu s", s / 60, s % 60);
    else
        snprintf(text, size, "%llu h %02llu m", s / 3600, s / 60 % 60);
}

static double share(const struct progress *progress)
{
    if (progress->done >= progress->total)
        return 1;
    return (double)progress->done / (double)progress->total;
}

/* "40 of 120 traces" or, with nobody knowing how many there are, "40 traces". */
static void spell_done(const struct progress *progress, char *text, size_t size)
{
    char done[32], total[32];
    bool bytes = strcmp(progress->unit, PROGRESS_BYTES) == 0, known = progress->total > 0;
    spell_amount(progress, progress->done, done, sizeof done);
    spell_amount(progress, progress->total, total, sizeof total);
    snprintf(text, size, "%s%s%s%s%s", done, known ? " of " : "", known ? total : "",
             bytes ? "" : " ", bytes ? "" : progress->unit);
}

/* " 41 % [========------------] ", and into left how long it will go on. */
static void spell_share(const struct progress *progress, uint64_t elapsed, char *text, size_t size,
                        char *left, size_t left_size)
{
    char bar[BAR + 1], time[32];
    double part = share(progress);
    size_t full = (size_t)(part * BAR);
    memset(bar, '=', full);
    memset(bar + full, '-', BAR - full);
    bar[BAR] = '\0';
    snprintf(text, size, "%3d %% [%s] ", (int)(part * 100), bar);
    if (part > 0) {
        spell_time((uint64_t)((double)elapsed * (1 - part) / part), time, sizeof time);
        snprintf(left, left_size, ", %s left", time);
    }
}

/* Cuts at a character: continuation bytes of UTF-8 take no column. A label may hold a file's name,
 * whose control characters the terminal must not see. */
static void fit(char *text, unsigned width)
{
    unsigned columns = 0;
    for (char *at = text; *at; at++) {
        bool begins = ((unsigned char)*at & 0xc0) != 0x80;
        if (begins && columns++ == width) {
            *at = '\0';
            return;
        }
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
}

const char *progress_text(const struct progress *progress, uint64_t elapsed, unsigned width,
                          char text[PROGRESS_TEXT])
{
    char part[64] = "", done[96], time[48] = "";
    spell_done(progress, done, sizeof done);
    if (progress->total > 0) {
        spell_share(progress, elapsed, part, sizeof part, time, sizeof time);
    } else {
        char passed[32];
        spell_time(elapsed, passed, sizeof passed);
        snprintf(time, sizeof time, ", %s", passed);
    }
    snprintf(text, PROGRESS_TEXT, "%s%s%s  %s", part, done, time, progress->label);
    fit(text, width);
    return text;
}

/* ---- the line ---- */

static unsigned terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return WIDTH;
    return size.ws_col;
}

static void show(struct progress *progress, uint64_t now)
{
    char text[PROGRESS_TEXT];
    /* The last column is left free: some terminals begin a line when it is written. */
    progress_text(progress, now - progress->started, terminal_width() - 1, text);
    fprintf(stderr, progress->coloured ? "\r\033[36m%s\033[0m\033[K" : "\r%s\033[K", text);
    fflush(stderr);
    progress->shown = true;
    progress->next = now + INTERVAL;
}

void progress_set(struct progress *progress, uint64_t done)
{
    progress->done = done;
    if (!progress->wanted)
        return;
    uint64_t now = clock_monotonic();
    if (now >= progress->next)
        show(progress, now);
}

void progress_advance(struct progress *progress, uint64_t more)
{
    progress_set(progress, progress->done + more);
}

void progress_hide(struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->shown = false;
}

void progress_end(struct progress *progress)
{
    progress_hide(progress);
    progress->wanted = false;
}
